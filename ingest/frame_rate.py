"""At how many frames per second an encoder saw videos while it was trained, beside how many the windows of a run show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.windows import Windowing

FAR = 2.0  # times as fast, or as slow, as in training


@dataclass(frozen=True)
class Sampling:
    """The trained rate of an encoder, None where it sees no time or nobody says, and how a run's windows are cut."""

    trained: float | None
    frames: int = 1
    step: int = 1
    name: str = ""
    rate: float | None = None  # at which frames are sampled, whatever the video's

    @classmethod
    def of(cls, encoder: EncoderFacts, windowing: Windowing) -> "Sampling":
        return cls(
            encoder.frame_rate, windowing.frames, windowing.step, encoder.name, windowing.rate
        )

    def lines(self, rates: Sequence[float]) -> list[str]:
        """A sentence where videos of these rates are shown far faster or slower than in training, none otherwise."""
        if not self.trained or self.frames == 1:
            return []
        if self.rate is not None:
            rates = [self.rate] * len(rates)
        far = [rate for rate in rates if not 1 / FAR <= rate / self.step / self.trained <= FAR]
        if not far:
            return []
        shown = median(far) / self.step
        better = max(1, round(median(far) / self.trained))
        advice = (
            f"--step {better} comes closest" if better != self.step else "no --step comes closer"
        )
        return [
            (
                f"frame rate: windows show {shown:.3g} frames/s in {len(far):,} video{'s' * (len(far) != 1)} ({self.frames / shown:.2g} s per window), "
                f"{self.name} was trained at about {self.trained:.3g} frames/s: {advice}"
            )
        ]
