"""Live: the predictions of an ingest, whose own encoding of a window is what they are compared with. The window is decoded and encoded once."""

from collections.abc import Mapping

import pyarrow as pa
import torch

from tubelet.array_types import UInt8
from tubelet.ingest.errors import UsageError
from tubelet.ingest.grid import TokenGrids
from tubelet.ingest.networks.vjepa import PatchTokens
from tubelet.ingest.prediction.contexts import SurpriseMeter, list_all_tasks
from tubelet.ingest.prediction.missing import HeldTasks
from tubelet.ingest.prediction.networks import EncoderWithPredictor
from tubelet.ingest.prediction.options import Settings
from tubelet.ingest.prediction.rows import describe_prediction, surprise_rows
from tubelet.store.rows import PlannedClip
from tubelet.store.schema import PARTNER
from tubelet.store.wording import count


class PredictingEncoder:
    """An encoder that keeps, of the batch it has just encoded, what predictions are compared with.

    `held` are the predictions that the store has by now, which are not made again.
    """

    def __init__(
        self,
        networks: EncoderWithPredictor,
        predictor_sha256: str,
        settings: Settings,
        every: int = 1,
    ) -> None:
        self.networks, self.predictor_sha256 = networks, predictor_sha256
        self.settings, self.every = settings, every
        self.device = networks.device
        self.held = HeldTasks()
        self._meter = SurpriseMeter(networks)
        self._own: torch.Tensor | None = None  # (B, N, D)
        self._patches: PatchTokens | None = None
        self._slices = 0

    def encode(self, frames: UInt8[torch.Tensor, "B T 3 H W"]) -> TokenGrids:
        grids, self._own, self._patches = self.networks.encode_beside(frames)
        self._slices = grids.embeddings.shape[1]
        return grids

    def predict(
        self, number: int, clip: PlannedClip, frames: torch.Tensor
    ) -> Mapping[str, pa.Table]:
        """The rows of a clip, which is the `number`-th of the batch; none where it is too short or only a pair's. Raises RuntimeError without memory."""
        asked = list_all_tasks(self.settings, self._slices, self.every)
        tasks = self.held.find_missing(clip.clip_id, asked)
        if clip.role == PARTNER or not tasks:
            return {}
        own = None if self._own is None else self._own[number]
        patches = None if self._patches is None else self._patches.of_clip(number)
        measured = list(self._meter.measure(frames, tasks, own, patches))
        made = describe_prediction(self.networks, self.predictor_sha256)
        return surprise_rows(clip.clip_id, measured, made)


def refuse_short_windows(settings: Settings, slices: int) -> None:
    """Raises UsageError where no window of so many slices is long enough for a context and horizon."""
    for context, horizon in settings:
        if context + horizon > slices:
            raise UsageError(
                f"--surprise {context}:{horizon} needs windows of {count(context + horizon, 'slice')}, and --frames gives {slices}: use a shorter context, or more --frames"
            )
