"""Memory: what a batch of clips needs, computed and corrected by one measured clip, compared with what is really free.

out_of_memory    whether an error says that memory ran out
free             bytes that the device can still allocate
Budget           bytes per clip, and the batch that fits, or an error with settings that would
"""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from tubelet.ingest.contract import Encoder
from tubelet.ingest.errors import UsageError
from tubelet.ingest.facts import EncoderFacts, minimum_side

STATUS = Path("/proc/self/status")  # of this process, on Linux
SIGNS = ("can't allocate memory", "out of memory", "ALLOC_FAILED", "bad_alloc", "not enough memory")
PROBE_TOKENS = 1024  # of the measured clip: a fraction of a second on a CPU, enough to drown what does not grow with tokens
SHARE = 0.9  # of the free memory that a plan may use: allocators round up
AUTO_TOKENS = 32_768  # tokens per batch from which on a large GPU gains nothing by more
AUTO_CLIPS = 32


def out_of_memory(error: BaseException) -> bool:
    """CUDA raises its own type; the CPU's allocator, cuBLAS and MPS raise RuntimeErrors with such messages."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(
        sign in str(error) for sign in SIGNS
    )


def free(device: torch.device) -> int:
    """Bytes that can still be allocated: of the GPU, or of this machine and the control group that this process runs in."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return min([_available(), *(left for groups in CONTROL_GROUPS for left in groups.list_free())])


@dataclass(frozen=True)
class ClipSize:
    """Frames and pixels of one clip as the encoder takes it."""

    frames: int
    height: int
    width: int

    def tokens(self, facts: EncoderFacts) -> int:
        return (
            max(1, self.frames // facts.tubelet)
            * (self.height // facts.patch)
            * (self.width // facts.patch)
        )


@dataclass(frozen=True)
class Budget:
    """The memory of one encoder in one precision; `correction` is measured over computed, where one clip was measured."""

    facts: EncoderFacts
    half: bool
    correction: float = 1.0

    def clip_bytes(self, clip: ClipSize) -> int:
        """Peak of one more clip in a batch, by arithmetic: pixels as float32 in three steps, and a block's tensors for every token.

        In one block at its peak live the residual stream and its norm (float32), queries, keys and values, their rotated copies
        (float32), and what attention gives; beside them up to four normed levels. Attention itself is computed in tiles. Of each further
        layer that is joined live its tokens, their copy in the joined grid (float32) and that one's half-precision copy.
        """
        element = 2 if self.half else 4
        pixels = 3 * clip.frames * clip.height * clip.width * 4 * 3
        block = 2 * 4 + 3 * element + 4 * 4 + 3 * element + 4 * 4
        width = self.facts.dim // len(self.facts.layers)
        token = width * block + (self.facts.dim - width) * (2 * 4 + 2)
        return round((pixels + clip.tokens(self.facts) * token) * self.correction)

    def calibrate(self, encoder: Encoder, clip: ClipSize) -> "Budget":
        """The budget corrected by encoding one clip of that size; as it is where nothing can be measured."""
        peak = _peak(
            encoder, torch.zeros((1, clip.frames, 3, clip.height, clip.width), dtype=torch.uint8)
        )
        return replace(self, correction=max(1.0, peak / self.clip_bytes(clip))) if peak else self

    def batch(self, wanted: str, clip: ClipSize, device: torch.device) -> int:
        """Clips per batch for `--batch`; auto is one on the CPU, and what fits and still gains on a GPU. Raises UsageError."""
        available = int(free(device) * SHARE)
        fitting = available // max(1, self.clip_bytes(clip))
        if wanted == "auto":
            useful = (
                min(AUTO_CLIPS, -(-AUTO_TOKENS // clip.tokens(self.facts)))
                if device.type == "cuda"
                else 1
            )
            batch = max(1, min(useful, fitting))
        else:
            batch = int(wanted)
        if batch > fitting:
            raise UsageError(self._too_large(clip, batch, available, device))
        return batch

    def _too_large(self, clip: ClipSize, batch: int, available: int, device: torch.device) -> str:
        clips = f"{batch} clips" if batch > 1 else "a clip"
        needed = f"{clips} of {clip.frames} frames at {clip.height} x {clip.width} px need about {batch * self.clip_bytes(clip) / 1e9:,.1f} GB"
        ways = " or ".join(self.fitting(clip, batch, available, device))
        return f"{needed} with {self.facts.name}, and {available / 1e9:,.1f} GB are free on {device}: use {ways or 'a larger machine'}"

    def fitting(
        self, clip: ClipSize, batch: int, available: int, device: torch.device
    ) -> list[str]:
        """Settings each of which alone would make a batch fit."""
        each, ways = available // batch, []
        if batch > 1 and (fewer := available // self.clip_bytes(clip)):
            ways.append(f"--batch {fewer}")
        if (
            not self.half
            and device.type == "cuda"
            and replace(self, half=True).clip_bytes(clip) <= each
        ):
            ways.append("--precision bf16")
        frames = range(clip.frames - clip.frames % self.facts.tubelet, 0, -self.facts.tubelet)
        if best := next(
            (
                n
                for n in frames
                if n < clip.frames and self.clip_bytes(replace(clip, frames=n)) <= each
            ),
            None,
        ):
            ways.append(f"--frames {best}")
        sides = range(
            min(clip.height, clip.width) // self.facts.patch * self.facts.patch,
            minimum_side(self.facts.patch) - 1,
            -self.facts.patch,
        )
        if best := next(
            (n for n in sides if self.clip_bytes(replace(clip, height=n, width=n)) <= each), None
        ):
            ways.append(f"--size {best}")
        return ways


def check_weights(parameters: int, half: bool, device: torch.device) -> None:
    """Raises UsageError where an encoder's weights alone do not fit: in float32 while they are read, on the CPU; then on the device."""
    places = {
        torch.device("cpu"): 4 * parameters,
        device: (2 if half and device.type != "cpu" else 4) * parameters,
    }
    for place, needed in places.items():
        if needed > (available := free(place)):
            raise UsageError(
                f"the weights need {needed / 1e9:,.1f} GB, and {available / 1e9:,.1f} GB are free on {place}: choose a smaller encoder, or free memory"
            )


def probe_size(clip: ClipSize, facts: EncoderFacts) -> ClipSize:
    """The clip to measure where an encoder takes any size: pictures of few patches, and as many frames as make few tokens."""
    side = int(PROBE_TOKENS**0.5) * facts.patch
    small = replace(clip, height=min(clip.height, side), width=min(clip.width, side))
    slices = max(1, PROBE_TOKENS // replace(small, frames=facts.tubelet).tokens(facts))
    return replace(small, frames=min(clip.frames, slices * facts.tubelet))


def _peak(encoder: Encoder, frames: torch.Tensor) -> int | None:
    """Bytes by which encoding raises the memory in use at its peak."""
    device, marks = encoder.device, Path("/proc/self/clear_refs")
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        _run(encoder, frames)
        return torch.cuda.max_memory_allocated(device) - before
    if device.type != "cpu" or not marks.exists():
        return None
    _run(encoder, frames)  # what is allocated once, and kept
    marks.write_text("5")  # the peak starts over from here
    resident = read_bytes(STATUS, "VmRSS")
    _run(encoder, frames)
    peak = read_bytes(STATUS, "VmHWM")
    return None if resident is None or peak is None else peak - resident


def _run(encoder: Encoder, frames: torch.Tensor) -> None:
    with torch.inference_mode():
        encoder.encode(frames)


def read_bytes(path: Path, name: str) -> int | None:
    """What a file below /proc has under a name, in bytes; None where it lacks either, as outside of Linux and in some sandboxes."""
    found = re.search(rf"{name}:\s*(\d+) kB", path.read_text()) if path.exists() else None
    return int(found[1]) * 1024 if found else None


def _available() -> int:
    available = read_bytes(Path("/proc/meminfo"), "MemAvailable")
    if available is None:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return available


@dataclass(frozen=True, kw_only=True)
class ControlGroups:
    """How one version of Linux control groups exposes a limit: where, how this process's group is named, and in which files."""

    root: str
    name: str  # pattern of the line of /proc/self/cgroup
    limit: str
    used: str
    cache: (
        str  # line of memory.stat: pages of files that the kernel gives back when asked for memory
    )

    def list_free(self) -> list[int]:
        """Bytes left under every limit on the way from the root to this process's group."""
        membership = Path("/proc/self/cgroup")
        groups = (
            re.findall(self.name, membership.read_text(), re.MULTILINE)
            if membership.exists()
            else []
        )
        paths = {Path(self.root)} | {
            Path(self.root, part) for group in groups for part in _ancestors(group)
        }
        return [left for path in paths if (left := self._measure_free(path)) is not None]

    def _measure_free(self, folder: Path) -> int | None:
        try:
            limit, used = (int((folder / name).read_text()) for name in (self.limit, self.used))
            cache = re.search(
                rf"^{self.cache} (\d+)$", (folder / "memory.stat").read_text(), re.MULTILINE
            )
        except (OSError, ValueError):  # no such group, or no limit: `max`
            return None
        return max(0, limit - used + (int(cache[1]) if cache else 0))


CONTROL_GROUPS = (
    ControlGroups(
        root="/sys/fs/cgroup",
        name=r"^0::(.*)$",
        limit="memory.max",
        used="memory.current",
        cache="inactive_file",
    ),
    ControlGroups(
        root="/sys/fs/cgroup/memory",
        name=r"^\d+:memory:(.*)$",
        limit="memory.limit_in_bytes",
        used="memory.usage_in_bytes",
        cache="total_inactive_file",
    ),
)


def _ancestors(group: str) -> list[str]:
    relative = Path(group.strip("/"))
    return [str(relative), *map(str, relative.parents)]
