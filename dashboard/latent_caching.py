"""What the latent room answers the Video page, kept as `caching` keeps rows: bases, colors, points of the map, tracks, masks and hits.

Whole clips are read by as many threads at once as there are processors: more would wait for each other, each with a clip in memory.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore

import numpy as np
import streamlit as st

from tubelet.dashboard import caching
from tubelet.latent import channels
from tubelet.latent.channels import Numbers, OfClip
from tubelet.latent.colorings import Coloring, color_clip
from tubelet.latent.colorings import fit_basis as fitted
from tubelet.latent.marks import MarkedPatches
from tubelet.latent.tracks import follow_patches as tracked
from tubelet.latent import bases, clips, graph, query, retrieval, segmentation, null_similarity
from tubelet.latent import sample as samples
from tubelet.latent.basis import Basis
from tubelet.latent.graph import TokenGraph
from tubelet.latent.hits import Ranking
from tubelet.latent.retrieval import Answer
from tubelet.latent.sample import Sample
from tubelet.latent.segmentation import Segmentation
from tubelet.latent.tracking import Track
from tubelet.latent.null_similarity import NullSimilarity
from tubelet.store import Store, StoreError
from tubelet.store.questions import corpus

KEYS = caching.KEYS | {
    Coloring: lambda coloring: coloring.name,
    Basis: lambda basis: basis.basis_id,
    MarkedPatches: lambda marked: marked.name,
    Ranking: repr,
    Sample: lambda sample: sample.sample_id,
}
GROWTH = 1.2
READING = BoundedSemaphore(os.cpu_count() or 1)  # held while a clip's embeddings are; nothing else is waited for meanwhile


def basis(store: Store, encoder_id: str, coloring: Coloring) -> Basis:
    """The basis of a coloring. It stays the same until the corpus has grown by a fifth, so that colors do not change while one looks."""
    return _basis(store.root, encoder_id, coloring, _growth(store, encoder_id), store)


def find_basis(store: Store, encoder_id: str, coloring: str, basis_id: str) -> Basis:
    """The basis by which an open page draws. Raises StoreError where it is another by now."""
    found = basis(store, encoder_id, Coloring.parse(coloring))
    if found.basis_id != basis_id:
        raise StoreError("the corpus has grown since this page was opened, and its colors with it: reload the page")
    return found


@st.cache_resource(max_entries=64, show_spinner=False, hash_funcs=KEYS)
def _basis(root: Path, encoder_id: str, coloring: Coloring, growth: int, _store: Store) -> Basis:
    return fitted(_store, encoder_id, coloring)


def _growth(store: Store, encoder_id: str) -> int:
    """A number that changes each time an encoder's clips have become a fifth more."""
    held = next((row["clips"] for row in caching.rows(store, corpus.encoders()) if row["encoder_id"] == encoder_id), 0)
    return round(math.log(held + 1, GROWTH))


@st.cache_data(max_entries=200, show_spinner=False, hash_funcs=KEYS)
def clip_colors(store: Store, clip_id: str, basis: Basis) -> bytes:
    """Colors of a clip's tokens, ``S x H x W x 3`` bytes. Raises LatentError where there is nothing to color."""
    with READING:
        return color_clip(store, clip_id, basis).tobytes()


@st.cache_data(max_entries=50, show_spinner=False, hash_funcs=KEYS)
def points(store: Store, clip_id: str, basis: Basis, chosen: tuple[str, ...]) -> bytes:
    """Points of a clip's tokens for the map, 16 bytes each. Raises LatentError where there are none to be had."""
    kept = clusterings(store, basis.encoder_id, chosen)
    with READING:
        return channels.points(OfClip(store, store.clip(clip_id)), basis, chosen, kept)


def sample(store: Store, encoder_id: str) -> Sample:
    """The sample of an encoder's tokens, the same until the corpus has grown by a fifth. Raises LatentError where there is none."""
    return _sample(store.root, encoder_id, _growth(store, encoder_id), store)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=KEYS)
def _sample(root: Path, encoder_id: str, growth: int, _store: Store) -> Sample:
    return samples.draw_sample(_store, encoder_id)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=KEYS)
def sample_points(store: Store, sample: Sample, basis: Basis, chosen: tuple[str, ...]) -> bytes:
    """Points of the sample for the map, 16 bytes each: 4.8 MB at most. Raises LatentError."""
    return channels.points(OfSample(store, sample), basis, chosen, clusterings(store, basis.encoder_id, chosen))


@dataclass(frozen=True)
class OfSample:
    """The tokens of a sample, as `channels` takes them."""

    store: Store
    sample: Sample

    def addresses(self) -> Numbers:
        numbers = zip(channels.ADDRESS, (self.sample.slice, self.sample.y, self.sample.x))
        videos = self.sample.clips["video"].to_numpy()[self.sample.clip]
        return {name: values.astype(np.float32) for name, values in (*numbers, (channels.VIDEO, videos))}

    def statistics(self) -> Numbers:
        return _sample_statistics(self.sample, self.store)

    def coordinates(self, basis: Basis) -> np.ndarray:
        return _sample_coordinates(self.sample, basis, self.store)


@st.cache_resource(max_entries=2, show_spinner=False, hash_funcs=KEYS)
def _sample_statistics(sample: Sample, _store: Store) -> Numbers:
    return samples.statistics_of(_store, sample)


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=KEYS)
def _sample_coordinates(sample: Sample, basis: Basis, _store: Store) -> np.ndarray:
    return samples.coordinates(_store, sample, basis)


def clusterings(store: Store, encoder_id: str, chosen: Sequence[str]) -> dict[str, Basis]:
    """The kept clusterings among the names that were chosen."""
    kept = channels.clusterings(caching.rows(store, bases.list_bases(encoder_id)))
    return {name: basis(store, encoder_id, Coloring("basis", id_)) for name, id_ in kept.items() if name in chosen}


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=KEYS)
def _null_similarity(root: Path, encoder_id: str, growth: int, _store: Store) -> NullSimilarity:
    return null_similarity.draw_null_similarity(_store, encoder_id)


@st.cache_data(max_entries=100, show_spinner=False, hash_funcs=KEYS)
def track(store: Store, clip_id: str, marked: MarkedPatches) -> Track:
    """Where marked patches are in a clip. The level of `lost` is measured anew when the corpus has grown by a fifth. Raises LatentError."""
    home = store.rows("SELECT encoder_id, video_id FROM clips WHERE clip_id = ?", [marked.clip_id])[0]
    level = _null_similarity(store.root, home["encoder_id"], _growth(store, home["encoder_id"]), store)
    with READING:
        return tracked(store, clip_id, marked, level.without(home["video_id"]))


@st.cache_resource(max_entries=4, show_spinner=False, hash_funcs=KEYS)
def _graph(root: Path, clip_id: str, _store: Store) -> TokenGraph:
    with READING:
        return graph.build_graph(clips.open_clip(_store, clip_id))


@st.cache_data(max_entries=100, show_spinner=False, hash_funcs=KEYS)
def segment(store: Store, marked: MarkedPatches) -> Segmentation:
    """What spreads from marked patches and their background over their clip. Raises LatentError."""
    return segmentation.segment(_graph(store.root, marked.clip_id, store), marked.patches, marked.background)


@st.cache_data(max_entries=100, show_spinner=False, hash_funcs=KEYS)
def search(store: Store, marked: MarkedPatches, ranking: Ranking, exactly: bool, where: str) -> Answer:
    """The patches most like the marked ones, ranked: of the corpus, or of the videos that a condition chooses. Raises LatentError, NoVideos
    and QueryError."""
    videos = caching.videos(store, where)
    return retrieval.find(store, query.query_stored(store, marked.clip_id, marked.patches), ranking, exactly, videos)
