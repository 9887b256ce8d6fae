"""The plan: what a run would make and cost, from a survey of the files and a probe of a few clips; nothing is stored.

The survey counts packets instead of decoding. The probe encodes one clip of four videos (`tubelet.ingest.probe`).
"""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch

from tubelet.ingest.causal import count_prefix_slices
from tubelet.ingest.errors import UsageError
from tubelet.ingest.frame_rate import Sampling
from tubelet.ingest.memory import free
from tubelet.ingest.part import Taken
from tubelet.ingest.pipeline.attending import wait_for_file
from tubelet.ingest.pipeline.controls import REPEATS, expect_controls
from tubelet.ingest.pipeline.recipe import Recipe
from tubelet.ingest.pipeline.writer import COMMIT_CLIPS, COMMIT_SECONDS
from tubelet.ingest.probe import PROBES, Probing, RowBytes, probe
from tubelet.ingest.sampling import count_samples
from tubelet.ingest.sources import Source
from tubelet.media.errors import VideoError
from tubelet.store.pairs.rows import ENCODED_AGAIN
from tubelet.store.wording import count

DISK_MARGIN = 1.15  # rows of other clips compress less well than those of the probe


@dataclass(frozen=True, kw_only=True)
class Survey:
    """One source by its header and packets: frames, clips and tokens it would give."""

    source: Source
    frames: int
    clips: int
    tokens: int
    pairs: int
    changed: int  # of them: windows that are encoded again after a change
    frame_rate: float


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
    taken: Taken | None = None  # where it is for a part of the sources

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
            *([self.taken.words] if self.taken else []),
            f"{count(self.videos, 'video yields', 'videos yield')} {count(self.clips, 'clip')}, {count(self.tokens, 'token')} and {count(self.pairs, 'measured pair')}{left_out}",
            f"disk    {self.disk_bytes / 1e9:,.3f} GB",
            (
                f"memory  {self.memory_bytes / 1e9:,.2f} GB at its peak with {count(self.batch, 'clip')} per batch; "
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
    readable = [found for found in surveys if found]
    good = [found for found in readable if found.clips]
    if not good:
        raise UsageError(
            "no video is long enough for one clip: check the files, or use fewer --frames, a smaller --step, or --tail"
        )
    measured = probe([found.source for found in good], probing)
    run = Totals.of(good)
    seconds = measured.seconds(run.clips + run.again, run.frames)
    pictures = run.clips * measured.sheet_bytes + len(readable) * measured.video_bytes
    sampling = Sampling.of(probing.recipe.encoder, probing.recipe.windowing)
    return Plan(
        videos=len(sources),
        unreadable=len(sources) - len(readable),
        too_short=len(readable) - len(good),
        clips=run.clips,
        tokens=run.tokens,
        pairs=run.pairs + run.controls,
        disk_bytes=round(DISK_MARGIN * (_row_bytes(run, measured.rows, seconds) + pictures)),
        memory_bytes=measured.memory_bytes + batch_bytes,
        memory_free_bytes=free(device),
        memory_total_bytes=_memory_total(device),
        seconds=seconds,
        notes=(
            *sampling.lines([found.frame_rate for found in good]),
            *_note_prefixes(probing.recipe),
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Totals:
    """What all sources give together, with the pairs that are controls; `again` counts windows that are encoded again, for them or after a change."""

    frames: int
    clips: int
    tokens: int
    pairs: int
    controls: int
    again: int

    @classmethod
    def of(cls, surveys: Sequence[Survey]) -> "Totals":
        paired = sum(found.pairs > 0 for found in surveys)
        return cls(
            frames=sum(found.frames for found in surveys),
            clips=sum(found.clips for found in surveys),
            tokens=sum(found.tokens for found in surveys),
            pairs=sum(found.pairs for found in surveys),
            controls=min(REPEATS, paired),
            again=expect_controls(paired) + sum(found.changed for found in surveys),
        )


def _note_prefixes(recipe: Recipe) -> list[str]:
    """What `--causal` costs, where it is asked for."""
    slices = recipe.windowing.slices
    if not recipe.encoder.causal or slices == 1:
        return []
    return [
        f"causal  each window takes {count(count_prefix_slices(slices), 'slice')} instead of {slices:,}: one encoding per slice, of all frames up to its end"
    ]


def _row_bytes(run: Totals, each: RowBytes, seconds: float) -> float:
    """Bytes of all tables and embeddings, with the log of every commit."""
    commits = max(1, run.clips / COMMIT_CLIPS, min(run.clips, seconds / COMMIT_SECONDS))
    pairs = run.pairs + run.controls
    return each.fixed + run.tokens * each.token + pairs * each.pair + commits * each.commit


def survey(source: Source, recipe: Recipe) -> Survey | None:
    """Frames, clips and tokens of one source without decoding more than its first frame; None where it is not a video."""
    recipe = recipe.of(source)
    try:
        displayed, frames, fps = wait_for_file(lambda: _look_at(source))
    except (VideoError, StopIteration):
        return None
    height, width = recipe.geometry.target(*displayed, recipe.encoder.patch)
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
        changed=sum(pair.kind in ENCODED_AGAIN for pair in pairs),
        frame_rate=fps,
    )


def _look_at(source: Source) -> tuple[tuple[int, int], int, float]:
    """Height and width of a video, its packets, and its frames per second. Raises VideoError, and StopIteration where it has no frame."""
    with source.open() as video:
        displayed = next(video.frames()).displayed
    with source.open() as video:
        return displayed, video.packets, video.fps


def _memory_total(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 7200 else f"about {seconds / 3600:.1f} h"
