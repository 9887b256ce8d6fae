"""The arguments of an ingest, in groups: which videos, which encoder, how a video is cut, how the run goes, what is kept.

A new argument is a field of one group and an option of the command; `Arguments.of` finds its place by its name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from tubelet.ingest.errors import UsageError

EMBEDDINGS, STATISTICS = "embeddings", "statistics"  # what `--keep` can keep


@dataclass(frozen=True)
class SourceOptions:
    """Files and folders, and how many videos of them to take."""

    paths: Sequence[str]
    limit: int | None = None


@dataclass(frozen=True)
class EncoderOptions:
    """Which encoder, with which weights, and which of its levels."""

    encoder: str
    weights: Path | None = None
    layer: str = "last"


@dataclass(frozen=True)
class WindowOptions:
    """Which frames make a clip, which clips a pair, and the size of their pictures; None where the encoder decides."""

    frames: int = 16
    step: int = 1
    hop: int | None = None
    tail: bool = False
    size: str | None = None
    fit: bool = False
    framing: str | None = None
    shift: int | None = None  # slices
    pairs: str | None = None  # a video: a number, or all


@dataclass(frozen=True)
class RunOptions:
    """What does not change which clips there are, and the precision, which does."""

    device: str = "auto"
    precision: str = "auto"
    batch: str = "auto"
    readers: str = "auto"

    def __post_init__(self) -> None:
        for name in ("batch", "readers"):
            value = getattr(self, name)
            if value != "auto" and not (value.isdecimal() and int(value)):
                raise UsageError(f"--{name} {value}: give a number from 1 on, or auto")


@dataclass(frozen=True)
class StorageOptions:
    """What of a clip is kept besides its rows; `keep` is embeddings or statistics."""

    keep: str = EMBEDDINGS
    pictures: bool = True

    def __post_init__(self) -> None:
        if self.keep not in (EMBEDDINGS, STATISTICS):
            raise UsageError(f"--keep {self.keep} is unknown: choose {EMBEDDINGS} or {STATISTICS}")

    @property
    def embeddings(self) -> bool:
        """Whether the large files are kept, or statistics and measurements alone."""
        return self.keep == EMBEDDINGS


@dataclass(frozen=True)
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
        if unknown := values.keys() - {f.name for group in fields(cls) for f in fields(group.type)}:
            raise UsageError(f"an ingest has no argument {', '.join(sorted(unknown))}")
        return cls(**{g.name: g.type(**{f.name: values[f.name] for f in fields(g.type) if f.name in values}) for g in fields(cls)})
