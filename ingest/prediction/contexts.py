"""Contexts: the tokens of some slices are seen, those of a later slice are predicted; what that misses, task by task.

All contexts of a window that have one length are encoded together, as many at once as memory allows. The target of a horizon is its
slice alone, but the slices between it and the context are predicted with it: the predictor never saw a gap that nobody asks about.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from tubelet.ingest.memory import out_of_memory
from tubelet.ingest.networks.vjepa import Masks, PatchTokens
from tubelet.ingest.networks.vjepa.positions import Grid
from tubelet.ingest.prediction.controls import PixelControls
from tubelet.ingest.prediction.errors import measure_errors, relate
from tubelet.ingest.prediction.networks import EncoderWithPredictor

GPU_BATCH, CPU_BATCH = 8, 2  # contexts at once where nobody says otherwise


@dataclass(frozen=True, order=True)
class PredictionTask:
    """One slice to predict: `context` slices are seen, the last of them `horizon` slices before it."""

    context: int
    horizon: int
    slice: int

    @property
    def last_seen(self) -> int:
        return self.slice - self.horizon

    @property
    def first_seen(self) -> int:
        return self.last_seen - self.context + 1


def list_tasks(context: int, horizon: int, slices: int, every: int = 1) -> list[PredictionTask]:
    """The slices of a window that can be predicted; none where it is too short."""
    return [
        PredictionTask(context, horizon, at) for at in range(context + horizon - 1, slices, every)
    ]


def list_all_tasks(
    settings: Iterable[tuple[int, int]], slices: int, every: int = 1
) -> list[PredictionTask]:
    """List the tasks of each context and horizon."""
    return [task for pair in settings for task in list_tasks(*pair, slices, every)]


@dataclass(frozen=True)
class Surprise:
    """What was measured of one task: the columns of `surprise` by patch, (H, W), and those of `slice_surprise`."""

    task: PredictionTask
    by_patch: Mapping[str, torch.Tensor]
    of_slice: Mapping[str, float]


@dataclass(frozen=True)
class ContextWindow:
    """Patches of one clip as they enter the encoder, its output for the slices from `first` on, (S - first, H * W, D), and the pixels' own controls."""

    patches: PatchTokens
    first: int
    truth: torch.Tensor
    controls: PixelControls

    @property
    def grid(self) -> Grid:
        return self.patches.grid

    @property
    def places(self) -> int:
        """Tokens of a slice."""
        return self.grid[1] * self.grid[2]


class SurpriseMeter:
    """Measures windows; `batch` contexts are encoded at once, half as many each time that memory runs out."""

    def __init__(self, networks: EncoderWithPredictor, batch: int | None = None) -> None:
        self.networks = networks
        self.batch = batch or (CPU_BATCH if networks.device.type == "cpu" else GPU_BATCH)
        self._config = networks.encoder.model.config

    def measure(
        self,
        frames: torch.Tensor,
        tasks: Sequence[PredictionTask],
        own: torch.Tensor | None = None,
        patches: PatchTokens | None = None,
    ) -> Iterator[Surprise]:
        """Frames (T, 3, h, w) in uint8 of one window. Raises RuntimeError where memory runs out for a single context.

        `own` are the encoder's levels of all tokens, (N, D), where they are known; else the window is encoded for them. `patches` are what
        enters the encoder's blocks, where that is known.
        """
        if patches is None:
            patches = self.networks.embed(self.networks.encoder.normalize(frames[None]))
        window = self._open(frames, patches, min(task.slice for task in tasks), own)
        for context in sorted({task.context for task in tasks}):
            alike = [task for task in tasks if task.context == context]
            for some in self._cut(sorted({task.first_seen for task in alike})):
                wanted = [task for task in alike if task.first_seen in some]
                yield from self._attempt(window, wanted)

    def _open(
        self, frames: torch.Tensor, patches: PatchTokens, first: int, own: torch.Tensor | None
    ) -> ContextWindow:
        slices, rows, columns = patches.grid
        since = first * rows * columns
        truth = (
            self.networks.view(patches, since)[0]
            if own is None
            else self.networks.normalize(own[since:])
        )
        controls = PixelControls(frames, self._config.tubelet, self._config.patch)
        return ContextWindow(patches, first, truth.unflatten(0, (slices - first, -1)), controls)

    def _cut(self, starts: Sequence[int]) -> Iterator[Sequence[int]]:
        """Starts in groups; each is as large as the batch is by then."""
        while starts:
            group, starts = starts[: self.batch], starts[self.batch :]
            yield group

    def _attempt(self, window: ContextWindow, tasks: Sequence[PredictionTask]) -> list[Surprise]:
        """What was measured of tasks together; in halves where memory runs out."""
        starts = sorted({task.first_seen for task in tasks})
        try:
            return list(self._measure_together(window, starts, tasks))
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or len(starts) == 1:
                raise
        if self.networks.device.type == "cuda":
            torch.cuda.empty_cache()
        self.batch = len(starts) // 2
        halves = starts[: self.batch], starts[self.batch :]
        parts = [[task for task in tasks if task.first_seen in half] for half in halves]
        return [found for part in parts for found in self._attempt(window, part)]

    def _measure_together(
        self, window: ContextWindow, starts: Sequence[int], tasks: Sequence[PredictionTask]
    ) -> Iterator[Surprise]:
        ids = self._number(window, starts, tasks[0].context)
        seen = self.networks.see(window.patches.repeat(len(ids)), ids)
        for horizon in sorted({task.horizon for task in tasks}):
            some = sorted(task for task in tasks if task.horizon == horizon)
            rows = [starts.index(task.first_seen) for task in some]
            yield from self._compare(window, some, seen[rows], ids[rows])

    def _number(self, window: ContextWindow, starts: Sequence[int], context: int) -> torch.Tensor:
        """Ids of the tokens that are seen, (B, Nc)."""
        within = torch.arange(context * window.places, device=self.networks.device)
        first = torch.tensor(starts, device=self.networks.device)[:, None] * window.places
        return first + within

    def _compare(
        self,
        window: ContextWindow,
        tasks: Sequence[PredictionTask],
        seen: torch.Tensor,
        ids: torch.Tensor,
    ) -> Iterator[Surprise]:
        """The tasks of one context length and horizon, whose contexts are `seen` (B, Nc, D) at `ids`."""
        places = window.places
        ahead = torch.arange(1, tasks[0].horizon * places + 1, device=ids.device)
        masks = Masks(ids, ids[:, -1:] + ahead, window.grid)
        predicted = self.networks.predict(seen, masks, last=places)
        known = self.networks.normalize(seen)
        truth = window.truth[[task.slice - window.first for task in tasks]]
        mean = known.mean(1, keepdim=True).expand_as(truth)
        found = measure_errors(truth, predicted, known[:, -places:], mean)
        by_patch = {name: values.unflatten(1, window.grid[1:]).cpu() for name, values in found.items()}  # fmt: skip
        for row, task in enumerate(tasks):
            own = {name: values[row] for name, values in by_patch.items()}
            yield summarize(task, {**own, **_controls(window, task)})


def summarize(task: PredictionTask, by_patch: Mapping[str, torch.Tensor]) -> Surprise:
    """Means over the patches; ratios are those of the means."""
    means = {name: values.double().mean() for name, values in by_patch.items()}
    of_slice = {name: float(value) for name, value in {**means, **relate(means)}.items()}
    return Surprise(task, by_patch, of_slice)


def _controls(window: ContextWindow, task: PredictionTask) -> dict[str, torch.Tensor]:
    return {
        "pixel_change": window.controls.change(task.slice, task.last_seen),
        "motion": window.controls.motion(task.slice),
    }
