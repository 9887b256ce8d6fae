"""The rows of a comparison: one figure each, with its interval over resampled units and its chance level."""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from tubelet.latent.comparison.places import Place
from tubelet.latent.comparison.sample import ComparisonSample

CKA, MUTUAL, AGREEMENT = "cka", "mutual_neighbors", "video_agreement"
STABILITY, RANK, SPREAD = "temporal_stability", "effective_rank", "spread"
PAIR_MEASURES, PLACE_MEASURES = (CKA, MUTUAL, AGREEMENT), (STABILITY, RANK, SPREAD)


@dataclass(frozen=True, kw_only=True)
class IntervalEstimate:
    """A number, the ends of its 95% interval, and what shuffled videos reach: on average, and at most. None: not known, or no such level."""

    value: float | None
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    chance_high: float | None = None

    @classmethod
    def of(cls, numbers: Iterable[float]) -> "IntervalEstimate":
        """Make it of numbers in the order of the fields; None for those that are not finite, or not given."""
        known = (float(number) if np.isfinite(number) else None for number in numbers)
        return cls(**dict(zip((field.name for field in fields(cls)), known)))


@dataclass(frozen=True)
class PairFigure:
    """What two places have in common."""

    a: Place
    b: Place
    measure: str
    found: IntervalEstimate


@dataclass(frozen=True)
class PlaceFigure:
    """What one place is like."""

    place: Place
    measure: str
    found: IntervalEstimate


@dataclass(frozen=True)
class UnitAgreement:
    """Share of the nearest videos that two places have in common, of one video or group."""

    a: Place
    b: Place
    unit: str
    agreement: float


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Everything that was found. `units` are of the two places whose neighbors agree least, the units that agree least first."""

    places: tuple[Place, ...]
    on: str
    sample: ComparisonSample
    neighbors: int
    pairs: tuple[PairFigure, ...]
    alone: tuple[PlaceFigure, ...]
    units: tuple[UnitAgreement, ...]

    def of_measure(self, measure: str) -> list[PairFigure]:
        return [one for one in self.pairs if one.measure == measure]
