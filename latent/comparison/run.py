"""A comparison: every encoder and layer that is asked for, on the same moments of the same videos."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.latent.comparison import geometry
from tubelet.latent.comparison.figures import (
    AGREEMENT,
    RANK,
    SPREAD,
    STABILITY,
    Comparison,
    IntervalEstimate,
    PairFigure,
    PlaceFigure,
    UnitAgreement,
)
from tubelet.latent.comparison.neighbors import count_neighbors
from tubelet.latent.comparison.options import ComparisonOptions
from tubelet.latent.comparison.pairs import (
    ComparisonSettings,
    Matrix,
    Products,
    estimate_pairs,
    multiply_places,
)
from tubelet.latent.comparison.places import Place, find_places
from tubelet.latent.comparison.sample import ComparisonSample, draw_sample
from tubelet.latent.comparison.stability import Steps
from tubelet.latent.comparison.states import MomentStates, read_states
from tubelet.store import Store
from tubelet.store.intervals import means, ratio


@dataclass(frozen=True)
class Alone:
    """What is kept of a place's states once they are read: those of the moments, and what is known without the other places."""

    now: np.ndarray
    stability: IntervalEstimate
    spread: IntervalEstimate


def compare(store: Store, wanted: ComparisonOptions) -> Comparison:
    """Raises ComparisonError and StoreError for what can give no number."""
    places = find_places(store, wanted)
    sample = draw_sample(store, places, wanted)
    neighbors = count_neighbors(wanted.neighbors, len(sample.units))
    settings = ComparisonSettings(neighbors, wanted.shuffles, wanted.seed)
    kept = list(_read_all(store, places.all, sample, settings))
    products = multiply_places([one.now for one in kept], settings)
    matrices = dict(estimate_pairs(products, settings))
    return Comparison(
        places=places.all,
        on=places.on,
        sample=sample,
        neighbors=neighbors,
        pairs=tuple(
            PairFigure(places.all[a], places.all[b], measure, found)
            for measure, matrix in matrices.items()
            for (a, b), found in matrix.items()
        ),
        alone=tuple(_list_alone(places.all, kept, products)),
        units=tuple(_list_units(places.all, sample, products, matrices[AGREEMENT])),
    )


def _read_all(
    store: Store, places: Sequence[Place], sample: ComparisonSample, settings: ComparisonSettings
) -> Iterator[Alone]:
    """Encoder by encoder, since one pass over its rows reads all its layers."""
    for encoder_id in dict.fromkeys(place.encoder_id for place in places):
        own = [place for place in places if place.encoder_id == encoder_id]
        for states in read_states(store, own, sample):
            yield Alone(
                states.now.copy(), _estimate_stability(states, settings), _estimate_spread(states)
            )


def _estimate_stability(states: MomentStates, settings: ComparisonSettings) -> IntervalEstimate:
    steps = Steps.of(states.now, states.following)
    found = steps.measure()
    if not np.isfinite(found).any():
        return IntervalEstimate(value=None)
    estimates = means(found[:, None])
    generator = np.random.default_rng(settings.seed)
    orders = [generator.permutation(len(found)) for _ in range(settings.shuffles)]
    chance = [float(np.nanmean(steps.measure(order))) for order in orders]
    low, high = (np.clip(end[0], -1, 1) for end in (estimates.low, estimates.high))
    low, high = (None if np.isnan(end) else float(end) for end in (low, high))
    return IntervalEstimate(
        value=float(estimates.value[0]),
        low=low,
        high=high,
        chance=float(np.mean(chance)),
        chance_high=max(chance),
    )


def _estimate_spread(states: MomentStates) -> IntervalEstimate:
    distances, lengths = geometry.measure_lengths(states.now)
    value = geometry.measure_spread(float(distances.sum()), float(lengths.sum()))
    if np.isnan(value):
        return IntervalEstimate(value=None)
    found = ratio(distances, lengths)
    ends = (np.clip(end, 0, 1) for end in (found.low, found.high))
    low, high = (None if np.isnan(end) else float(end) for end in ends)
    return IntervalEstimate(value=value, low=low, high=high)


def _estimate_ranks(products: Products) -> Iterator[IntervalEstimate]:
    own = np.diagonal(products.centered, axis1=1, axis2=2).astype(np.float64)
    found = geometry.estimate_ranks(own, products.lengths)
    for row in zip(found.value, found.low, found.high):
        yield IntervalEstimate.of(row)


def _list_alone(
    places: Sequence[Place], kept: Sequence[Alone], products: Products
) -> Iterator[PlaceFigure]:
    for place, one, rank in zip(places, kept, _estimate_ranks(products)):
        yield PlaceFigure(place, STABILITY, one.stability)
        yield PlaceFigure(place, RANK, rank)
        yield PlaceFigure(place, SPREAD, one.spread)


def _list_units(
    places: Sequence[Place], sample: ComparisonSample, products: Products, matrix: Matrix
) -> Iterator[UnitAgreement]:
    """Of the two places whose neighbors agree least."""
    known = {pair: one.value for pair, one in matrix.items() if one.value is not None}
    if not known:
        return
    a, b = min(known, key=lambda pair: (known[pair], pair))
    found = products.agreement[:, a, b]
    for unit in np.argsort(found, kind="stable"):
        yield UnitAgreement(places[a], places[b], sample.units[unit], float(found[unit]))
