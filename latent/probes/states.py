"""States: one vector per clip at a layer, the mean over its slices of the mean over their patches; from whichever table holds it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tubelet.array_types import Bool, Float32, Float64
from tubelet.latent.probes.options import ProbeError
from tubelet.store import Store
from tubelet.store.encoder_names import find_encoder
from tubelet.store.questions.corpus import OF_GRID, UNTRAINED
from tubelet.store.wording import count

POOLED = f"""SELECT p.clip_id, c.video_id, p.pooled_mean AS vector FROM pooled p JOIN clips c USING (clip_id)
WHERE c.encoder_id = $encoder AND p.layer = $layer AND {OF_GRID} ORDER BY p.clip_id, p.slice"""
STATISTICS = f"""SELECT clip_id, video_id, list(dim_mean ORDER BY dim) AS vector
FROM dim_stats JOIN clips c USING (clip_id) WHERE encoder_id = $encoder AND {OF_GRID} GROUP BY clip_id, video_id, slice ORDER BY clip_id, slice"""
CLIPS = f"SELECT c.encoder_id, c.video_id, count(*) AS clips FROM clips c WHERE {OF_GRID} GROUP BY ALL ORDER BY ALL"
HELD = f"""SELECT e.encoder_id, e.name, e.layer, e.side, e.final_norm, p.layer AS part, {UNTRAINED} AS untrained
FROM encoders e LEFT JOIN (
  SELECT DISTINCT c.encoder_id, p.layer FROM pooled p JOIN clips c USING (clip_id) WHERE {OF_GRID}
) p USING (encoder_id) WHERE EXISTS (FROM clips c WHERE c.encoder_id = e.encoder_id AND {OF_GRID})
ORDER BY e.encoder_id, try_cast(regexp_extract(p.layer, '[0-9]+') AS INTEGER), p.layer"""


@dataclass(frozen=True)
class StoredLayer:
    """An encoder and a layer of it whose states are stored; `pooled`: in the table of that name."""

    encoder_id: str
    layer: str
    pooled: bool
    untrained: bool = False


@dataclass(frozen=True)
class ClipStates:
    """Vectors ``(n, D)`` of clips, in the order of their ids."""

    vectors: Float32[np.ndarray, "n D"]
    clip_ids: tuple[str, ...]
    video_ids: np.ndarray

    def only(self, video_ids: Sequence[str]) -> "ClipStates":
        kept = np.isin(self.video_ids, list(video_ids))
        clips = tuple(clip for clip, keep in zip(self.clip_ids, kept) if keep)
        return ClipStates(self.vectors[kept], clips, self.video_ids[kept])

    def take(self, kept: Bool[np.ndarray, " n"]) -> Float32[np.ndarray, "m D"]:
        """What a model learns from, or predicts, of some of the clips."""
        return self.vectors[kept]


def find_places(store: Store, encoders: Sequence[str], layers: Sequence[str]) -> list[StoredLayer]:
    """Every encoder and layer to be probed, all that the store has where none is named. Raises ProbeError for a layer that is not there."""
    wanted = {find_encoder(store, name) for name in encoders}
    found = [
        StoredLayer(
            row["encoder_id"], row["part"] or row["layer"], bool(row["part"]), row["untrained"]
        )
        for row in store.rows(HELD)
        if not wanted or row["encoder_id"] in wanted
    ]
    if not found:
        raise ProbeError(
            f"{store.name} holds no clips: encode videos with `tubelet ingest PATH... --store {store.shell_name} --encoder NAME`"
        )
    return choose_layers(found, layers)


def choose_layers(found: list[StoredLayer], layers: Sequence[str]) -> list[StoredLayer]:
    """Return the states at the chosen layers, all where none is named. Raises ProbeError for a layer that is not there."""
    held = dict.fromkeys(place.layer for place in found)
    if missing := [layer for layer in layers if layer not in held]:
        raise ProbeError(
            f"none of the chosen encoders has stored states of layer {missing[0]!r}: available are {', '.join(held)}"
        )
    return [place for place in found if not layers or place.layer in layers]


def count_clips(store: Store) -> dict[str, dict[str, int]]:
    """Number of clips by encoder and video."""
    return count_rows(store.rows(CLIPS))


def count_rows(rows: Iterable[dict]) -> dict[str, dict[str, int]]:
    """Rows of `encoder_id`, `video_id` and `clips`, by the first two."""
    held: dict[str, dict[str, int]] = {}
    for row in rows:
        held.setdefault(row["encoder_id"], {})[row["video_id"]] = row["clips"]
    return held


def read_states(store: Store, place: StoredLayer) -> ClipStates:
    """The vectors of all clips of an encoder at a layer. Raises ProbeError where one is not finite."""
    sql, values = (POOLED, {"encoder": place.encoder_id, "layer": place.layer})
    if not place.pooled:
        sql, values = STATISTICS, {"encoder": place.encoder_id}
    rows = store.query(sql, values)
    if not len(rows):
        raise ProbeError(
            f"the clips of {place.encoder_id} hold neither pooled states nor statistics: ingest them with `--keep pooled`"
        )
    return _mean_over_slices(rows, place)


def _add_slices(
    vectors: Float32[np.ndarray, "r D"], starts: np.ndarray, sizes: np.ndarray
) -> Float64[np.ndarray, "n D"]:
    """Sums of rows that follow each other, in float64; a seventh of the time of `np.add.reduceat`."""
    sums = vectors[starts].astype(np.float64)
    for number in range(1, int(sizes.max(initial=0))):
        longer = sizes > number
        sums[longer] += vectors[starts[longer] + number]
    return sums


def _mean_over_slices(rows: pa.Table, place: StoredLayer) -> ClipStates:
    lists = rows["vector"].combine_chunks()
    vectors = np.asarray(lists.flatten(), np.float32).reshape(len(rows), -1)
    clips = np.asarray(rows["clip_id"].to_pylist())
    starts = np.flatnonzero(np.r_[True, clips[1:] != clips[:-1]])
    sizes = np.diff(np.r_[starts, len(clips)])
    means = (_add_slices(vectors, starts, sizes) / sizes[:, None]).astype(np.float32)
    wrong = ~np.isfinite(means).all(axis=1)
    if wrong.any():
        raise ProbeError(
            f"{count(int(wrong.sum()), 'clip')} of layer {place.layer} of {place.encoder_id} {'has' if wrong.sum() == 1 else 'have'} states that are not finite, such as {clips[starts][wrong][0]}: run `tubelet check`, and ingest them again"
        )
    videos = np.asarray(rows["video_id"].to_pylist())
    return ClipStates(means, tuple(map(str, clips[starts])), videos[starts])
