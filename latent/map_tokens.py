"""Tokens of a map as a table: those of an area that was drawn on it, or the neighbors of a picked token.

choose(workspace, tokens, points, look, {"area": "..."})       # one row per token in it
choose(workspace, tokens, points, look, {"near": "CLIP-0.4.7"})  # the most similar tokens, the best first
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from tubelet.latent.area import Area
from tubelet.latent.basis import as_clusters
from tubelet.latent.categories import CLUSTER, Categories
from tubelet.latent.channels import Look, OfClip, OfSample
from tubelet.latent.errors import LatentError
from tubelet.latent.marks import MarkedPatches, number_tokens
from tubelet.latent.sample import Sample
from tubelet.latent.workspace import Workspace

NEIGHBORS = 12  # of a picked token
COLUMNS = {
    "video": "name of the video",
    "label": "label of the video",
    "seconds": "time at which the token's slice begins",
    "slice": "temporal position in the clip, from 0",
    "y": "row of the patch, from 0",
    "x": "column of the patch, from 0",
    "clip_id": "clip of the token",
    "video_id": "video of the token",
}


def choose(
    workspace: Workspace,
    tokens: OfClip | OfSample,
    points: bytes,
    look: Look,
    asked: Mapping[str, str],
) -> pa.Table:
    """The table that an address asks for. Raises LatentError where it asks for nothing that there is."""
    marked = MarkedPatches.parse(asked.get("near", ""))
    if marked.patches:
        return list_neighbors(workspace, tokens, marked, look.categories)
    area = Area.parse(asked.get("area", ""))
    if area is None:
        raise LatentError("no area of the map is drawn: draw one around the tokens")
    return tabulate(tokens, find_inside(points, area), look.categories)


def find_inside(points: bytes, area: Area) -> np.ndarray:
    """The numbers of the points, 16 bytes each, that lie in an area ``(n,)``."""
    places = np.frombuffer(points, "<f4").reshape(-1, 4)[:, :3]
    return np.flatnonzero(area.contains(places))


def list_neighbors(
    workspace: Workspace,
    tokens: OfClip | OfSample,
    marked: MarkedPatches,
    categories: Categories | None = None,
) -> pa.Table:
    """The tokens of a map that are most similar to the marked ones, without these, the best first."""
    cosines = workspace.neighbors(tokens, marked)
    return tabulate(
        tokens, rank_neighbors(tokens, marked, cosines), categories, {"cosine": cosines}
    )


def rank_neighbors(
    tokens: OfClip | OfSample, marked: MarkedPatches, cosines: np.ndarray
) -> np.ndarray:
    """The numbers of the tokens with the largest cosines ``(n,)``, the marked ones left out."""
    known = np.where(np.isnan(cosines), -np.inf, cosines)
    known[find_marked(tokens, marked)] = -np.inf
    best = np.argsort(-known, kind="stable")[:NEIGHBORS]
    return best[np.isfinite(known[best])]


def find_marked(tokens: OfClip | OfSample, marked: MarkedPatches) -> list[int]:
    """The numbers of the marked patches among the tokens of a map."""
    if isinstance(tokens, OfSample):
        return tokens.sample.numbers(marked.clip_id, marked.patches)
    return number_tokens(tokens.clip, marked.on(tokens.clip).patches)


def tabulate(
    tokens: OfClip | OfSample,
    numbers: np.ndarray,
    categories: Categories | None = None,
    more: Mapping[str, np.ndarray] | None = None,
) -> pa.Table:
    """One row per token of these numbers ``(n,)``, in their order; `more` are further columns, of all tokens."""
    columns = _locate_sampled(tokens.sample, numbers) if isinstance(tokens, OfSample) else _locate(tokens, numbers)  # fmt: skip
    first = {name: values[numbers] for name, values in (more or {}).items()}
    if categories is not None and categories.kind == CLUSTER:
        first[CLUSTER] = _number_clusters(tokens, categories)[numbers]
    statistics = tokens.statistics()
    columns = first | columns | {name: values[numbers] for name, values in statistics.items()}
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


def _number_clusters(tokens: OfClip | OfSample, categories: Categories) -> np.ndarray:
    """The cluster of each token, those without a color of their own among them, int16 ``(n,)``; -1 for none."""
    return (
        np.empty(0)
        if categories.basis is None
        else as_clusters(tokens.coordinates(categories.basis))
    )


def _locate(tokens: OfClip, numbers: np.ndarray) -> dict:
    """The columns of COLUMNS, for tokens of one clip."""
    clip = tokens.clip
    slice_, y, x = np.unravel_index(numbers, clip.positions)
    seconds = clip.start_s + slice_ / clip.slices * (clip.stop_s - clip.start_s)
    (video,) = tokens.store.rows(
        "SELECT name, label FROM videos WHERE video_id = ?", [clip.video_id]
    )
    same = {"video": video["name"], "label": video["label"], "clip_id": clip.clip_id, "video_id": clip.video_id}  # fmt: skip
    found: dict[str, Sequence | np.ndarray] = {
        name: [value] * len(numbers) for name, value in same.items()
    }
    found |= {"seconds": seconds, "slice": slice_, "y": y, "x": x}
    return {name: found[name] for name in COLUMNS}


def _locate_sampled(sample: Sample, numbers: np.ndarray) -> dict:
    """The same for tokens of a sample."""
    rows = sample.clips.take(pa.array(sample.clip[numbers]))
    start, stop, slices = (rows[name].to_numpy() for name in ("start_s", "stop_s", "slices"))
    address = {name: getattr(sample, name)[numbers] for name in ("slice", "y", "x")}
    found = address | {"seconds": start + address["slice"] / slices * (stop - start)}
    found |= {"video": rows["name"].to_pylist()}
    found |= {name: rows[name].to_pylist() for name in ("label", "clip_id", "video_id")}
    return {name: found[name] for name in COLUMNS}
