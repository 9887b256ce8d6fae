"""The plan: what a run would make and cost, from a survey of the files and a probe of a few clips; nothing is stored.

The survey counts packets instead of decoding. The probe encodes one clip of up to four videos into a temporary
store, and measures time, memory and bytes there.
"""

import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import median

import numpy as np
import torch

from tubelet.ingest.arguments import StorageOptions
from tubelet.ingest.contract import Encoder
from tubelet.ingest.errors import UsageError
from tubelet.ingest.frame_rate import Sampling
from tubelet.ingest.memory import STATUS, free, read_bytes
from tubelet.ingest.pipeline.decoding import Decoding, Wanted
from tubelet.ingest.pipeline.encoding import EncodedClip, encode
from tubelet.ingest.pipeline.messages import Clip, VideoDone
from tubelet.ingest.pipeline.reader import REPEATS
from tubelet.ingest.pipeline.recipe import Recipe
from tubelet.ingest.pipeline.run import CLIPS_AHEAD
from tubelet.ingest.pipeline.writer import COMMIT_CLIPS, COMMIT_SECONDS, Writer, WrittenClip
from tubelet.ingest.sampling import count_samples
from tubelet.ingest.sources import Source
from tubelet.media.errors import VideoError
from tubelet.store import Store
from tubelet.store.disk.layout import THUMBNAIL
from tubelet.store.pairs.measurement import Side, measure
from tubelet.store.pairs.rows import LIVE, SHIFTED, Pair
from tubelet.store.schema import MEASUREMENTS

PROBES = 4  # videos, a clip each
DISK_MARGIN = 1.15  # rows of other clips compress less well than those of the probe
MEMORY_MARGIN = 1.1  # the heap breaks up in a run longer than the probe
RUN_BYTES = 96_000_000  # of threads, commits and the last compaction, which a probe does not have; measured: 47 to 87 MB
IN_HAND = 2  # clips with each stage, beside those between two


@dataclass(frozen=True, kw_only=True)
class Survey:
    """One source by its header and packets: frames, clips and tokens it would give."""

    source: Source
    frames: int
    clips: int
    tokens: int
    pairs: int
    frame_rate: float


@dataclass(frozen=True)
class Probing:
    """What a probe runs: the recipe on its encoder, and what is kept of a clip."""

    recipe: Recipe
    encoder: Encoder
    keeping: StorageOptions


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What was measured: seconds to encode a clip, write it, and decode a frame; bytes per token, per pair and so on; peak memory."""

    encode_s: float
    write_s: float
    decode_s: float
    shared: bool  # one processor does all three: their seconds add up, where a GPU would let them overlap
    token_bytes: float
    pair_bytes: float
    sheet_bytes: float  # of the pictures of a clip
    video_bytes: float
    commit_bytes: float
    fixed_bytes: float  # of a store however few clips it holds
    memory_bytes: int

    def seconds(self, clips: int, frames: int) -> float:
        """Wall time of a run."""
        return (sum if self.shared else max)(
            (clips * self.encode_s, clips * self.write_s, frames * self.decode_s)
        )


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Totals of a run on this machine."""

    videos: int
    unreadable: int
    too_short: int
    clips: int
    tokens: int
    pairs: int
    disk_bytes: int
    memory_bytes: int
    memory_free_bytes: int
    memory_total_bytes: int
    seconds: float
    batch: int = 1
    notes: tuple[str, ...] = ()

    def of_batch(self, batch: int) -> "Plan":
        return replace(self, batch=batch)

    def as_json(self) -> dict:
        return asdict(self)

    def lines(self) -> list[str]:
        """The plan in words."""
        left_out = (
            f"; {self.unreadable:,} unreadable and {self.too_short:,} too short for a window"
            if self.unreadable or self.too_short
            else ""
        )
        return [
            f"{self.videos:,} videos yield {self.clips:,} clips, {self.tokens:,} tokens and {self.pairs:,} measured pairs{left_out}",
            f"disk    {self.disk_bytes / 1e9:,.3f} GB",
            (
                f"memory  {self.memory_bytes / 1e9:,.2f} GB at its peak with {self.batch} clip{'s' * (self.batch != 1)} a batch; "
                f"{self.memory_free_bytes / 1e9:,.1f} GB free of {self.memory_total_bytes / 1e9:,.1f} GB"
            ),
            f"time    {_duration(self.seconds)} on this machine, from a probe of {PROBES} clips",
            *self.notes,
        ]


def plan(sources: Sequence[Source], probing: Probing, batch_bytes: int = 0) -> Plan:
    """Survey the sources and probe the encoder clip by clip; `batch_bytes` is what larger batches need on top.

    Raises UsageError where no source gives a clip.
    """
    device = probing.encoder.device
    surveys = [survey(source, probing.recipe) for source in sources]
    good = [found for found in surveys if found and found.clips]
    if not good:
        raise UsageError(
            "no video is long enough for one clip: check the files, or use fewer --frames, a smaller --step, or --tail"
        )
    measured = probe(_spread_probes([found.source for found in good]), probing)
    clips, tokens, pairs = (
        sum(getattr(found, what) for found in good) for what in ("clips", "tokens", "pairs")
    )
    again = min(
        REPEATS, sum(found.pairs > 0 for found in good)
    )  # the control that encodes a window twice
    seconds = measured.seconds(clips + again, sum(found.frames for found in good))
    commits = max(1, clips / COMMIT_CLIPS, min(clips, seconds / COMMIT_SECONDS))
    readable = sum(found is not None for found in surveys)
    rows = (
        tokens * measured.token_bytes
        + (pairs + again) * measured.pair_bytes
        + commits * measured.commit_bytes
    )
    disk = DISK_MARGIN * (
        measured.fixed_bytes + rows + clips * measured.sheet_bytes + readable * measured.video_bytes
    )
    notes = tuple(
        Sampling.of(probing.recipe.encoder, probing.recipe.windowing).lines(
            [found.frame_rate for found in good]
        )
    )
    return Plan(
        videos=len(sources),
        unreadable=len(sources) - readable,
        too_short=readable - len(good),
        clips=clips,
        tokens=tokens,
        pairs=pairs + again,
        disk_bytes=round(disk),
        memory_bytes=measured.memory_bytes + batch_bytes,
        memory_free_bytes=free(device),
        memory_total_bytes=_memory_total(device),
        seconds=seconds,
        notes=notes,
    )


def survey(source: Source, recipe: Recipe) -> Survey | None:
    """Frames, clips and tokens of one source without decoding more than its first frame; None where it is not a video."""
    recipe = recipe.of(source)
    try:
        with source.open() as video:
            height, width = recipe.geometry.target(
                *next(video.frames()).displayed, recipe.encoder.patch
            )
        with source.open() as video:
            frames, fps = video.packets, video.fps
    except (VideoError, StopIteration):
        return None
    samples = count_samples(frames, recipe.windowing.rate, fps)
    pairs = recipe.pairing.pairs(recipe.windowing, samples)
    windows = {*recipe.windowing.windows(samples), *(pair.b for pair in pairs)}
    patches = (height // recipe.encoder.patch) * (width // recipe.encoder.patch)
    return Survey(
        source=source,
        frames=frames,
        clips=len(windows),
        tokens=sum(max(1, w.frames // recipe.encoder.tubelet) * patches for w in windows),
        pairs=len(pairs),
        frame_rate=fps,
    )


def probe(sources: Sequence[Source], probing: Probing) -> Probe:
    """Decode, encode and write one clip of each source into a temporary store, and measure."""
    recipe, device = probing.recipe, probing.encoder.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with tempfile.TemporaryDirectory(prefix="tubelet-plan-") as folder:
        store = Store.create(Path(folder) / "store")
        writer = Writer(store, recipe.encoder.row, keeping=probing.keeping)
        clips = (
            _first_clip(source, f"{number:016x}", recipe) for number, source in enumerate(sources)
        )
        readings = [
            _reading(writer, probing, *found) for found in islice(filter(None, clips), PROBES)
        ]
        thumbnails, pictures = (
            _bytes(store.root.rglob(THUMBNAIL)),
            _bytes(store.root.rglob("*.jpg")),
        )
    if len(readings) < PROBES:
        raise UsageError(
            "no video decodes far enough for one clip: check the files, or use fewer --frames, a smaller --step, or --tail"
        )
    first, last = readings[0], readings[-1]
    token_bytes = (last.data_bytes - first.data_bytes) / sum(
        reading.tokens for reading in readings[1:]
    )
    pair_bytes = (last.pair_bytes - first.pair_bytes) / (len(readings) - 1)
    held = recipe.pairing.held(recipe.windowing) * max(reading.grid_bytes for reading in readings)
    waiting = 0 if device.type == "cuda" else max(reading.waiting_bytes for reading in readings)
    return Probe(
        encode_s=median(reading.encode_s for reading in readings),
        write_s=median(reading.write_s for reading in readings),
        decode_s=median(reading.decode_s for reading in readings),
        shared=device.type == "cpu",
        token_bytes=token_bytes,
        pair_bytes=pair_bytes,
        sheet_bytes=(pictures - thumbnails) / len(readings),
        video_bytes=thumbnails / len(readings),
        commit_bytes=(last.log_bytes - first.log_bytes) / (2 * (len(readings) - 1)),
        fixed_bytes=max(0.0, first.data_bytes - first.tokens * token_bytes)
        + max(0.0, first.pair_bytes - pair_bytes)
        + first.log_bytes,
        memory_bytes=round(
            MEMORY_MARGIN * (peak_memory(device) + held + waiting)
            + (0 if device.type == "cuda" else RUN_BYTES)
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One clip through the pipeline: seconds of it, and the bytes of the store after it, data and commit logs."""

    encode_s: float
    write_s: float
    decode_s: float  # a frame
    tokens: int
    grid_bytes: int  # of the live grid, on the device
    data_bytes: int
    pair_bytes: int
    log_bytes: int
    waiting_bytes: int  # of clips between the stages of a run, and of rows between two commits


def _spread_probes(sources: Sequence[Source]) -> list[Source]:
    """Sources from all over the list first, then every one as often as probes may be wanted: some break before their first clip."""
    return [sources[i * len(sources) // PROBES] for i in range(PROBES)] + list(sources) * PROBES


def _reading(
    writer: Writer, probing: Probing, clip: Clip, done: VideoDone, decode_s: float
) -> Reading:
    encoded = _pair_with_itself(encode(probing.encoder, clip), probing.recipe)
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
    grid = encoded.grid
    return Reading(
        encode_s=encoded.row.encode_s,
        write_s=write_s,
        decode_s=decode_s,
        tokens=grid[..., 0].size,
        grid_bytes=4 * grid.size,
        data_bytes=data_bytes,
        pair_bytes=pair_bytes,
        log_bytes=log_bytes,
        waiting_bytes=_waiting_bytes(clip, encoded, written),
    )


def _waiting_bytes(clip: Clip, encoded: EncodedClip, written: WrittenClip) -> int:
    """Bytes of the clips that a run holds between its stages at most, and of the rows that wait for a commit, twice while they are joined."""
    ahead = CLIPS_AHEAD + IN_HAND
    rows = sum(buffer.size for packed in written.packed for buffer in packed.values())
    return 2 * ahead * clip.pixels.nbytes + ahead * encoded.grid.nbytes + 2 * COMMIT_CLIPS * rows


def _pair_with_itself(encoded: EncodedClip, recipe: Recipe) -> EncodedClip:
    """The clip with the rows of a pair, as a run would write them: its slices compared with its own, shifted ones."""
    slices, pairing, row = len(encoded.grid), recipe.pairing, encoded.row
    shift = slices // 2 if pairing.count is None else pairing.shift
    if pairing.count == 0 or shift >= slices:
        return encoded
    side = Side.of(encoded.grid.astype(np.float32))
    pair = Pair(
        video_id=row.video_id,
        encoder_id=row.encoder_id,
        clip_a=row.clip_id,
        clip_b=row.clip_id,
        kind=SHIFTED,
        shift=shift,
        source=LIVE,
        precision=recipe.precision,
    )
    return replace(encoded, pairs=((pair, measure(side, side, shift)),))


def _first_clip(
    source: Source, video_id: str, recipe: Recipe
) -> tuple[Clip, VideoDone, float] | None:
    """The first clip of a source under a made-up id, its VideoDone, and the seconds a decoded frame took; None where it gives none."""
    started = time.perf_counter()
    try:
        with source.open() as video:
            decoding = Decoding(recipe.of(source), video, source, video_id, Wanted())
            clip = next(decoding.clips(), None) or next(decoding.tail(), None)
            seconds = (time.perf_counter() - started) / decoding.timeline.frames
            return (
                (
                    clip,
                    VideoDone(
                        source=source,
                        video_id=video_id,
                        row=decoding.row(),
                        thumbnail=decoding.thumbnail(),
                    ),
                    seconds,
                )
                if clip
                else None
            )
    except VideoError:
        return None


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


def _memory_total(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 7200 else f"about {seconds / 3600:.1f} h"
