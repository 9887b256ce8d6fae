"""Finds a direction by its name; the same name stands in addresses and in the SQL function `component`.

61                                  dimension 61
basis:NAME:2                        second component of a basis, by its name or id
cluster:NAME:0                      from the mean of the centers of a clustering to the center of cluster 0; 0 is midway
feature:NAME:17                     feature 17 of a dictionary, before its threshold
probe:ID:CLASS                      what a linear probe adds up for a class; probe:ID where it tells a number
patches:CLIP-slice.y.x,slice.y.x    from the second of two patches to the first; 0 is midway
"""

import re
from typing import NoReturn

import numpy as np

from tubelet.latent import clips, half
from tubelet.latent.bases import load_basis
from tubelet.latent.directions.direction import Direction
from tubelet.latent.errors import LatentError
from tubelet.latent.marks import PATCH, MarkedPatches
from tubelet.latent.preparation import Preparation
from tubelet.store import Store
from tubelet.store.questions.direction_view import BASIS, CLUSTER, FEATURE, PROBE

PATCHES = "patches"
TWO = re.compile(rf"{PATCHES}:([0-9a-f]{{1,64}}-{PATCH},{PATCH})")
WORDS = {BASIS: "component", CLUSTER: "cluster", FEATURE: "feature", PROBE: "probe"}
NAMED = re.compile(rf"({BASIS}|{CLUSTER}|{FEATURE}):(.+):([0-9]{{1,9}})|({PROBE}):([^:]+)(?::(.+))?")  # fmt: skip
FORMS = "basis:NAME:2, cluster:NAME:0, feature:NAME:17, probe:ID:CLASS or patches:CLIP-slice.y.x,slice.y.x"
LISTED = 8  # names that an error lists
HELD = """SELECT DISTINCT d.owner_id, b.name FROM directions d LEFT JOIN bases b ON b.basis_id = d.owner_id
WHERE d.source = $source AND d.encoder_id = $encoder ORDER BY b.name NULLS LAST, d.owner_id"""
WHERE_FROM = {
    BASIS: "fit one with `tubelet basis fit`",
    CLUSTER: "fit some with `tubelet basis fit`, --kind kmeans",
    FEATURE: "train some with `tubelet basis fit`, --kind sae, or bring some with `tubelet basis import`",
    PROBE: "train one with `tubelet probe`; those of kind linear at the layer of the embeddings have directions",
}


def find_direction(store: Store, encoder_id: str, name: str) -> Direction:
    """The direction of a name. Raises LatentError where there is none, and says which there are."""
    size = count_dimensions(store, encoder_id)
    text = name.strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return _dimension(encoder_id, int(text), size)
    if found := TWO.fullmatch(text):
        return _subtract_patches(store, encoder_id, MarkedPatches.parse(found[1]))
    named = NAMED.fullmatch(text)
    if named is None:
        raise LatentError(
            f"no direction is called {text}: pass a dimension from 0 to {size - 1}, or {FORMS}"
        )
    source, owner = named[1] or named[4], named[2] or named[5]
    return _load_stored(store, encoder_id, (source, owner, named[3] or named[6] or ""))


def count_dimensions(store: Store, encoder_id: str) -> int:
    """How many dimensions an encoder has. Raises LatentError for one that the store does not hold."""
    rows = store.rows("SELECT embed_dim FROM encoders WHERE encoder_id = ?", [encoder_id])
    if not rows:
        raise LatentError(f"{store.name} holds no encoder {encoder_id}: ingest some videos")
    return int(rows[0]["embed_dim"])


def _dimension(encoder_id: str, dim: int, size: int) -> Direction:
    if dim >= size:
        raise LatentError(
            f"there is no dimension {dim}: this encoder has dimensions 0 to {size - 1}"
        )
    vector = np.zeros(size, np.float32)
    vector[dim] = 1
    return Direction(
        encoder_id=encoder_id,
        key=f"{dim}",
        name=f"dimension {dim}",
        vector=vector,
        mean=np.zeros(size, np.float32),
        dim=dim,
    )


def _subtract_patches(store: Store, encoder_id: str, marked: MarkedPatches) -> Direction:
    clip = clips.row(store, marked.clip_id)
    if clip.encoder_id != encoder_id:
        raise LatentError(
            f"these patches belong to {clip.encoder_id}, not to {encoder_id}: choose that encoder"
        )
    first, second = (_read_patch(store, clip.clip_id, patch) for patch in marked.patches)
    away = first - second
    length = float(np.linalg.norm(away))
    if not np.isfinite(length) or length == 0:
        raise LatentError(
            "these two patches have the same embedding, or one that is not finite, and no direction between them: choose others"
        )
    places = " to ".join(f"({s}, {y}, {x})" for s, y, x in reversed(marked.patches))
    return Direction(
        encoder_id=encoder_id,
        key=f"{PATCHES}:{marked.name}",
        name=f"patch {places} of clip {clip.clip_id}",
        vector=(away / length).astype(np.float32),
        mean=((first + second) / 2).astype(np.float32),
    )


def _read_patch(store: Store, clip_id: str, patch: tuple[int, int, int]) -> np.ndarray:
    clip, (slice_, y, x) = clips.row(store, clip_id), patch
    if any(number >= side for number, side in zip(patch, clip.positions)):
        raise LatentError(
            f"patch {patch} lies outside the clip's grid of {' x '.join(map(str, clip.positions))} (slice, y, x)"
        )
    (grid,) = clips.read(store, clip, slice_, slice_ + 1)
    return half.widen(grid[y, x][None])[0].astype(np.float64)


def _load_stored(store: Store, encoder_id: str, asked: tuple[str, str, str]) -> Direction:
    """`asked`: the source, the name or id of what it belongs to, and its number or class there."""
    source, owner, part = asked
    key = ":".join(filter(None, asked))
    rows = store.rows(
        """SELECT d.* EXCLUDE (named), b.name FROM directions d LEFT JOIN bases b ON b.basis_id = d.owner_id
        WHERE d.source = $source AND d.encoder_id = $encoder AND (d.direction = $key OR d.named = $key)""",
        {"source": source, "encoder": encoder_id, "key": key},
    )
    if not rows:
        _refuse_missing(store, encoder_id, asked)
    row = next((one for one in rows if one["direction"] == key), rows[0])
    if row["vector"] is None:
        raise LatentError(
            f"{owner} has one cluster alone, and no direction from others to it: fit more"
        )
    vector = np.asarray(row["vector"], np.float32)
    preparation = Preparation(row["unit"])
    if row["positions"]:
        preparation = load_basis(store, row["owner_id"]).preparation
    of_basis = source != PROBE
    return Direction(
        encoder_id=encoder_id,
        key=row["direction"],
        name=f"{WORDS[source]} {part} of {row['name'] or owner}".replace("  ", " "),
        vector=vector,
        mean=np.zeros_like(vector)
        if row["origin"] is None
        else np.asarray(row["origin"], np.float32),
        preparation=preparation,
        bias=float(row["bias"]),
        basis_id=row["owner_id"] if of_basis else None,
        number=row["number"] - (source == BASIS) if of_basis else None,
    )


def _refuse_missing(store: Store, encoder_id: str, asked: tuple[str, str, str]) -> NoReturn:
    source, owner, part = asked
    values = {"source": source, "encoder": encoder_id}
    held = store.rows(HELD, values)
    own = [row["owner_id"] for row in held if owner in (row["name"], row["owner_id"])]
    if not own:
        names = ", ".join(row["name"] or row["owner_id"] for row in held[:LISTED])
        there = f"there are: {names}" if held else WHERE_FROM[source]
        what = {BASIS: f"basis {owner} of components", CLUSTER: f"clustering {owner}", FEATURE: f"dictionary {owner}", PROBE: f"probe {owner} with weights"}[source]  # fmt: skip
        raise LatentError(f"this encoder has no {what}; {there}")
    rows = store.rows(
        "SELECT number, class_value FROM directions WHERE source = $source AND owner_id = $owner ORDER BY number",
        {"source": source, "owner": own[0]},
    )
    if source == PROBE:
        there = ", ".join(f"{row['class_value']}" for row in rows[:LISTED])
        raise LatentError(
            f"probe {owner} has no class {part or '(none given)'}; there are: {there}"
        )
    things = f"{WORDS[source]}s {rows[0]['number']} to {rows[-1]['number']}"
    raise LatentError(
        f"{'basis' if source == BASIS else 'dictionary' if source == FEATURE else 'clustering'} {owner} has no {WORDS[source]} {part}: it has {things}"
    )
