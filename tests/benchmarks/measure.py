"""Measuring by turns: a figure and its baseline alternate, so that a noisy machine disturbs both alike."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, in words, its ratio to the baseline, and the target."""

    what: str
    figure: str
    baseline: str
    ratio: float
    target: str

    @property
    def markdown(self) -> str:
        return (
            f"| {self.what} | {self.figure} | {self.baseline} | {self.ratio:.3g} | {self.target} |"
        )


def by_turns(
    measured: Callable[[], object], baseline: Callable[[], object], turns: int = 7
) -> tuple[float, float, float]:
    """Median seconds of both, and the median of their ratios turn by turn; one turn first to warm up."""
    measured(), baseline()
    pairs = [(seconds(measured), seconds(baseline)) for _ in range(turns)]
    return (
        *(statistics.median(times) for times in zip(*pairs)),
        statistics.median(a / b for a, b in pairs),
    )


def seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def milliseconds(value: float) -> str:
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"
