"""A run of `tubelet transition fit`: every encoder and its controls, on the same videos; what is stored already is not fitted again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tubelet.ingest.encoders import device
from tubelet.latent.probes.controls import PIXELS, SHUFFLED, UNTRAINED
from tubelet.latent.probes.states import StoredLayer
from tubelet.store import Store
from tubelet.store.ids import hash_parts
from tubelet.store.sandbox import conditions
from tubelet.store.wording import count
from tubelet.training.fitting.errors import FitError
from tubelet.training.fitting.memory import explain_memory
from tubelet.training.fitting.pixels import PixelSequences
from tubelet.training.fitting.split import Split, split_videos
from tubelet.training.fitting.tokens import Sequences, StretchOptions, TokenSequences, find_places
from tubelet.training.transition.learning import Parts, fit
from tubelet.training.transition.measuring import Sums, TestedNetwork
from tubelet.training.transition.options import TransitionOptions
from tubelet.training.transition.rows import FittedModel, Transition, keep_transition

NO_PIXELS = "no control of raw pixels: the store holds no slice pictures of these clips (--no-pictures)"  # fmt: skip
NO_UNTRAINED = "no control of an untrained network: ingest the videos with one, such as vjepa2.1-untrained, to have it"
LESS = "a smaller --side or --width, or fewer slices per window"


@dataclass(frozen=True)
class TransitionSource:
    """Clips, from which place, as which control; `shuffled`: also once with their slices in random order."""

    clips: Sequences
    place: StoredLayer | None
    control: str | None
    shuffled: bool


@dataclass(kw_only=True)
class TransitionRun:
    """What one call did: ids of the models that it fitted, and of those that were stored before."""

    run_id: str
    split: Split
    fitted: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """What all models of a run share; `progress` receives how many steps are done, of how many at most."""

    store: Store
    options: TransitionOptions
    split: Split
    known: frozenset[str]
    progress: Callable[[int, int], None]

    def read_batches(self, shuffled: bool) -> StretchOptions:
        device_ = device(self.options.device)
        return StretchOptions(self.options.batch, self.options.block + 1, device_, shuffled)


def fit_transitions(
    store: Store,
    encoders: Sequence[str],
    options: TransitionOptions,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> TransitionRun:
    """Fit, test and keep. Raises FitError, UsageError, StoreError, NoVideos and QueryError."""
    device(options.device)
    places = _choose_places(store, encoders)
    clips = {place: TokenSequences.of(store, place, options.side) for place in places}
    split = split_videos(store, _find_common(store, clips, options), options.test / 100, options.seed)  # fmt: skip
    run_id = hash_parts(split.learn, split.held, split.test, options.settings)
    known = frozenset(row["transition_id"] for row in store.rows("SELECT transition_id FROM transitions"))  # fmt: skip
    run = TransitionRun(run_id=run_id, split=split)
    bench = Workbench(store=store, options=options, split=split, known=known, progress=progress)
    for source in _list_sources(bench, clips, run.notes):
        with explain_memory(options.batch, LESS):
            _fit_source(bench, source, run)
    return run


def _choose_places(store: Store, encoders: Sequence[str]) -> list[StoredLayer]:
    """The encoders that are asked for. Raises FitError where the windows of one have a single slice."""
    found = find_places(store, encoders)
    for place, slices in found:
        if slices < 2:
            raise FitError(
                f"the windows of {place.encoder_id} have only one slice each, so there is no next slice to predict: ingest longer windows (more --frames)"
            )
    return [place for place, _ in found]


def _find_common(
    store: Store, clips: dict[StoredLayer, TokenSequences], options: TransitionOptions
) -> set[str]:
    """Videos of which every trained encoder has a clip of two slices or more. Raises FitError where there is none."""
    trained = [place for place in clips if not place.untrained] or list(clips)
    held = {p: {clip.video_id for clip in clips[p].clips if clip.shape[0] > 1} for p in trained}
    common = set.intersection(*held.values())
    if options.where is not None:
        common &= set(conditions.videos(store, options.where))
    if not common:
        listed = "; ".join(f"{place.encoder_id}: {count(len(held[place]), 'video')}" for place in trained)  # fmt: skip
        among = " of the condition" if options.where is not None else ""
        raise FitError(
            f"the encoders share no video{among} with a window of two slices ({listed}), so that their models cannot be compared: ingest the same videos with each, or pass one --encoder"
        )
    return common


def _list_sources(
    bench: Workbench, clips: dict[StoredLayer, TokenSequences], notes: list[str]
) -> Iterator[TransitionSource]:
    """Encoders with shuffled time beside each; untrained networks that have all videos; and pixels."""
    videos = {*bench.split.train, *bench.split.test}
    trained = [place for place in clips if not place.untrained]
    for place in trained:
        yield TransitionSource(clips[place], place, None, True)
    others = [place for place in clips if place.untrained]
    named = {place.encoder_id for place in clips}
    others += [p for p, slices in find_places(bench.store, ()) if p.untrained and slices > 1 and p.encoder_id not in named]  # fmt: skip
    beside = 0
    for place in others:
        found = clips.get(place) or TokenSequences.of(bench.store, place, bench.options.side)
        if videos <= {clip.video_id for clip in found.clips if clip.shape[0] > 1}:
            yield TransitionSource(found, place, UNTRAINED, not trained)
            beside += 1
    if not beside:
        notes.append(NO_UNTRAINED)
    pixels = PixelSequences.of(bench.store, next(iter(clips.values())).clips)
    if pixels is None:
        notes.append(NO_PIXELS)
    else:
        yield TransitionSource(pixels, None, PIXELS, False)


def _fit_source(bench: Workbench, source: TransitionSource, run: TransitionRun) -> None:
    """Fit the models of a source that are not stored: in the order of time, and shuffled."""
    controls = [source.control, *([SHUFFLED] if source.shuffled else [])]
    wanted = [Transition(run_id=run.run_id, place=source.place, control=control) for control in controls]  # fmt: skip
    missing = [one for one in wanted if one.transition_id not in bench.known]
    run.kept += [one.transition_id for one in wanted if one not in missing]
    baselines: Sums = {}
    for one in wanted if missing else []:
        found = _fit_one(bench, source, one, baselines)
        baselines = baselines or found.sums
        if one in missing:
            keep_transition(bench.store, found, bench.split, bench.options)
            run.fitted.append(one.transition_id)


def _fit_one(
    bench: Workbench, source: TransitionSource, one: Transition, baselines: Sums
) -> FittedModel:
    reading = bench.read_batches(one.control == SHUFFLED)
    parts = Parts(_pick(source, bench.split.learn), _pick(source, bench.split.held))
    steps = bench.options.steps
    fitted = fit(source.clips, parts, bench.options, reading, lambda step: bench.progress(step, steps))  # fmt: skip
    test = TestedNetwork(fitted.network, fitted.scaling, source.clips, _pick(source, bench.split.test))  # fmt: skip
    sums = test.measure(reading, bench.options.horizons)
    return FittedModel(transition=one, fitted=fitted, sums=sums, baselines=baselines or sums)


def _pick(source: TransitionSource, videos: Sequence[str]) -> list[int]:
    """Numbers of the clips of some videos that have a slice to predict."""
    wanted = set(videos)
    return [n for n, clip in enumerate(source.clips.clips) if clip.video_id in wanted and clip.shape[0] > 1]  # fmt: skip
