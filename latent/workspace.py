"""What is fitted, drawn and computed over a store, kept in memory by one object that any thread may ask.

    workspace = Workspace(store)
    basis = workspace.basis(encoder_id, Coloring("corpus"))
    workspace.clip_colors(clip_id, basis)                 # uint8 (S, H, W, 3)
    workspace.track(clip_id, MarkedPatches.parse("CLIP-0.4.7"))

Bases, the sample and the null similarity stay the same until an encoder's clips have become a fifth more, so that colors and levels do not
change while one looks; graphs, colors, tracks and masks belong to clips, which never change. Each kind is kept up to a number (`KEPT`).
Whole clips are read by as many threads at once as there are processors: more would wait for each other, each with a clip in memory.
"""

import hashlib
import math
import os
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Any, TypeVar

import numpy as np

from tubelet.array_types import UInt8
from tubelet.latent import bases, channels, clips, null_similarity, query, retrieval, segmentation
from tubelet.latent import sample as samples
from tubelet.latent.basis import Basis
from tubelet.latent.categories import Categories
from tubelet.latent.channels import Look, OfClip, OfSample
from tubelet.latent.colorings import (
    PLACELESS,
    Coloring,
    color_clip,
    find_categories,
    fit_basis,
)
from tubelet.latent.directions.description import Description, describe_direction
from tubelet.latent.directions.direction import Direction
from tubelet.latent.directions.naming import count_dimensions
from tubelet.latent.directions.ranking import Extremes, rank_corpus
from tubelet.latent.directions.sample import DirectionSample, draw_direction_sample
from tubelet.latent.errors import LatentError
from tubelet.latent.graph import TokenGraph, build_graph
from tubelet.latent.hits import RankingOptions
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.memo import Memo
from tubelet.latent.retrieval import SearchAnswer
from tubelet.latent.sample import Sample
from tubelet.latent.segmentation import Segmentation
from tubelet.latent.texts.ranking import TextRanking, rank_kept
from tubelet.latent.tracking import Track
from tubelet.latent.tracks import follow_patches
from tubelet.latent.video_map import VideoMap, lay_out
from tubelet.latent.video_vectors import VideoVectors, read_vectors
from tubelet.store import Store, ids
from tubelet.store.questions.clips import clip_of_video
from tubelet.store.questions.video_vectors import clips_held
from tubelet.store.rows import ClipRow, NamedClip

T = TypeVar("T")
GROWTH = 1.2
GROWN = "the corpus has grown since this page was opened: reload the page"
READING = BoundedSemaphore(
    os.cpu_count() or 1
)  # held while a clip's embeddings are; nothing else is waited for meanwhile
KEPT = {
    "counts": 1, "clips": 1000, "bases": 64, "samples": 4, "null_similarities": 4, "clusterings": 16, "graphs": 4,
    "colors": 200, "points": 50, "categories": 16, "neighbors": 20, "sample_points": 4, "tracks": 100, "segmentations": 100, "answers": 100,
    "video_vectors": 4, "video_maps": 8, "video_points": 50, "corpus_answers": 20, "direction_samples": 2,
}  # fmt: skip


@dataclass(frozen=True)
class SampledToken:
    """A token of the sample: its `clips` row, the name of its video, (slice, y, x), and its time in the video."""

    clip: ClipRow
    video_name: str
    patch: tuple[int, int, int]
    seconds: float


class Workspace:
    """Bases, colors, maps, tracks, masks and search over a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._kept: dict[str, Memo[Any]] = {kind: Memo(most) for kind, most in KEPT.items()}

    def basis(self, encoder_id: str, coloring: Coloring) -> Basis:
        """The basis of a coloring. Raises LatentError for what cannot be fitted."""
        key = encoder_id, coloring.name, self._growth(encoder_id)
        return self._kept["bases"].get(key, lambda: fit_basis(self.store, encoder_id, coloring))

    def find_basis(self, encoder_id: str, coloring: str, basis_id: str) -> Basis:
        """The basis by which an open page draws, by the coloring's name. Raises LatentError where it is another by now."""
        found = self.basis(encoder_id, Coloring.parse(coloring))
        if found.basis_id != basis_id:
            raise LatentError(GROWN)
        return found

    def categories(self, coloring: Coloring, basis: Basis) -> Categories | None:
        """The categories that a coloring shows, by its own basis; None where its colors are a matter of degree."""
        key = self.store.fingerprint, basis.basis_id, coloring.source
        return self._kept["categories"].get(
            key, lambda: find_categories(self.store, basis.encoder_id, coloring, basis)
        )

    def space(self, basis: Basis) -> Basis:
        """The basis that gives tokens their positions on a map: the basis itself or, for kinds that give none (clusters, single directions, attention, similarity to a text), the components of the corpus."""
        placeless = basis.kind in PLACELESS
        return self.basis(basis.encoder_id, Coloring("corpus")) if placeless else basis

    def clip_colors(
        self, clip_id: str, basis: Basis, categories: Categories | None = None
    ) -> UInt8[np.ndarray, "S H W 3"]:
        """Colors of a clip's tokens, uint8 ``(S, H, W, 3)``, read-only. Raises LatentError where there is nothing to color."""
        return self._kept["colors"].get(
            (clip_id, basis.basis_id, categories and categories.key),
            lambda: self._color(clip_id, basis, categories),
        )

    def list_clusterings(self, encoder_id: str) -> dict[str, str]:
        """The name of every kept clustering of an encoder, and its basis."""
        key = self.store.fingerprint, encoder_id
        return self._kept["clusterings"].get(
            key,
            lambda: channels.clusterings(
                bases.list_bases(encoder_id).read(self.store, bases.ListedBasis)
            ),
        )

    def look(self, coloring: Coloring, basis: Basis, shown: str) -> Look:
        """How a map is drawn: colored by a coloring, with channels from one text. Raises StoreError where a token has no such number."""
        space = self.space(basis)
        kept = list(self.list_clusterings(space.encoder_id))
        return Look(space, channels.parse(shown, space, kept), self.categories(coloring, basis))

    def points(self, clip: ClipRow, look: Look) -> bytes:
        """Points of the tokens of a `clips` row for the map, 16 bytes each. Raises LatentError where there are none."""
        return self._kept["points"].get(
            (clip["clip_id"], *look.key), lambda: self._place(clip, look)
        )

    def sample(self, encoder_id: str) -> Sample:
        """The sample of an encoder's tokens. Raises LatentError where there is none."""
        return self.sample_tokens(encoder_id).sample

    def find_sample(self, encoder_id: str, sample_id: str) -> Sample:
        """The sample that an open page draws: numbers of another would mean other tokens. Raises LatentError where it is another by now."""
        found = self.sample(encoder_id)
        if found.sample_id != sample_id:
            raise LatentError(GROWN)
        return found

    def sample_points(self, sample: Sample, look: Look) -> bytes:
        """Points of the sample for the map, 16 bytes each: 4.8 MB at most. Raises LatentError."""
        tokens = self.sample_tokens(sample.encoder_id)
        kept = self._clusterings(look.basis.encoder_id, look.chosen)
        key = tokens.sample.sample_id, *look.key
        return self._kept["sample_points"].get(
            key, lambda: channels.points(tokens, look.basis, look.chosen, kept, look.categories)
        )

    def neighbors(self, tokens: OfClip | OfSample, marked: MarkedPatches) -> np.ndarray:
        """Largest cosine of each token of a map to the marked patches, float32 ``(n,)``. Raises LatentError."""
        whose = tokens.clip.clip_id if isinstance(tokens, OfClip) else tokens.sample.sample_id
        ask = lambda: query.query_stored(self.store, marked.clip_id, marked.patches)  # noqa: E731
        return self._kept["neighbors"].get((whose, marked.name), lambda: tokens.cosines(ask()))

    def find_sampled(self, encoder_id: str, sample_id: str, number: int | None) -> SampledToken:
        """Where a token of the sample comes from, by its number. Raises LatentError where there is none of that number."""
        sample = self.find_sample(encoder_id, sample_id)
        if number is None or not 0 <= number < len(sample):
            raise LatentError(f"the sample has tokens 0 to {len(sample) - 1}")
        clip_id, patch = sample.address(number)
        clip = self._clip(clip_id)
        seconds = clip["start_s"] + patch[0] / clip["slices"] * (clip["stop_s"] - clip["start_s"])
        return SampledToken(clip, clip["video_name"], patch, seconds)

    def track(self, clip_id: str, marked: MarkedPatches) -> Track:
        """Where marked patches are in a clip, their own or another of their encoder. Raises LatentError."""
        home = self._clip(marked.clip_id)
        growth, encoder_id = self._growth(home["encoder_id"]), home["encoder_id"]
        level = self._kept["null_similarities"].get(
            (encoder_id, growth),
            lambda: null_similarity.draw_null_similarity(self.store, encoder_id),
        )
        return self._kept["tracks"].get(
            (clip_id, marked.name, growth),
            lambda: self._follow(clip_id, marked, level.without(home["video_id"])),
        )

    def graph(self, clip_id: str) -> TokenGraph:
        """The graph of a clip's tokens. Raises LatentError."""
        return self._kept["graphs"].get(clip_id, lambda: self._join(clip_id))

    def segment(self, marked: MarkedPatches) -> Segmentation:
        """What spreads from marked patches and their background over their clip. Raises LatentError."""
        return self._kept["segmentations"].get(marked.name, lambda: self._spread(marked))

    def search(
        self,
        marked: MarkedPatches,
        ranking: RankingOptions,
        exactly: bool = False,
        videos: Sequence[str] | None = None,
    ) -> SearchAnswer:
        """The patches most like the marked ones, ranked: of the corpus, or of some videos. Raises LatentError."""
        key = (
            self.store.fingerprint,
            marked.name,
            ranking,
            exactly,
            None if videos is None else tuple(videos),
        )
        ask = lambda: query.query_stored(self.store, marked.clip_id, marked.patches)  # noqa: E731
        return self._kept["answers"].get(
            key, lambda: retrieval.find(self.store, ask(), ranking, exactly, videos)
        )

    def video_vectors(self, encoder_id: str) -> VideoVectors:
        """The mean embedding of every video of an encoder, read again once its clips are others. Raises LatentError where there is none."""
        (held,) = clips_held(encoder_id).answer(self.store).to_pylist()
        key = encoder_id, *held.values()
        return self._kept["video_vectors"].get(key, lambda: read_vectors(self.store, encoder_id))

    def video_map(self, encoder_id: str, layout: str) -> VideoMap:
        """The videos of an encoder in two dimensions. Raises LatentError for what cannot be laid out."""
        vectors = self.video_vectors(encoder_id)
        key = encoder_id, vectors.vectors_id, layout
        return self._kept["video_maps"].get(key, lambda: lay_out(vectors, layout))

    def direction_sample(self, encoder_id: str) -> DirectionSample:
        """The tokens that directions of an encoder are described by: 64 MB at most. Raises LatentError where there are none."""
        key = encoder_id, self._growth(encoder_id)
        return self._kept["direction_samples"].get(
            key,
            lambda: draw_direction_sample(
                self.store, encoder_id, count_dimensions(self.store, encoder_id)
            ),
        )

    def describe_direction(
        self, direction: Direction, videos: Sequence[str] | None = None
    ) -> Description:
        """Statistics of a direction over the sample, within some videos (None: all). Raises LatentError where there are none."""
        key = direction.encoder_id, direction.key, None if videos is None else tuple(videos)
        sample = self.direction_sample(direction.encoder_id)
        return self.keep_answer(key, lambda: describe_direction(direction, sample, videos))

    def rank_corpus(
        self, direction: Direction, ranking: RankingOptions, videos: Sequence[str] | None = None
    ) -> Extremes | None:
        """The tokens of the whole corpus with the largest and smallest values, of some videos only, if given; None where only the sample can tell."""
        key = "ends", direction.encoder_id, direction.key, ranking, None if videos is None else tuple(videos)  # fmt: skip

        def ask() -> Extremes | None:
            with READING:
                return rank_corpus(self.store, direction, ranking, videos)

        return self.keep_answer(key, ask)

    def rank_text(self, encoder_id: str, text_id: str, ranking: RankingOptions) -> TextRanking:
        """The slices most like a text that was searched for, of the clips that the search has read. Raises LatentError."""

        def ask() -> TextRanking:
            with READING:
                return rank_kept(self.store, encoder_id, text_id, ranking)

        return self.keep_answer(("text", encoder_id, text_id, ranking), ask)

    def keep_answer(self, key: Hashable, ask: Callable[[], T]) -> T:
        """The answer to a question over the corpus, asked once per state of the store. Raises LatentError."""
        return self._kept["corpus_answers"].get((self.store.fingerprint, key), ask)

    def offer_points(self, points: bytes) -> str:
        """Keep the points of a map of videos for the browser that fetches them next; their key."""
        key = hashlib.sha256(points).hexdigest()[: ids.DIGITS]
        self._kept["video_points"].get(key, lambda: points)
        return key

    def find_points(self, key: str) -> bytes:
        """The points of an open page's map of videos. Raises LatentError where they are no longer kept."""
        return self._kept["video_points"].get(key, _refuse_points)

    def find_video(self, encoder_id: str, vectors_id: str, number: int | None) -> str:
        """The video of a point, by its number. Raises LatentError where the map is another by now, or has no such point."""
        vectors = self.video_vectors(encoder_id)
        if vectors.vectors_id != vectors_id:
            raise LatentError(GROWN)
        if number is None or not 0 <= number < len(vectors):
            raise LatentError(f"the map has videos 0 to {len(vectors) - 1}")
        return vectors.video_ids[number]

    def _clip(self, clip_id: str) -> NamedClip:
        """A `clips` row with the name of its video. Raises LatentError where there is none of this id."""
        return self._kept["clips"].get(
            (self.store.fingerprint, clip_id), lambda: self._find_clip(clip_id)
        )

    def _find_clip(self, clip_id: str) -> NamedClip:
        found = clip_of_video(clip_id).answer(self.store).to_pylist()
        if not found:
            raise LatentError(
                f'{self.store.name} holds no clip {clip_id}: list them with `tubelet sql "FROM clips" --store {self.store.shell_name}`'
            )
        return NamedClip.of(found[0])

    def _growth(self, encoder_id: str) -> int:
        """A number that changes each time an encoder's clips have become a fifth more."""
        count = (
            self._kept["counts"].get(self.store.fingerprint, self._count_clips).get(encoder_id, 0)
        )
        return round(math.log(count + 1, GROWTH))

    def _count_clips(self) -> dict[str, int]:
        return {
            row["encoder_id"]: row["n"]
            for row in self.store.rows(
                "SELECT encoder_id, count(*) AS n FROM clips GROUP BY encoder_id"
            )
        }

    def _color(self, clip_id: str, basis: Basis, categories: Categories | None) -> np.ndarray:
        with READING:
            colors = color_clip(self.store, clip_id, basis, categories)
        colors.flags.writeable = False
        return colors

    def _clusterings(self, encoder_id: str, chosen: Sequence[str]) -> dict[str, Basis]:
        """The kept clusterings among the names that were chosen."""
        known = self.list_clusterings(encoder_id)
        return {
            name: self.basis(encoder_id, Coloring("basis", known[name]))
            for name in chosen
            if name in known
        }

    def _place(self, clip: ClipRow, look: Look) -> bytes:
        kept = self._clusterings(look.basis.encoder_id, look.chosen)
        tokens = OfClip(self.store, clip)
        with READING:
            return channels.points(tokens, look.basis, look.chosen, kept, look.categories)

    def sample_tokens(self, encoder_id: str) -> OfSample:
        """The sample's tokens with what was computed of them. Raises LatentError where there is none."""
        key = encoder_id, self._growth(encoder_id)
        return self._kept["samples"].get(
            key, lambda: OfSample(self.store, samples.draw_sample(self.store, encoder_id))
        )

    def _follow(
        self, clip_id: str, marked: MarkedPatches, level: null_similarity.NullSimilarity
    ) -> Track:
        with READING:
            return follow_patches(self.store, clip_id, marked, level)

    def _spread(self, marked: MarkedPatches) -> Segmentation:
        return segmentation.segment(self.graph(marked.clip_id), marked.patches, marked.background)

    def _join(self, clip_id: str) -> TokenGraph:
        with READING:
            return build_graph(clips.open_clip(self.store, clip_id))


def _refuse_points() -> bytes:
    raise LatentError("the map of this page is no longer kept: reload the page")
