"""A job: the arguments of an ingest, checked together before anything is downloaded or decoded."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from tubelet.ingest import encoders, memory, precision
from tubelet.ingest.arguments import Arguments, RunOptions, StorageOptions, WindowOptions
from tubelet.ingest.causal import check_causal, make_causal
from tubelet.ingest.change_options import check_changes, parse_changes
from tubelet.ingest.contract import Encoder, EncoderEntry, LoadOptions
from tubelet.ingest.errors import UsageError
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.folders import Skipped
from tubelet.ingest.geometry import FIT, Geometry, choose_framing
from tubelet.ingest.layer import LayerChoice
from tubelet.ingest.memory import Budget, ClipSize
from tubelet.ingest.pairs import Pairing
from tubelet.ingest.part import Part, Taken
from tubelet.ingest.pipeline.events import EventLog
from tubelet.ingest.pipeline.progress import Progress, ignore_progress
from tubelet.ingest.pipeline.recipe import Recipe, check_size
from tubelet.ingest.pipeline.run import Concurrency, Run
from tubelet.ingest.plan import Plan, Probing, plan
from tubelet.ingest.prediction.live import PredictingEncoder, refuse_short_windows
from tubelet.ingest.prediction.loading import add_predictor
from tubelet.ingest.search import search
from tubelet.ingest.segments import assign_segments
from tubelet.ingest.sources import Source
from tubelet.ingest.windows import Windowing
from tubelet.store import Store
from tubelet.store.jobs.state import JobProgress
from tubelet.store.pairs.rows import NESTED


@dataclass(frozen=True, kw_only=True)
class Work:
    """The sources that the arguments lead to, what was left out, and which part of all they are."""

    sources: Sequence[Source]
    skipped: Sequence[Skipped] = ()
    taken: Taken | None = None


def find_work(arguments: Arguments) -> Work:
    """Search the paths. Raises UsageError where there is no video."""
    videos = arguments.videos
    found = search(videos.paths, videos.limit, videos.fps_of_frames)
    everything, skipped = found.sources, found.skipped
    if arguments.cut.segments:
        everything, unnamed = assign_segments(arguments.cut.segments, everything)
        skipped = (*skipped, *unnamed)
    part = Part.parse(videos.part, os.environ)
    sources = part.choose(everything)
    taken = Taken(part, len(sources), len(everything)) if part.of > 1 else None
    return Work(sources=sources, skipped=skipped, taken=taken)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What to ingest and how; ready to run or to plan."""

    sources: Sequence[Source]
    recipe: Recipe
    encoder: Encoder
    running: RunOptions
    keeping: StorageOptions
    fixed: bool  # the encoder takes clips of one size alone
    skipped: Sequence[Skipped] = ()  # files and folders that were left out
    taken: Taken | None = None  # where the sources are a part of those that there are

    @classmethod
    def of(cls, **values: object) -> "Job":
        """A job from the command's arguments, by their names. Raises UsageError with what to do instead."""
        return cls.over(Arguments.of(**values))

    @classmethod
    def over(cls, arguments: Arguments, work: "Work | None" = None) -> "Job":
        """A job over sources that were found before, or are searched now. Raises UsageError."""
        model, running = arguments.model, arguments.running
        row = encoders.row(model.encoder, model.weights)
        windowing, geometry = _parse_windows(arguments.cut, row)
        pairing = _choose_pairs(arguments, windowing)
        check_size(geometry, model.encoder, row.patch)
        _check_prefixes(pairing, row)
        if model.causal:
            check_causal(row, bool(arguments.keeping.predicted))
        check_changes(pairing.changes, windowing, _find_grid(geometry, row.patch))
        work = work or find_work(arguments)
        device = encoders.device(running.device)
        arithmetic = precision.resolve_precision(running.precision, device)
        memory.check_weights(row.parameters, arithmetic != "fp32", device)
        layer = LayerChoice(model.layer, model.side, model.final_norm).resolve(
            model.encoder, row.depth
        )
        setting = LoadOptions(
            device=device,
            precision=arithmetic,
            weights=model.weights,
            layer=layer,
            weights_key=model.weights_key,
        )
        facts, encoder = _load_encoder(arguments, row, windowing, setting)
        recipe = Recipe(
            encoder=facts,
            windowing=windowing,
            geometry=geometry,
            precision=arithmetic,
            pairing=pairing,
        )
        return cls(
            sources=work.sources,
            recipe=recipe,
            encoder=encoder,
            running=running,
            keeping=arguments.keeping,
            fixed=row.frames is not None,
            skipped=work.skipped,
            taken=work.taken,
        )

    @property
    def device(self) -> torch.device:
        return self.encoder.device

    def run(
        self,
        store: str,
        report: Callable[[JobProgress], None] = ignore_progress,
        options: Mapping[str, str] | None = None,
    ) -> Run:
        """A run into a store, created if absent, with the `options` of its bucket. Raises UsageError where a batch does not fit into the free memory; `report` receives the progress."""
        logs = [EventLog(self.running.log)] if self.running.log else []
        pace = Concurrency.of(
            self.running, self.device, self.batch(self.budget()), len(self.sources)
        )
        run = Run(
            Store.create(store, options),
            self.recipe,
            self.encoder,
            Progress(len(self.sources), quiet=self.running.quiet, report=report),
            pace,
            self.keeping,
        )
        run.listeners += logs
        run.summary.skipped, run.summary.taken = self.skipped, self.taken
        return run

    def plan(self) -> Plan:
        """What a run would produce and cost. Raises UsageError where a batch does not fit into the free memory."""
        if self.taken and not self.sources:
            raise UsageError(f"{self.taken.words}: there is nothing to plan for it")
        budget = self.budget()
        batch = self.batch(budget)
        probing = Probing(self.recipe, self.encoder, self.keeping)
        found = plan(self.sources, probing, (batch - 1) * budget.clip_bytes(self.clip_size))
        return replace(found, batch=batch, taken=self.taken)

    @property
    def clip_size(self) -> ClipSize:
        """Frames and pixels of a clip; with --fit, those of a video twice as wide as high, which has more than most."""
        return ClipSize(
            self.recipe.windowing.frames,
            *self.recipe.geometry.target(1, 2, self.recipe.encoder.patch),
        )

    def budget(self) -> Budget:
        """The encoder's memory by arithmetic, corrected by a measured clip once the arithmetic alone fits."""
        budget = Budget(self.recipe.encoder, self.recipe.precision != "fp32")
        self.batch(budget)
        probe = (
            self.clip_size if self.fixed else memory.probe_size(self.clip_size, self.recipe.encoder)
        )
        return budget.calibrate(self.encoder, probe)

    def batch(self, budget: Budget) -> int:
        return budget.batch(self.running.batch, self.clip_size, self.device)


def _load_encoder(
    arguments: Arguments, row: EncoderEntry, windowing: Windowing, setting: LoadOptions
) -> tuple[EncoderFacts, Encoder]:
    """The encoder as the arguments want it: causal, or with its predictor. Raises UsageError."""
    facts, encoder = encoders.load(arguments.model.encoder, setting)
    if arguments.model.causal:
        facts, encoder = make_causal(facts, encoder)
    if settings := arguments.keeping.predicted:
        refuse_short_windows(settings, windowing.frames // row.tubelet)
        networks = add_predictor(arguments.model.encoder, row, encoder, setting)
        encoder = PredictingEncoder(*networks, settings, arguments.keeping.surprise_every)
    return facts, encoder


def _parse_windows(cut: WindowOptions, row: EncoderEntry) -> tuple[Windowing, Geometry]:
    if row.frames:
        _check_fixed(cut, row)
    hop = cut.frames * cut.step if cut.hop is None else cut.hop
    geometry = Geometry.parse(
        cut.size or str(row.side), choose_framing(cut.framing, cut.fit, row.framing)
    )
    return Windowing(
        frames=cut.frames,
        step=cut.step,
        hop=hop,
        tubelet=row.tubelet,
        tail=cut.tail,
        images=row.images,
        rate=cut.fps,
    ), geometry


def _choose_pairs(arguments: Arguments, windowing: Windowing) -> Pairing:
    """The pairs that are asked for. Raises UsageError where the other options do not go with them."""
    pairing = replace(
        Pairing.parse(arguments.cut.shift, arguments.cut.pairs, windowing),
        changes=parse_changes(arguments.cut.change),
    )
    if arguments.cut.segments:
        pairing = _check_segments(arguments.cut)
    return pairing if arguments.keeping.statistics else _check_pooled(arguments.cut)


def _check_segments(cut: WindowOptions) -> Pairing:
    """The pairs of segments: none. Raises UsageError where the other options do not go with them."""
    if cut.fps is None:
        raise UsageError("--segments needs --fps: stretches in seconds take frames by time")
    if _wants_pairs(cut):
        raise UsageError(
            "--segments measures no pairs of windows: leave --pairs, --shift and --change out"
        )
    return Pairing()


def _check_pooled(cut: WindowOptions) -> Pairing:
    """The pairs where only pooled states are kept: none. Raises UsageError where some are asked for."""
    if _wants_pairs(cut):
        raise UsageError(
            "--keep pooled measures no pairs of windows: leave --pairs, --shift and --change out, or write --keep pooled,statistics"
        )
    return Pairing()


def _wants_pairs(cut: WindowOptions) -> bool:
    return cut.shift is not None or cut.pairs not in (None, "0") or cut.change is not None


def _find_grid(geometry: Geometry, patch: int) -> tuple[int, int] | None:
    """Patch rows and columns of every video; None where they depend on it."""
    if geometry.mode == FIT:
        return None
    height, width = geometry.target(1, 1, patch)
    return height // patch, width // patch


def _check_prefixes(pairing: Pairing, row: EncoderEntry) -> None:
    """Raises UsageError for prefixes of windows that an encoder of fixed positions cannot take."""
    for change in pairing.changes:
        if row.frames and change.entry.kind == NESTED:
            raise UsageError(
                f"--change {change.text}: this {row.family} model takes clips of exactly {row.frames} frames, so that it cannot be given fewer: leave it out"
            )


def _check_fixed(cut: WindowOptions, row: EncoderEntry) -> None:
    """Raises UsageError unless the clips are what an encoder of fixed positions takes."""
    wrong = ""
    if cut.frames != row.frames:
        wrong = f"--frames {cut.frames}"
    elif cut.tail:
        wrong = "--tail"
    elif cut.framing == FIT:
        wrong = "--framing fit"
    elif cut.fit or cut.size not in (None, str(row.side), f"{row.side}x{row.side}"):
        wrong = "--fit" if cut.fit else f"--size {cut.size}"
    if wrong:
        only = f"clips of exactly {row.frames} frames at {row.side} x {row.side} px, for which it has positions"
        raise UsageError(
            f"{wrong}: this {row.family} model takes {only}: use --frames {row.frames} and leave out --size, --fit and --tail"
        )
