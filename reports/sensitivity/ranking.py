"""Which dimensions: how strongly, how often among the strongest, and how often that would be chance.

Chance: in each video every dimension that varies is as likely as any other to be among its top k, and videos are independent
of each other. The number of videos in which a dimension is among them is then binomial, and its p-value exact. Dimensions that tie
at the border of the top k share the places that are left there; a test counts only those that are among the top whichever way a tie is
broken, so that a dimension which never differs from others has p = 1. Benjamini and
Hochberg's procedure over dimensions bounds the false discoveries; the dimensions of one video compete for the same k places,
which makes them negatively dependent: the bound is proven for independence and held in simulation for this case (tests).
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from tubelet.store import intervals
from tubelet.store.intervals import Estimates

TOP, TOP_SHARE = 20, 8  # places at most, and no more than one in eight dimensions
Q = 0.01  # false discovery rate among specialists
SMALLEST = 1e-300  # p-value that is distinguished from others
TIMES = 1.5  # how far above the median dimension a specialist's interval begins


@dataclass(frozen=True)
class ByVideo:
    """What every statistic is computed from, ``(V, D)`` each: relative edge (NaN: constant), signed edge, share of pairs that vary."""

    relative: np.ndarray
    signed: np.ndarray
    varying: np.ndarray

    def __post_init__(self) -> None:
        if (
            not self.relative.shape == self.signed.shape == self.varying.shape
            or self.relative.ndim != 2
        ):
            raise ValueError(
                f"{self.relative.shape = }, {self.signed.shape = }, {self.varying.shape = }"
            )

    @property
    def videos(self) -> int:
        return len(self.relative)


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """One value per dimension ``(D,)``, NaN where it cannot be determined; `order` puts the strongest first, constant dimensions last.

    `top_share` counts a dimension that ties at the border of a video's top k by its part of the places left. `strongest`: the ends of the
    interval of the first one, which account for its selection; None where there is none.
    """

    order: np.ndarray
    strongest: tuple[float, float] | None
    relative: Estimates
    top: int
    chance: float
    top_share: np.ndarray
    p: np.ndarray
    q: np.ndarray
    sign: np.ndarray
    sign_share: np.ndarray
    specialist: np.ndarray

    @property
    def specialists(self) -> list[int]:
        """The specialists, strongest first."""
        return [int(d) for d in self.order if self.specialist[d]]


def places(dims: int, top: int | None = None) -> int:
    """Number of dimensions that count as a video's strongest."""
    return min(top, dims) if top else max(1, min(TOP, dims // TOP_SHARE))


def rank_dimensions(data: ByVideo, top: int | None = None) -> Ranking:
    relative = intervals.means(data.relative, data.varying, positive=True)
    k = places(data.relative.shape[1], top)
    member, chance = among_top(data.relative, k)
    p, q = chance_of(member, chance, np.isfinite(relative.value))
    first = intervals.strongest(data.relative, data.varying, relative)
    sign, sign_share = signs(data.signed, np.isfinite(data.relative))
    value = np.where(np.isfinite(relative.value), relative.value, -np.inf)
    return Ranking(
        order=np.lexsort((np.arange(len(value)), -value)),
        strongest=first and first[1:],
        relative=relative,
        top=k,
        chance=chance,
        top_share=member.mean(0),
        p=p,
        q=q,
        sign=sign,
        sign_share=sign_share,
        specialist=specialists(relative, q),
    )


def among_top(relative: np.ndarray, k: int) -> tuple[np.ndarray, float]:
    """How far each dimension is among the `k` strongest of each video ``(V, D)``, and what that is by chance (mean over videos)."""
    varying = np.isfinite(relative).sum(1)
    return membership(relative, k), float(np.minimum(k / np.maximum(varying, 1), 1).mean())


def membership(values: np.ndarray, k: int) -> np.ndarray:
    """1 for the `k` largest of each row ``(n, D)``, 0 for others; those that tie at the border share the places left. NaN is never among them."""
    known = np.where(np.isfinite(values), values, -np.inf)
    border = np.partition(known, -k, axis=1)[:, [-k]]
    above, tied = known > border, (known == border) & np.isfinite(known)
    left = (k - above.sum(1, keepdims=True)) / np.maximum(tied.sum(1, keepdims=True), 1)
    return np.where(above, 1.0, np.where(tied, left, 0.0))


def chance_of(
    member: np.ndarray, chance: float, varying: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """P-values of being among the top ``(V, D)`` in this many videos by chance, and their Benjamini-Hochberg q-values, where dimensions vary.

    A shared place does not count: which of the tied dimensions has it is not known.
    """
    videos, hits = len(member), (member == 1).sum(0)
    p, q = np.full(len(hits), np.nan), np.full(len(hits), np.nan)
    if videos >= intervals.FEWEST and varying.any():
        p[varying] = np.maximum(stats.binom.sf(hits[varying] - 1, videos, chance), SMALLEST)
        q[varying] = stats.false_discovery_control(p[varying])
    return p, q


def signs(signed: np.ndarray, varying: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The more frequent sign of a dimension's edge effect (1, -1 or 0), and the share of videos that have it; NaN where none has any."""
    up, down = (signed > 0) & varying, (signed < 0) & varying
    up, down = up.sum(0), down.sum(0)
    with np.errstate(invalid="ignore"):
        return np.sign(up - down), np.maximum(up, down) / (up + down)


def sign_chance(videos: int) -> float:
    """The share of videos that the more frequent of two equally likely signs has on average."""
    outcomes = np.arange(videos + 1)
    return float(
        (np.maximum(outcomes, videos - outcomes) * stats.binom.pmf(outcomes, videos, 0.5)).sum()
        / videos
    )


def specialists(relative: Estimates, q: np.ndarray) -> np.ndarray:
    """Among the top k more often than chance (q < 0.01), and an interval of the mean that begins above 1.5 times the median dimension's."""
    if not np.isfinite(relative.value).any():
        return np.zeros(len(q), bool)
    median = np.nanmedian(relative.value)
    with np.errstate(invalid="ignore"):
        return (q < Q) & (relative.low > TIMES * median)
