"""A run: the patch probes of every encoder that is asked for, on the same videos and folds, and their controls."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from tubelet.latent import clips
from tubelet.latent.dense.truth import Frames
from tubelet.latent.patch_probes.sample import Maps, PatchSample, draw_sample, shuffle_classes
from tubelet.latent.patch_probes.scoring import Tables, score_mean
from tubelet.latent.patch_probes.sources import (
    TokenSource,
    read_colors,
    read_positions,
    read_tokens,
)
from tubelet.latent.patch_probes.trial import (
    EncoderClips,
    MaskTrial,
    guess_majority,
    list_sizes,
    run_trial,
)
from tubelet.latent.patch_probes.truth import (
    MaskTruth,
    list_annotated,
    map_patches,
    read_mask_truth,
)
from tubelet.latent.probes import controls
from tubelet.latent.probes.folds import Fold, make_folds, thin_fold
from tubelet.latent.probes.options import WHOLE, ProbeError, ProbeOptions
from tubelet.latent.probes.run import NOTES, ProbeResult, ProbeRun, choose_places, share_videos
from tubelet.latent.probes.states import StoredLayer
from tubelet.latent.probes.tokens import find_token_places
from tubelet.store import Store
from tubelet.store.rows import ClipRow, list_fed_frames

Held = dict[str, dict[str, list[ClipRow]]]  # clips with annotated frames, by encoder and video


@dataclass(frozen=True, kw_only=True)
class PatchRun(ProbeRun):
    """A run whose truth are masks."""

    masks: MaskTruth


def run_patch_probes(store: Store, encoders: Sequence[str], options: ProbeOptions) -> PatchRun:
    """Train every patch probe and its controls. Raises ProbeError for what can give no number."""
    places, untrained = choose_places(store, encoders, options, find_token_places)
    annotated = list_annotated(store)
    held = {place.encoder_id: _hold_clips(store, place, annotated) for place in places + untrained}
    common = _find_common(held, places)
    truth = read_mask_truth(store, sorted(common), options)
    bench = PatchProbeSetup(
        store=store,
        truth=truth,
        options=options,
        folds=make_folds(truth.units, options.folds, options.seed),
    )
    results = list(_results(bench, places, untrained, held))
    kinds = {result.control for result in results}
    return PatchRun(
        truth=truth.units,
        options=options,
        folds=len(bench.folds),
        results=tuple(results),
        notes=tuple(NOTES[name] for name in NOTES if name not in kinds),
        classes=len(truth.classes),
        masks=truth,
    )


def _hold_clips(
    store: Store, place: StoredLayer, annotated: dict[str, set[int]]
) -> dict[str, list[ClipRow]]:
    found: dict[str, list[ClipRow]] = {}
    for clip in clips.with_embeddings(store, place.encoder_id, list(annotated)):
        if annotated[clip.video_id].intersection(list_fed_frames(clip)):
            found.setdefault(clip.video_id, []).append(clip)
    return found


def _find_common(held: Held, places: Sequence[StoredLayer]) -> set[str]:
    for place in places:
        if not held[place.encoder_id]:
            raise ProbeError(
                f"no clip of {place.encoder_id} was fed a frame that has a mask: import masks of its videos, or ingest windows that show the annotated frames"
            )
    numbers = {
        encoder: {video: len(found) for video, found in by_video.items()}
        for encoder, by_video in held.items()
    }
    return share_videos(numbers, [place.encoder_id for place in places])


def _results(
    bench: "PatchProbeSetup", places: list[StoredLayer], untrained: list[StoredLayer], held: Held
) -> Iterator[ProbeResult]:
    for place in places:
        yield from bench.probe(place, held[place.encoder_id])
    for place in untrained:
        if set(bench.truth.units.video_ids) <= held[place.encoder_id].keys():
            stage = bench.stage(held[place.encoder_id])
            tokens = read_tokens(bench.store)
            yield from bench.try_source(stage, tokens, controls.UNTRAINED, place)
    yield from bench.compare(held[places[0].encoder_id])


@dataclass(kw_only=True)
class PatchProbeSetup:
    """The videos and folds that all patch probes of a run share."""

    store: Store
    truth: MaskTruth
    options: ProbeOptions
    folds: list[Fold]
    maps: dict[str, np.ndarray] = field(default_factory=dict)  # of the clips that were looked at

    def stage(self, held: dict[str, list[ClipRow]]) -> EncoderClips:
        ids = self.truth.units.video_ids
        return EncoderClips(
            self.store,
            self.truth,
            [held[video_id] for video_id in ids],
            list_sizes(self.store, ids),
        )

    def map_clips(self, stage: EncoderClips) -> Maps:
        for place, found in enumerate(stage.videos):
            for clip in found:
                if clip.clip_id not in self.maps:
                    self.maps[clip.clip_id] = self._map(stage.frames(place, clip))
        return self.maps

    def _map(self, frames: Frames) -> np.ndarray:
        pixels = self.truth.draw(self.store, frames)
        return map_patches(pixels, frames, len(self.truth.classes))

    def probe(self, place: StoredLayer, held: dict[str, list[ClipRow]]) -> Iterator[ProbeResult]:
        """The probe of an encoder, those with fewer videos, and one that learned exchanged classes."""
        stage, tokens = self.stage(held), read_tokens(self.store)
        drawn = self._draw(stage, tokens)
        assert drawn is not None, "every clip has tokens"
        asked = tokens, drawn
        trial = run_trial(stage, asked, self.folds, self.options.seed)
        yield self._result(stage, place, None, trial)
        for share in self.options.shares:
            yield self._result(stage, place, None, self._thin(stage, asked, share), share)
        exchanged = tokens, shuffle_classes(drawn, self.options.seed)
        trial = run_trial(stage, exchanged, self.folds, self.options.seed)
        yield self._result(stage, place, controls.SHUFFLED, trial)

    def compare(self, held: dict[str, list[ClipRow]]) -> Iterator[ProbeResult]:
        """The controls that need no encoder, on the clips of one."""
        stage = self.stage(held)
        majority = guess_majority(stage, self.map_clips(stage), self.folds)
        yield self._result(stage, None, controls.MAJORITY, majority)
        yield from self.try_source(stage, read_positions(), controls.POSITION)
        yield from self.try_source(stage, read_colors(self.store), controls.PIXELS)

    def try_source(
        self,
        stage: EncoderClips,
        source: TokenSource,
        control: str,
        place: StoredLayer | None = None,
    ) -> Iterator[ProbeResult]:
        """A control that learns from what a source gives; nothing where a clip has none of it."""
        drawn = self._draw(stage, source)
        if drawn is not None:
            trial = run_trial(stage, (source, drawn), self.folds, self.options.seed)
            yield self._result(stage, place, control, trial)

    def _draw(self, stage: EncoderClips, source: TokenSource) -> PatchSample | None:
        most, seed = self.options.tokens, self.options.seed
        return draw_sample(stage.videos, self.map_clips(stage), source, most, seed)

    def _thin(
        self, stage: EncoderClips, asked: tuple[TokenSource, PatchSample], share: float
    ) -> MaskTrial:
        """The mean pixels over several draws of that share of the training videos."""
        trials = []
        for number in range(self.options.seeds):
            seed = self.options.seed + number
            folds = [thin_fold(self.truth.units, fold, share, seed) for fold in self.folds]
            trials.append(run_trial(stage, asked, folds, seed))
        return _average(trials)

    def _result(
        self,
        stage: EncoderClips,
        place: StoredLayer | None,
        control: str | None,
        trial: MaskTrial,
        share: float = WHOLE,
    ) -> ProbeResult:
        assert trial.tables is not None
        return ProbeResult(
            place=place,
            control=control,
            trial=trial,
            score=score_mean(trial.tables, self.truth.units.groups),
            clips=stage.clips,
            share=share,
        )


def _average(trials: Sequence[MaskTrial]) -> MaskTrial:
    """The first, with the mean tables of all: they predict the same videos in the same order."""
    tables = [trial.tables for trial in trials if trial.tables is not None]
    first = tables[0]
    mean = Tables(
        places=first.places,
        folds=first.folds,
        frames=first.frames,
        intersections=np.mean([one.intersections for one in tables], axis=0),
        unions=np.mean([one.unions for one in tables], axis=0),
    )
    return MaskTrial(trials[0].predicted, trials[0].strength, tables=mean)
