"""Latent space on one clip, and search over many, beside what one writes without it: scikit-learn, umap-learn, a loop a patch, NumPy on .npy.

Search is measured over 100 clips of 22 x 24 x 24 x 768 (`CLIPS`): 2 GB of embeddings, and as much of .npy.
"""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from tests.benchmarks.measure import Row, by_turns, milliseconds
from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.latent import (
    clips,
    code_search,
    graph,
    half,
    linear,
    manifold,
    null_similarity,
    query,
    search,
    search_index,
    segmentation,
    tracking,
)
from tubelet.latent.clips import Clip
from tubelet.store import Store

SHAPE = (22, 24, 24, 768)
CLIPS = 100
NEIGHBOURS = 15
CONTEXT = 4  # slices that a loop takes labels from
ALIKE = 10  # tokens whose labels it averages
JUDGED = 2000  # tokens whose neighborhoods are compared


def rows() -> Iterator[Row]:
    clip = Clip("clip", "video", "encoder", scene())
    vectors = np.concatenate(list(half.slices(clip.grid)))
    yield _pca(vectors)
    yield from _umap(vectors)
    yield from _segmentation(clip)
    yield _tracking(clip)
    with tempfile.TemporaryDirectory() as folder:
        yield from _search(Path(folder))


def scene(seed: int = 0) -> np.ndarray:
    """A half-precision grid of smooth fields and two things that move, in noise of every dimension."""
    rng = np.random.default_rng(seed)
    s, y, x = np.indices(SHAPE[:3])
    things = [
        3.0 * ((y - 12) ** 2 + (x - 4 - s / 2) ** 2 < 16),
        3.0 * ((y - 5) ** 2 + (x - 18 + s / 3) ** 2 < 9),
    ]
    fields = [
        np.sin(x / 5),
        np.cos(y / 6),
        np.sin((x + y + s) / 7),
        np.sin(s / 8),
        x / 12,
        y / 12,
        np.sin(x * y / 40),
        np.cos((x - y) / 4),
    ]
    shown = np.stack([*things, *fields], axis=-1).astype(np.float32)
    return (
        shown @ rng.standard_normal((shown.shape[-1], SHAPE[-1]), np.float32)
        + rng.standard_normal(SHAPE, np.float32)
    ).astype(np.float16)


def _pca(vectors: np.ndarray) -> Row:
    figure, baseline, ratio = by_turns(
        lambda: linear.pca(vectors, 3), lambda: PCA(3, svd_solver="full").fit(vectors), 1
    )
    return Row(
        "PCA of one clip, faster than by scikit-learn's full solver",
        milliseconds(figure),
        milliseconds(baseline),
        1 / ratio,
        "5 x",
    )


def _umap(vectors: np.ndarray) -> Iterator[Row]:
    """Compiled before the clock starts."""
    placed = {}

    def ours() -> None:
        placed["ours"] = manifold.umap(vectors, 3, NEIGHBOURS, 0)[0].transform(vectors)

    def theirs() -> None:
        import umap

        with warnings.catch_warnings(action="ignore"):
            placed["theirs"] = umap.UMAP(n_components=3, n_neighbors=NEIGHBOURS).fit_transform(
                vectors
            )

    with warnings.catch_warnings(action="ignore", category=ImportWarning):
        figure, baseline, ratio = by_turns(ours, theirs, 1)
    yield Row(
        "UMAP of one clip, faster than by umap-learn on all dimensions",
        milliseconds(figure),
        milliseconds(baseline),
        1 / ratio,
        "3 x",
    )
    judged = np.random.RandomState(0).permutation(len(vectors))[:JUDGED]
    ours_, theirs_ = (
        trustworthiness(vectors[judged], placed[name][judged], n_neighbors=NEIGHBOURS)
        for name in ("ours", "theirs")
    )
    yield Row(
        "trustworthiness of the two",
        f"{ours_:.4f}",
        f"{theirs_:.4f}",
        ours_ / theirs_,
        "comparable",
    )


def _segmentation(clip: Clip) -> Iterator[Row]:
    """The graph is the clip's: made at its first click, and there at every other."""
    marks = [(0, 12, 4), (0, 11, 5)], [(0, 2, 2), (0, 20, 20), (5, 22, 3)]
    made = graph.build_graph(clip)
    for what, work, turns in (
        (
            "segmentation at the first click on a clip, faster than a loop per patch",
            lambda: segmentation.segment(graph.build_graph(clip), *marks),
            3,
        ),
        ("the same at any further click", lambda: segmentation.segment(made, *marks), 3),
    ):
        figure, baseline, ratio = by_turns(work, lambda: _loop(clip, *marks), turns)
        yield Row(what, milliseconds(figure), milliseconds(baseline), 1 / ratio, "20 x")


def _loop(
    clip: Clip, inside: list[tuple[int, int, int]], outside: list[tuple[int, int, int]]
) -> np.ndarray:
    """Slice by slice, patch by patch: the mean label of the nearest tokens of the slices before, the marks' slice first."""
    grid = np.stack([half.unit(tokens) for tokens in half.slices(clip.grid)])  # (S, H*W, D)
    marks = np.stack([grid[s, y * SHAPE[2] + x] for s, y, x in inside + outside])
    labels = np.zeros(grid.shape[:2])
    labels[0] = (grid[0] @ marks.T).argmax(axis=1) < len(inside)
    for number in range(1, len(grid)):
        first = max(number - CONTEXT, 0)
        context, known = grid[first:number].reshape(-1, SHAPE[-1]), labels[first:number].ravel()
        for patch, token in enumerate(grid[number]):
            nearest = np.argpartition(-(context @ token), ALIKE)[:ALIKE]
            labels[number, patch] = known[nearest].mean()
    return labels


def _tracking(clip: Clip) -> Row:
    others = half.unit(np.concatenate(list(half.slices(scene(1)))))
    level = null_similarity.NullSimilarity(
        "encoder", tuple(np.split(others, SHAPE[0])), ("other",) * SHAPE[0]
    )

    def plain() -> np.ndarray:
        tokens = clip.grid.reshape(-1, SHAPE[-1]).astype(np.float32)
        return tokens @ tokens[300] / np.linalg.norm(tokens, axis=1)

    asked = query.query_clip(clip, [(0, 12, 12)])
    figure, baseline, ratio = by_turns(lambda: tracking.track(asked, clip, level), plain, 9)
    return Row(
        "tracking a patch: heat, margins, way back, level",
        milliseconds(figure),
        f"NumPy's cosine alone {milliseconds(baseline)}",
        ratio,
        "under 50 ms",
    )


def _search(folder: Path) -> Iterator[Row]:
    """Clips of `tests.stores`: fields that are smooth in space and time, heavy-tailed over dimensions."""
    store, files = _corpus(folder)
    asked = query.query_clip(
        clips.open_clip(store, clips.with_embeddings(store, _encoder(store))[0].clip_id),
        [(3, 5, 7)],
    )

    def plain() -> np.ndarray:
        best = []
        for file in files:
            tokens = np.load(file).reshape(-1, SHAPE[-1]).astype(np.float32)
            scores = tokens @ asked.vectors[0] / np.linalg.norm(tokens, axis=1)
            best.append(np.sort(np.partition(scores, -20)[-20:]))
        return np.sort(np.concatenate(best))[:-21:-1]

    assert np.allclose([hit.scores[0] for hit in search.exact(store, asked)], plain(), atol=1e-4)
    figure, baseline, ratio = by_turns(lambda: search.exact(store, asked), plain, 3)
    yield Row(
        f"exact search, {CLIPS} clips",
        milliseconds(figure),
        f"NumPy on .npy {milliseconds(baseline)}",
        ratio,
        "2",
    )
    yield from _search_by_index(store, asked)
    store.close()


def _search_by_index(store: Store, asked: query.TokenQuery) -> Iterator[Row]:
    recall = search_index.write_index(store, _encoder(store))
    sketch = search_index.open_index(store, _encoder(store))
    figure, baseline, ratio = by_turns(
        lambda: code_search.find(store, sketch, asked), lambda: search.exact(store, asked), 3
    )
    yield Row(
        f"search by index, {CLIPS} clips, faster than exact search",
        milliseconds(figure),
        milliseconds(baseline),
        1 / ratio,
        "10 x",
    )
    yield Row(
        f"its recall@20 over {recall.queries} sampled tokens",
        f"{recall.recall:.3f}",
        "exact search",
        recall.recall,
        "0.95",
    )


def _corpus(folder: Path) -> tuple[Store, list[Path]]:
    recipe = Recipe(videos=1, slices=SHAPE[0], side=SHAPE[1], dim=SHAPE[3])
    store, files = (
        synthetic_store(
            folder / "store",
            **{name: getattr(recipe, name) for name in ("videos", "slices", "side", "dim")},
        ),
        [],
    )
    for number in range(1, CLIPS):  # one at a time: a commit holds what it commits
        add_videos(store, recipe, number)
    for row in clips.with_embeddings(store, _encoder(store)):
        files.append(folder / f"{row.clip_id}.npy")
        np.save(files[-1], clips.read(store, row))
    return store, files


def _encoder(store: Store) -> str:
    return store.query("FROM encoders")["encoder_id"][0].as_py()
