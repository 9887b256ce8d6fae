"""How fast an encoder saw videos while it was trained, beside how fast the windows of a run show them.

Some authors say at how many frames per second (`fps`), others only that every n-th frame of a video was taken (`sampling_rate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.windows import Windowing
from tubelet.store.wording import count

FAR = 2.0  # times as fast, or as slow, as in training


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """The trained rate or step of an encoder, None where it sees no time or nobody says, and how a run's windows are cut."""

    trained: float | None
    frames: int = 1
    step: int = 1
    name: str = ""
    rate: float | None = None  # at which frames are sampled, whatever the video's
    trained_step: int | None = None

    @classmethod
    def of(cls, encoder: EncoderFacts, windowing: Windowing) -> "Sampling":
        return cls(
            trained=encoder.frame_rate,
            frames=windowing.frames,
            step=windowing.step,
            name=encoder.name,
            rate=windowing.rate,
            trained_step=encoder.frame_step,
        )

    def lines(self, rates: Sequence[float]) -> list[str]:
        """A sentence where videos of these rates are shown far faster or slower than in training, none otherwise."""
        if self.frames == 1:
            return []
        if self.rate is not None:
            rates = [self.rate] * len(rates)
        return self._by_rate(rates, self.trained) if self.trained else self._by_step(rates)

    def _by_step(self, rates: Sequence[float]) -> list[str]:
        known = self.trained_step
        if not rates or not known or 1 / FAR <= self.step / known <= FAR:
            return []
        return [
            f"frame rate: windows take every {_ordinal(self.step)}frame, {self.name} was trained on every {_ordinal(known)}frame: --step {known} is the same"
        ]

    def _by_rate(self, rates: Sequence[float], trained: float) -> list[str]:
        far = [rate for rate in rates if not 1 / FAR <= rate / self.step / trained <= FAR]
        if not far:
            return []
        shown = median(far) / self.step
        better = max(1, round(median(far) / trained))
        advice = (
            f"--step {better} comes closest" if better != self.step else "no --step comes closer"
        )
        return [
            (
                f"frame rate: windows show {shown:.3g} frames/s in {count(len(far), 'video')} ({self.frames / shown:.2g} s per window), "
                f"{self.name} was trained at about {trained:.3g} frames/s: {advice}"
            )
        ]


def _ordinal(step: int) -> str:
    """ "every frame", "every 4th frame"."""
    if step == 1:
        return ""
    teen = step % 100 in (11, 12, 13)
    return f"{step}{'th' if teen else {1: 'st', 2: 'nd', 3: 'rd'}.get(step % 10, 'th')} "
