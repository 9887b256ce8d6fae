"""The probe of a plan: one clip of a few videos through the pipeline into a temporary store, with its time, memory and bytes."""

import resource
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import torch

from tubelet.ingest.arguments import StorageOptions
from tubelet.ingest.contract import Encoder
from tubelet.ingest.errors import UsageError
from tubelet.ingest.memory import STATUS, read_bytes
from tubelet.ingest.pipeline.attending import wait_for_file
from tubelet.ingest.pipeline.decoding import Decoding, WantedClips
from tubelet.ingest.pipeline.encoding import EncodedClip, encode
from tubelet.ingest.pipeline.messages import DecodedClip, VideoDone
from tubelet.ingest.pipeline.recipe import Recipe
from tubelet.ingest.pipeline.run import CLIPS_AHEAD
from tubelet.ingest.pipeline.writer import COMMIT_CLIPS, Writer, WrittenClip
from tubelet.ingest.sources import Source
from tubelet.media.errors import VideoError
from tubelet.store import Store
from tubelet.store.disk.layout import THUMBNAIL
from tubelet.store.pairs.measurement import Side, measure
from tubelet.store.pairs.rows import CHANGED, LIVE, SHIFTED, Pair
from tubelet.store.schema import MEASUREMENTS

PROBES = 4  # videos, a clip each
MEMORY_MARGIN = 1.1  # the heap breaks up in a run longer than the probe
RUN_BYTES = 96_000_000  # of threads, commits and the last compaction, which a probe does not have; measured: 47 to 87 MB
IN_HAND = 2  # clips with each stage, beside those between two


@dataclass(frozen=True)
class Probing:
    """What a probe runs: the recipe on its encoder, and what is kept of a clip."""

    recipe: Recipe
    encoder: Encoder
    keeping: StorageOptions


@dataclass(frozen=True, kw_only=True)
class RowBytes:
    """Bytes on disk of the tables: per token, per pair, per commit, and of a store however few clips it holds."""

    token: float
    pair: float
    commit: float
    fixed: float


@dataclass(frozen=True, kw_only=True)
class MeasuredClip:
    """A clip through the pipeline: seconds of it, and the bytes of the store after it, data and commit logs."""

    encode_s: float
    write_s: float
    decode_s: float  # a frame
    tokens: int
    grid_bytes: int  # of the live grid, on the device
    data_bytes: int
    pair_bytes: int
    log_bytes: int
    waiting_bytes: int  # of clips between the stages of a run, and of rows between two commits


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What was measured: seconds to encode a clip, write it, and decode a frame; bytes of pictures and rows; peak memory."""

    encode_s: float
    write_s: float
    decode_s: float
    shared: bool  # one processor does all three: their seconds add up, where a GPU would let them overlap
    sheet_bytes: float  # of the pictures of a clip
    video_bytes: float
    rows: RowBytes
    memory_bytes: int

    def seconds(self, clips: int, frames: int) -> float:
        """Wall time of a run."""
        return (sum if self.shared else max)(
            (clips * self.encode_s, clips * self.write_s, frames * self.decode_s)
        )


def probe(sources: Sequence[Source], probing: Probing) -> Probe:
    """Decode, encode and write one clip of a few sources into a temporary store, and measure. Raises UsageError where too few give one."""
    device = probing.encoder.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with tempfile.TemporaryDirectory(prefix="tubelet-plan-") as folder:
        store = Store.create(Path(folder) / "store")
        readings = _readings(store, _spread_probes(sources), probing)
        thumbnails = _bytes(store.root.rglob(THUMBNAIL))
        sheets = _bytes(store.root.rglob("*.jpg")) - thumbnails
    return Probe(
        encode_s=median(reading.encode_s for reading in readings),
        write_s=median(reading.write_s for reading in readings),
        decode_s=median(reading.decode_s for reading in readings),
        shared=device.type == "cpu",
        sheet_bytes=sheets / len(readings),
        video_bytes=thumbnails / len(readings),
        rows=_measure_rows(readings),
        memory_bytes=_measure_memory(readings, probing),
    )


def _readings(store: Store, sources: Sequence[Source], probing: Probing) -> list[MeasuredClip]:
    """What the first clips of as many sources as are probed took. Raises UsageError where too few give one."""
    recipe = probing.recipe
    writer = Writer(store, recipe.encoder, keeping=probing.keeping)
    clips = (
        _probe_clip(source, sources[:number].count(source), f"{number:016x}", recipe)
        for number, source in enumerate(sources)
    )
    readings = [_reading(writer, probing, *found) for found in islice(filter(None, clips), PROBES)]
    if len(readings) < PROBES:
        raise UsageError(
            "no video decodes far enough for one clip: check the files, or use fewer --frames, a smaller --step, or --tail"
        )
    return readings


def _measure_rows(readings: Sequence[MeasuredClip]) -> RowBytes:
    """What rows take, from what the store grew by between the first clip and the last."""
    first, last, more = readings[0], readings[-1], readings[1:]
    token = (last.data_bytes - first.data_bytes) / sum(reading.tokens for reading in more)
    pair = (last.pair_bytes - first.pair_bytes) / len(more)
    data, pairs = first.data_bytes - first.tokens * token, first.pair_bytes - pair
    return RowBytes(
        token=token,
        pair=pair,
        commit=(last.log_bytes - first.log_bytes) / (2 * len(more)),
        fixed=max(0.0, data) + max(0.0, pairs) + first.log_bytes,
    )


def _measure_memory(readings: Sequence[MeasuredClip], probing: Probing) -> int:
    """Peak memory of a run: the probe's, the grids of pairs that wait, and on the CPU the clips between two stages."""
    recipe, device = probing.recipe, probing.encoder.device
    held = recipe.pairing.count_held(recipe.windowing) * max(
        reading.grid_bytes for reading in readings
    )
    if device.type == "cuda":
        return round(MEMORY_MARGIN * (peak_memory(device) + held))
    waiting = max(reading.waiting_bytes for reading in readings)
    return round(MEMORY_MARGIN * (peak_memory(device) + held + waiting) + RUN_BYTES)


def _spread_probes(sources: Sequence[Source]) -> list[Source]:
    """Sources from all over the list first, then every one as often as probes may be wanted: some break before their first clip."""
    return [sources[i * len(sources) // PROBES] for i in range(PROBES)] + list(sources) * PROBES


def _reading(
    writer: Writer, probing: Probing, clip: DecodedClip, done: VideoDone, decode_s: float
) -> MeasuredClip:
    encoded = _pair_with_itself(
        encode(probing.encoder, clip, probing.keeping.statistics), probing.recipe
    )
    started = time.perf_counter()
    written = writer.prepare(encoded)
    writer.add(written)
    write_s = time.perf_counter() - started
    writer.add(done)
    writer.commit()
    root = writer.store.root
    log_bytes = _bytes(
        [
            *root.glob("*/_delta_log/*"),
            *writer.store.layout.snapshots.glob("*"),
            writer.store.layout.marker,
        ]
    )
    writer.store.compact()
    pair_bytes = sum(
        _bytes(writer.store.layout.table(table.name).glob("*.parquet")) for table in MEASUREMENTS
    )
    data_bytes = (
        _bytes(path for path in root.rglob("*.parquet") if "_delta_log" not in path.parts)
        - pair_bytes
    )
    row = encoded.row
    return MeasuredClip(
        encode_s=encoded.row.encode_s,
        write_s=write_s,
        decode_s=decode_s,
        tokens=row.tokens,
        grid_bytes=4 * row.tokens * row.embed_dim,
        data_bytes=data_bytes,
        pair_bytes=pair_bytes,
        log_bytes=log_bytes,
        waiting_bytes=_waiting_bytes(clip, encoded, written),
    )


def _waiting_bytes(clip: DecodedClip, encoded: EncodedClip, written: WrittenClip) -> int:
    """Bytes of the clips that a run holds between its stages at most, and of the rows that wait for a commit, twice while they are joined."""
    ahead = CLIPS_AHEAD + IN_HAND
    held = 0 if encoded.grid is None else encoded.grid.nbytes
    rows = sum(buffer.size for packed in written.packed for buffer in packed.values())
    return 2 * ahead * clip.pixels.nbytes + ahead * held + 2 * COMMIT_CLIPS * rows


def _pair_with_itself(encoded: EncodedClip, recipe: Recipe) -> EncodedClip:
    """The clip with the rows of a pair, as a run would write them: its slices compared with its own, shifted ones."""
    slices, pairing, row = encoded.row.slices, recipe.pairing, encoded.row
    shift = slices // 2 if pairing.count is None else pairing.shift
    shift, kind = (shift, SHIFTED) if pairing.count != 0 else (0, CHANGED)
    if encoded.grid is None or not pairing.measures or shift >= slices:
        return encoded
    side = Side.of(encoded.grid.astype(np.float32))
    pair = Pair(
        video_id=row.video_id,
        encoder_id=row.encoder_id,
        clip_a=row.clip_id,
        clip_b=row.clip_id,
        kind=kind,
        shift=shift,
        source=LIVE,
        precision=recipe.precision,
    )
    return replace(encoded, pairs=((pair, measure(side, side, shift)),))


def _probe_clip(
    source: Source, skipped: int, video_id: str, recipe: Recipe
) -> tuple[DecodedClip, VideoDone, float] | None:
    """A clip of a source under a made-up id, its VideoDone, and the seconds a decoded frame took; None where it gives none.

    It is the first one after `skipped`, where there are as many: rows of one clip twice would compress better than those of two.
    """
    try:
        return wait_for_file(lambda: _decode_clip(source, skipped, video_id, recipe))
    except VideoError:
        return None


def _decode_clip(
    source: Source, skipped: int, video_id: str, recipe: Recipe
) -> tuple[DecodedClip, VideoDone, float] | None:
    """The same. Raises VideoError."""
    started = time.perf_counter()
    with source.open() as video:
        decoding = Decoding(recipe.of(source), video, source, video_id, WantedClips())
        clip = _last(islice(decoding.clips(), skipped + 1)) or next(decoding.tail(), None)
        if clip is None:
            return None
        seconds = (time.perf_counter() - started) / decoding.timeline.frames
        row, thumbnail = decoding.row(), decoding.thumbnail()
        done = VideoDone(source=source, video_id=video_id, row=row, thumbnail=thumbnail)
        return clip, done, seconds


def _last(clips: Iterable[DecodedClip]) -> DecodedClip | None:
    """The last of several; None where there is none."""
    last = deque(clips, maxlen=1)
    return last[0] if last else None


def _bytes(paths: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())


def peak_memory(device: torch.device) -> int:
    """Peak of the device's memory in bytes; of this process where the device is the CPU."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = read_bytes(STATUS, "VmHWM")
    if (
        peak is not None
    ):  # unlike ru_maxrss, without what the parent process held when it started this one
        return peak
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )
