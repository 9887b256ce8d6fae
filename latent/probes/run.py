"""A run: the probes of every encoder and layer that is asked for, on the same videos and folds, and their controls."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace
from itertools import chain

from tubelet.latent.probes import controls, models, scoring
from tubelet.latent.probes.folds import Fold, make_folds, thin_fold
from tubelet.latent.probes.method import STATES, FindPlaces, Inputs, Method
from tubelet.latent.probes.options import CLASSES, LINEAR, WHOLE, ProbeError, ProbeOptions
from tubelet.latent.probes.scoring import Score
from tubelet.latent.probes.states import ClipStates, StoredLayer
from tubelet.latent.probes.trial import Training, Trial, guess_majority, run_trial
from tubelet.latent.probes.truth import Truth, read_truth, refuse_untrainable
from tubelet.store import Store
from tubelet.store.wording import count

Held = Mapping[str, Mapping[str, int]]  # number of clips, by encoder and video


@dataclass(frozen=True, kw_only=True)
class ProbeResult:
    """A probe or a control: where its states are from (nowhere, for some controls), and what it reached."""

    place: StoredLayer | None
    control: str | None
    trial: Trial
    score: Score
    clips: int
    share: float = WHOLE  # of the training videos, in percent


@dataclass(frozen=True, kw_only=True)
class ProbeRun:
    """Everything that a command found."""

    truth: Truth
    options: ProbeOptions
    folds: int
    results: tuple[ProbeResult, ...]
    notes: tuple[str, ...] = ()
    classes: int | None = None

    @property
    def probes(self) -> list[ProbeResult]:
        """The probes that learned from all training videos."""
        return [one for one in self.results if one.control is None and one.share == WHOLE]


def run_probes(
    store: Store,
    label: str,
    encoders: Sequence[str],
    options: ProbeOptions,
    method: Method = STATES,
) -> ProbeRun:
    """Train every probe and its controls. Raises ProbeError for what can give no number."""
    places, untrained = choose_places(store, encoders, options, method.find_places)
    truth, held = read_truth(store, label, options), method.count_clips(store)
    truth = _common_videos(truth, held, places, options)
    bench = ProbeSetup(store, truth, options, method)
    results = list(_results(bench, places, untrained, held))
    kinds = {result.control for result in results}
    notes = [NOTES[name] for name in NOTES if name not in kinds]
    return ProbeRun(
        truth=truth,
        options=options,
        folds=len(bench.folds),
        results=tuple(results),
        notes=tuple(notes),
        classes=len(set(truth.values)) if truth.task == CLASSES else None,
    )


NOTES = {
    controls.PIXELS: "no control of raw pixels: the store holds no slice pictures of these clips (--no-pictures)",
    controls.MOTION: "no control of motion: these clips have no slice pictures (--no-pictures), or a single slice",
    controls.UNTRAINED: "no control of an untrained network: ingest the videos with one, such as vjepa2.1-untrained, to have it",
}


class ProbeSetup:
    """The videos and folds that all probes of a run share."""

    def __init__(
        self, store: Store, truth: Truth, options: ProbeOptions, method: Method = STATES
    ) -> None:
        self.store, self.truth, self.options, self.method = store, truth, options, method
        self.folds = make_folds(truth, options.folds, options.seed)
        self.training = Training(options.kind, options.seed, method.train)
        self.shuffled: dict[int, tuple[Truth, list[Fold]]] = {}

    def read(self, place: StoredLayer) -> Inputs:
        return self.method.read(self.store, place)

    def share_cores(self) -> "ProbeSetup":
        """The same, for probes that run beside each other."""
        for number in range(self.options.shuffles):
            self._shuffle(number)  # now, so that no two of them do
        shared = copy(self)
        shared.training = replace(self.training, alone=False)
        return shared

    def try_place(self, place: StoredLayer, states: Inputs) -> Iterator[ProbeResult]:
        """A probe of a place, of shares of the labels, and of shuffled ones."""
        yield self.try_states(place, states, None)
        for share in self.options.shares:
            yield self.try_share(place, states, share)
        yield self.try_shuffled(place, states)

    def try_states(
        self, place: StoredLayer | None, states: Inputs, control: str | None
    ) -> ProbeResult:
        """A probe, or a control that has states; those of no place are vectors, which a linear model stands for where the kind is another method's."""
        states = states.only(self.truth.video_ids)
        training = self.training
        if place is None and self.method is not STATES:
            training = Training(LINEAR, self.options.seed)
        trial = run_trial(self.truth, states, self.folds, training)
        return self._result(place, control, trial, len(states.clip_ids))

    def try_shuffled(self, place: StoredLayer, states: Inputs) -> ProbeResult:
        """The mean over the shuffles; the predictions are those of the first."""
        states = states.only(self.truth.video_ids)
        scores, trials = [], []
        for number in range(self.options.shuffles):
            truth, folds = self._shuffle(number)
            trials.append(run_trial(truth, states, folds, self.training))
            scores.append(scoring.score(truth, trials[-1].predicted))
        return ProbeResult(
            place=place,
            control=controls.SHUFFLED,
            trial=trials[0],
            score=scoring.mean_score(scores),
            clips=len(states.clip_ids),
        )

    def _shuffle(self, number: int) -> tuple[Truth, list[Fold]]:
        """Computed once for every layer: scikit-learn takes seconds to make folds of 10,000 groups."""
        if number not in self.shuffled:
            truth = controls.shuffle_labels(self.truth, self.options.seed + number)
            folds = make_folds(truth, self.options.folds, self.options.seed)
            self.shuffled[number] = truth, folds
        return self.shuffled[number]

    def try_share(self, place: StoredLayer, states: Inputs, share: float) -> ProbeResult:
        """The mean over several draws of the training videos."""
        states = states.only(self.truth.video_ids)
        trials = [
            run_trial(self.truth, states, self._thin_folds(share, number), self.training)
            for number in range(self.options.seeds)
        ]
        found = scoring.score_draws(self.truth, [trial.predicted for trial in trials])
        return ProbeResult(
            place=place,
            control=None,
            trial=trials[0],
            score=found,
            clips=len(states.clip_ids),
            share=share,
        )

    def _thin_folds(self, share: float, number: int) -> list[Fold]:
        seed = self.options.seed + number
        return [thin_fold(self.truth, fold, share, seed) for fold in self.folds]

    def try_majority(self, clips: int) -> ProbeResult:
        trial = guess_majority(self.truth, self.folds)
        return self._result(None, controls.MAJORITY, trial, clips)

    def covers(self, states: Inputs) -> bool:
        """Whether every video of the run has states."""
        return set(self.truth.video_ids) <= set(states.video_ids.tolist())

    def _result(
        self, place: StoredLayer | None, control: str | None, trial: Trial, clips: int
    ) -> ProbeResult:
        found = scoring.score(self.truth, trial.predicted)
        return ProbeResult(place=place, control=control, trial=trial, score=found, clips=clips)


def _results(
    bench: ProbeSetup, places: list[StoredLayer], untrained: list[StoredLayer], held: Held
) -> Iterator[ProbeResult]:
    yield from _try_places(bench, places)
    for place in untrained:
        if set(bench.truth.video_ids) <= held[place.encoder_id].keys():
            yield bench.try_states(place, bench.read(place), controls.UNTRAINED)
    first = places[0].encoder_id
    clips = held[first]
    yield bench.try_majority(sum(clips[video] for video in bench.truth.video_ids))
    positions = controls.read_positions(bench.store, first)
    yield bench.try_states(None, positions, controls.POSITION)
    for name, read in (
        (controls.PIXELS, controls.read_pixels),
        (controls.MOTION, controls.read_motion),
    ):
        seen = read(bench.store, first)
        if bench.covers(seen):
            yield bench.try_states(None, seen, name)


def _try_places(bench: ProbeSetup, places: list[StoredLayer]) -> Iterator[ProbeResult]:
    """The probes of every place, in order; those of large states place beside place, as many as there are cores."""
    first = bench.read(places[0])
    numbers = first.vectors.size if isinstance(first, ClipStates) else 0
    with models.prepare_fits(numbers, len(places)) as workers:
        if workers == 1:
            yield from bench.try_place(places[0], first)
            for place in places[1:]:
                yield from bench.try_place(place, bench.read(place))
            return
        shared = bench.share_cores()
        with ThreadPoolExecutor(workers) as pool:
            found = pool.map(
                lambda place: list(shared.try_place(place, shared.read(place))), places
            )
            yield from chain.from_iterable(found)


def choose_places(
    store: Store, encoders: Sequence[str], options: ProbeOptions, find: FindPlaces
) -> tuple[list[StoredLayer], list[StoredLayer]]:
    """What is probed, and the untrained networks that are its control: those that nobody asked for by name."""
    asked = find(store, encoders, options.layers)
    trained = [place for place in asked if not place.untrained]
    if not encoders and trained:
        return trained, [place for place in asked if place.untrained]
    named = {place.encoder_id for place in asked}
    others = [
        place for place in find(store, (), ()) if place.untrained and place.encoder_id not in named
    ]
    return asked, others


def _common_videos(
    truth: Truth, held: Held, places: list[StoredLayer], options: ProbeOptions
) -> Truth:
    """The labeled videos that every encoder has. Raises ProbeError where these are too few."""
    encoders = list(dict.fromkeys(place.encoder_id for place in places))
    common = share_videos(held, encoders)
    left = truth.only(common)
    refuse_untrainable(left, len(common), options.folds if left.sides is None else 2)
    return left


def share_videos(held: Held, encoders: Sequence[str]) -> set[str]:
    """The videos of all encoders. Raises ProbeError where there is none."""
    common = set.intersection(*(set(held[encoder_id]) for encoder_id in encoders))
    if not common:
        listed = "; ".join(f"{one}: {count(len(held[one]), 'video')}" for one in encoders)
        raise ProbeError(
            f"the encoders share no video ({listed}), so that their probes cannot be compared: ingest the same videos with each, or pass one --encoder"
        )
    return common
