"""The arguments of an ingest, in groups: which videos, which encoder, how a video is cut, how the run goes, what is stored.

A new argument is a field of one group and an option of the command; `Arguments.of` assigns it by name.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import get_type_hints

from tubelet.ingest.cluster_options import RAY_HELP
from tubelet.ingest.errors import UsageError
from tubelet.ingest.prediction.options import SLICES_MOST, Settings, parse_settings
from tubelet.store.options import check_options, option

DEFAULT_ENCODER = "vjepa2.1-tiny"  # its weights are in the package
EMBEDDINGS, STATISTICS, POOLED = "embeddings", "statistics", "pooled"  # what `--keep` can keep
KEPT = {name: name for name in (EMBEDDINGS, STATISTICS, POOLED)} | {"tokens": EMBEDDINGS}
FRAMES_MOST, SIDE_MOST, COUNT_MOST = (
    65_536,
    16_384,
    1_000_000,
)  # beyond what any machine holds; checked before anything is computed from them


@dataclass(frozen=True)
class SourceOptions:
    """Files and folders, and how many videos of them to take."""

    paths: Sequence[str]
    limit: int | None = option(None, help="Use only the first N videos.", metavar="N", least=1)
    part: str | None = option(
        None,
        help="Process part I of N of the videos, to share them among N processes or machines.",
        unset="what SLURM_ARRAY_TASK_ID, RANK or SHARD_INDEX says, else all",
        metavar="I/N",
    )
    fps_of_frames: float | None = option(
        None,
        help="Read image files, too: a folder of numbered ones is a video of N frames per second, any other image a still.",
        unset="folders are searched for video files only",
        metavar="N",
        least=0.001,
        most=1000,
    )

    def __post_init__(self) -> None:
        check_options(self, UsageError)


@dataclass(frozen=True, kw_only=True)
class EncoderOptions:
    """Which encoder, with which weights, and which of its layers."""

    encoder: str = option(
        DEFAULT_ENCODER,
        help="One of `tubelet encoders`, a Hugging Face id, or a directory.",
        metavar="NAME",
    )
    weights: Path | None = option(
        None,
        help="File of the encoder's weights.",
        unset="the released ones, downloaded once",
        metavar="FILE",
    )
    weights_key: str | None = option(
        None,
        help="Network to load from the file, such as encoder for the one that was being trained; dots separate nested keys.",
        unset="the averaged encoder",
        metavar="KEY",
    )
    layer: str = option(
        "last",
        help="Where tokens are taken from: last, a level from 0, a range of levels such as 0-1, or all; or blocks: block:8, blocks:0-23, blocks:3,7 or blocks:all. Several are concatenated.",
    )
    side: str | None = option(
        None,
        help="Take the residual stream before (pre) or after (post) a block; with --layer block:N.",
        unset="post",
        choices=("pre", "post"),
    )
    final_norm: bool = option(
        False, help="Apply the encoder's final norm to the residual stream; with --layer block:N."
    )
    causal: bool = option(
        False,
        help="Encode each slice from the frames up to its own end alone, so that no token depends on later frames; the store keeps it as an encoder of its own.",
    )

    def __post_init__(self) -> None:
        check_options(self, UsageError)


@dataclass(frozen=True, kw_only=True)
class WindowOptions:
    """Which frames make a clip, which clips form a pair, and the size of their pictures; None where the encoder decides."""

    frames: int = option(16, help="Frames per window.", least=1, most=FRAMES_MOST)
    step: int = option(
        1, help="Spacing of a window's frames, in frames of the video.", least=1, most=COUNT_MOST
    )
    fps: float | None = option(
        None,
        help="Sample windows by time: N frames per second, the nearest ones. --step and --stride then count sampled frames.",
        unset="every frame counts",
        metavar="N",
        least=0.001,
        most=1000,
    )
    segments: Path | None = option(
        None,
        help="Encode these segments instead of the regular windows: a table of video, name, start and stop in seconds. Needs --fps.",
        metavar="FILE",
    )
    hop: int | None = option(
        None, flag="--stride", renamed=("--hop",), help="Spacing of window starts, in frames of the video.", unset="frames x step, no overlap",
        least=1, most=COUNT_MOST,
    )  # fmt: skip
    tail: bool = option(False, help="Keep the last, shorter window of each video.")
    size: str | None = option(
        None,
        help="Short side of the frame, then a square crop; or height x width.",
        unset="the encoder's",
        metavar="PX|HxW",
    )
    fit: bool = option(False, help="The same as --framing fit.")
    framing: str | None = option(
        None, unset="the encoder's", metavar="meta|whole|fit",
        help="meta: as V-JEPA's authors evaluate, the middle 7/8 of the short side; whole: all of it; fit: the whole frame, sides rounded to the patch.",
    )  # fmt: skip
    shift: int | None = option(
        None,
        help="Slices by which the second window of a pair starts later.",
        unset="1",
        metavar="N",
    )
    pairs: str | None = option(
        None,
        help="Pairs of windows per video: a number, 0 for none, or all that the stride allows.",
        unset="1",
        metavar="N|all",
    )
    change: str | None = option(
        None,
        help="Encode window A of each pair again after each of these changes, separated by commas, and measure their effect: flip, reverse, shuffle, still, drop:0.25, prefix:0.5, noise:0.1, blur:2, dark:0.5, jpeg:20, crop:0.9, rotate:10.",
        unset="nothing is changed",
        metavar="NAME[:STRENGTH],...",
    )

    def __post_init__(self) -> None:
        check_options(self, UsageError)
        for name, most in (("size", SIDE_MOST), ("pairs", COUNT_MOST)):
            for number in str(getattr(self, name) or "").lower().split("x"):
                if number.strip().isdecimal() and int(number[:20]) > most:
                    raise UsageError(f"--{name} {getattr(self, name)}: it must be {most:,} or less")


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options that do not change which clips there are; and the precision, which does."""

    device: str = option(
        "auto",
        help="auto, cpu, cuda, cuda:N or mps; an ingest takes several, such as cuda:0,cuda:1, with one process each.",
    )
    ray: str | None = option(
        None,
        help=RAY_HELP,
        unset="this process, or one per device",
        metavar="ADDRESS",
    )
    precision: str = option(
        "auto", help="auto (bf16 on CUDA from capability 8.0, else fp32), fp32, bf16 or fp16."
    )
    batch: str = option("auto", help="Clips encoded together, or auto.", metavar="N")
    readers: str = option("auto", help="Videos decoded at the same time, or auto.", metavar="N")
    log: Path | None = option(
        None,
        help="Append events to this file as JSON lines: one per video, commit and error.",
        metavar="FILE",
    )
    quiet: bool = option(False, help="Hide progress, but print the summary.")

    def __post_init__(self) -> None:
        for name in ("batch", "readers"):
            value = str(getattr(self, name))
            if value != "auto" and not (
                value.isascii() and value.isdecimal() and 0 < int(value[:20]) <= COUNT_MOST
            ):
                raise UsageError(
                    f"--{name} {value}: give a number from 1 to {COUNT_MOST:,}, or auto"
                )


@dataclass(frozen=True)
class StorageOptions:
    """What is stored of a clip besides its rows; `keep` is one or several of embeddings, statistics and pooled."""

    keep: str = option(
        EMBEDDINGS,
        help="What to store of each clip; separate several with commas: embeddings (with statistics), statistics (with measurements of pairs), pooled (mean, maximum and standard deviation over the patches of each slice and layer).",
        metavar="embeddings|statistics|pooled",
    )
    pictures: bool = option(True, help="Store a small picture of each slice, for the Video page.")
    surprise: str | None = option(
        None,
        help="Predict slices of each window from the CONTEXT slices before them, as `tubelet surprise` does: 4, or 4:2 with a horizon; separate several with commas.",
        unset="nothing is predicted",
        metavar="CONTEXT[:HORIZON]",
    )
    surprise_every: int = option(
        1,
        help="With --surprise, predict every N-th slice of a window.",
        least=1,
        most=SLICES_MOST,
        metavar="N",
    )

    def __post_init__(self) -> None:
        check_options(self, UsageError)
        parse_settings(self.surprise)
        if unknown := [name for name in self.keep.split(",") if name.strip() not in KEPT]:
            raise UsageError(
                f"--keep is {self.keep}: {unknown[0].strip() or 'nothing'} is unknown: choose {EMBEDDINGS}, {STATISTICS} or {POOLED}, or several with commas"
            )

    @property
    def kept(self) -> frozenset[str]:
        return frozenset(KEPT[name.strip()] for name in self.keep.split(","))

    @property
    def predicted(self) -> Settings:
        """The contexts and horizons to predict."""
        return parse_settings(self.surprise)

    @property
    def embeddings(self) -> bool:
        """Whether the large files are stored."""
        return EMBEDDINGS in self.kept

    @property
    def statistics(self) -> bool:
        """Whether statistics, samples and measurements of pairs are stored; embeddings bring them along."""
        return self.kept != {POOLED}

    @property
    def pooled(self) -> bool:
        """Whether the pooled states of each slice and layer are stored."""
        return POOLED in self.kept

    def join(self, others: Iterable["StorageOptions"]) -> "StorageOptions":
        """What these and others keep together."""
        kept = self.kept.union(*(other.kept for other in others))
        return replace(self, keep=",".join(sorted(kept)))


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """All arguments of `tubelet ingest` and `tubelet plan`."""

    videos: SourceOptions
    model: EncoderOptions
    cut: WindowOptions = field(default_factory=WindowOptions)
    running: RunOptions = field(default_factory=RunOptions)
    keeping: StorageOptions = field(default_factory=StorageOptions)

    @classmethod
    def of(cls, **values: object) -> "Arguments":
        """Arguments from single values, each put into the group that has a field of its name. Raises UsageError for unknown names."""
        groups = get_type_hints(cls)  # name -> class
        if unknown := values.keys() - {f.name for group in groups.values() for f in fields(group)}:
            raise UsageError(f"ingest has no argument {', '.join(sorted(unknown))}")
        return cls(
            **{
                name: group(**{f.name: values[f.name] for f in fields(group) if f.name in values})
                for name, group in groups.items()
            }
        )
