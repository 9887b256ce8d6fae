"""The sample of the corpus: rows of `token_samples` of an encoder, by their addresses; their coordinates and statistics, read piece by piece.

    sample = draw_sample(store, encoder_id)         # up to 300,000 tokens: 3 MB
    coordinates(store, sample, basis)               # (n, k): never more than a few thousand embeddings at a time

Every video gives about as many rows, of its regular windows; a hash of their addresses selects them, the same ones on every machine.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from tubelet.array_types import Float32, Int
from tubelet.latent.basis import Basis
from tubelet.latent.errors import LatentError
from tubelet.latent.query import TokenQuery
from tubelet.latent.scope import CHOSEN, SAMPLED, SAMPLES, sampling
from tubelet.store import Store
from tubelet.store.questions.corpus import Question
from tubelet.store.statistics import TOKEN_STATISTICS

MOST = 300_000  # tokens, give or take what chance does
PIECE = 1_024  # tokens read at a time
ADDRESS = "s.clip_id, s.slice, s.y, s.x"
CLIPS = """SELECT c.clip_id, c.grid_height, c.grid_width, c.video_id, v.name, v.label, c.start_s, c.stop_s, c.slices, dense_rank() OVER (ORDER BY v.label NULLS LAST, v.name, v.video_id) AS video
FROM clips c JOIN videos v USING (video_id) WHERE c.encoder_id = $encoder ORDER BY c.clip_id"""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Sampled tokens in the order of their addresses: `clip` counts rows of `clips` (`CLIPS` has its columns; `video` is its number
    by label and name), `slice`, `y`, `x`; each ``(n,)``. `each` is about the number of tokens per video."""

    encoder_id: str
    each: int
    clips: pa.Table
    clip: Int[np.ndarray, " n"]
    slice: Int[np.ndarray, " n"]
    y: Int[np.ndarray, " n"]
    x: Int[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.clip)

    @property
    def values(self) -> dict:
        """The bound values of the sample's SQL."""
        return {"encoder": self.encoder_id, "each": self.each, "slices": None}

    @cached_property
    def sample_id(self) -> str:
        """Hash of every address."""
        digest = hashlib.sha256(
            "/".join([self.encoder_id, *self.clips["clip_id"].to_pylist()]).encode()
        )
        digest.update(self._keys.data)
        return digest.hexdigest()[:16]

    @cached_property
    def _keys(self) -> np.ndarray:
        return _keys(self.clip, self.slice, self.y, self.x)

    @cached_property
    def _clip_numbers(self) -> dict[str, int]:
        return {clip_id: number for number, clip_id in enumerate(self.clips["clip_id"].to_pylist())}

    def address(self, number: int) -> tuple[str, tuple[int, int, int]]:
        """Clip and (slice, y, x) of a token."""
        return self.clips["clip_id"][int(self.clip[number])].as_py(), (
            int(self.slice[number]),
            int(self.y[number]),
            int(self.x[number]),
        )

    def numbers(self, clip_id: str, patches: Sequence[tuple[int, int, int]]) -> list[int]:
        """Which of a clip's patches are in the sample."""
        wanted = np.array(patches, np.int64).reshape(-1, 3).T
        found = self._places(np.full(wanted.shape[1], self._clip_numbers.get(clip_id, -1)), *wanted)
        return found[found >= 0].tolist()

    def of_clip(self, clip_id: str) -> tuple[int, int]:
        """The first of a clip's tokens, and how many there are: they are contiguous."""
        number = self._clip_numbers.get(clip_id, -1)
        first, stop = np.searchsorted(self.clip, [number, number + 1])
        return int(first), int(stop - first)

    def of_slices(self, clip_id: str) -> list[int]:
        """Where each slice of a clip begins among the tokens, and after the last one where it ends; empty for a clip that has none."""
        first, count = self.of_clip(clip_id)
        if not count:
            return []
        (slices,) = self.clips["slices"].filter(
            pa.array(np.arange(len(self.clips)) == self.clip[first])
        )
        own = self.slice[first : first + count]
        return (first + np.searchsorted(own, np.arange(slices.as_py() + 1))).tolist()

    def places(self, rows: pa.RecordBatch) -> Int[np.ndarray, " n"]:
        """Where each row with an address stands in the sample, ``(n,)``; -1 for one that is not in it."""
        encoded = rows.column("clip_id").dictionary_encode()
        known = np.array(
            [self._clip_numbers.get(clip_id, -1) for clip_id in encoded.dictionary.to_pylist()],
            np.int64,
        )
        return self._places(
            known[encoded.indices.to_numpy()],
            *(rows.column(name).to_numpy() for name in ("slice", "y", "x")),
        )

    def _places(self, *address: np.ndarray) -> np.ndarray:
        if not len(self):
            return np.full(len(address[0]), -1)
        keys = _keys(*address)
        found = np.minimum(np.searchsorted(self._keys, keys), len(self) - 1)
        return np.where(self._keys[found] == keys, found, -1)


def draw_sample(store: Store, encoder_id: str, most: int = MOST) -> Sample:
    """The sample of an encoder. Raises LatentError where it has none."""
    asked = sampling(store, encoder_id, most)
    clips = store.query(CLIPS, {"encoder": encoder_id})
    rows = store.query(f"SELECT {ADDRESS}\n{SAMPLED}\nORDER BY ALL", asked)
    if not len(rows):
        raise LatentError(
            f"{store.name} holds no sampled tokens of {encoder_id}: `tubelet ingest` samples tokens of each video that it encodes"
        )
    encoded = rows["clip_id"].combine_chunks().dictionary_encode()
    clip = np.searchsorted(np.array(clips["clip_id"].to_pylist()), encoded.dictionary.to_pylist())[
        encoded.indices.to_numpy()
    ]
    return Sample(
        encoder_id=encoder_id,
        each=asked["each"],
        clips=clips,
        clip=clip.astype(np.int32),
        slice=rows["slice"].to_numpy(),
        y=rows["y"].to_numpy(),
        x=rows["x"].to_numpy(),
    )


def statistics(sample: Sample) -> Question:
    """One row per token of the sample with its statistics."""
    names = ", ".join(f"t.{name}" for name in TOKEN_STATISTICS)
    return Question(
        f"SELECT {ADDRESS}, {names}\n{SAMPLES} JOIN token_stats t USING (clip_id, slice, y, x)\n{CHOSEN}",
        sample.values,
    )


def embeddings(sample: Sample) -> Question:
    """One row per token of the sample with its embedding."""
    return Question(f"SELECT {ADDRESS}, s.embedding\n{SAMPLED}", sample.values)


def statistics_of(store: Store, sample: Sample) -> Mapping[str, Float32[np.ndarray, " n"]]:
    """Every statistic of the sample's tokens, float32 ``(n,)``; NaN where it is not defined."""
    found = {name: np.full(len(sample), np.nan, np.float32) for name in TOKEN_STATISTICS}

    def take(rows: pa.RecordBatch, places: np.ndarray) -> None:
        for name, values in found.items():
            values[places] = rows.column(name).to_numpy(zero_copy_only=False)

    _piece_by_piece(store, sample, statistics(sample), take)
    return found


def coordinates(store: Store, sample: Sample, basis: Basis) -> Float32[np.ndarray, "n k"]:
    """Coordinates of the sample's tokens in a basis, float32 ``(n, k)``; NaN where a token is not finite, or lies on a grid that the
    position means of the basis do not fit. Raises LatentError for a basis of another encoder."""
    basis.refuse_other(sample.encoder_id)
    out, fits = (
        np.full((len(sample), basis.components), np.nan, np.float32),
        _fitting(sample, basis),
    )

    def take(rows: pa.RecordBatch, places: np.ndarray) -> None:
        kept = fits[sample.clip[places]]
        vectors = (
            rows.column("embedding")
            .flatten()
            .to_numpy(zero_copy_only=False)
            .reshape(len(rows), -1)[kept]
        )
        out[places[kept]] = basis.of_tokens(vectors, sample.y[places[kept]], sample.x[places[kept]])

    _piece_by_piece(store, sample, embeddings(sample), take)
    return out


def cosines(store: Store, sample: Sample, query: TokenQuery) -> np.ndarray:
    """Largest cosine of each of the sample's tokens to a query, float32 ``(n,)``; NaN where a token has no direction."""
    query.refuse_other(sample.encoder_id)
    out = np.full(len(sample), np.nan, np.float32)

    def take(rows: pa.RecordBatch, places: np.ndarray) -> None:
        vectors = rows.column("embedding").flatten().to_numpy(zero_copy_only=False)
        out[places] = query.scores(vectors.reshape(len(rows), -1))

    _piece_by_piece(store, sample, embeddings(sample), take)
    return out


def _fitting(sample: Sample, basis: Basis) -> np.ndarray:
    """Whether the grid of each clip is one that the basis can be applied to."""
    positions = basis.preparation.positions
    sides = np.stack(
        [sample.clips[name].to_numpy() for name in ("grid_height", "grid_width")], axis=1
    )
    return (
        np.ones(len(sides), bool)
        if positions is None
        else (sides == positions.shape[:2]).all(axis=1)
    )


def _piece_by_piece(
    store: Store,
    sample: Sample,
    question: Question,
    take: Callable[[pa.RecordBatch, np.ndarray], None],
) -> None:
    """Process the answer in pieces: of each, the rows that are in the sample and their places in it."""

    def ask() -> None:
        for rows in store.batches(question.sql, dict(question.values), PIECE):
            places = sample.places(rows)
            if (places >= 0).any():
                take(rows.filter(pa.array(places >= 0)), places[places >= 0])

    store.newest(ask)


def _keys(clip: np.ndarray, slice_: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Addresses as numbers of the same order."""
    return ((clip.astype(np.int64) << 15 | slice_) << 12 | y) << 12 | x
