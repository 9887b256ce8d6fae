"""A run of `tubelet mask`: windows are decoded again, masked and predicted; what was measured is kept, and not measured again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event

import numpy as np

from tubelet.ingest.errors import UsageError
from tubelet.ingest.memory import out_of_memory
from tubelet.ingest.prediction.loading import Loaded, load_predictor
from tubelet.ingest.prediction.rows import describe_prediction
from tubelet.ingest.prediction.windows import decode_clips, find_source
from tubelet.media.errors import VideoError
from tubelet.store import Store
from tubelet.store.mask_kinds import PAINTED
from tubelet.store.outcome import Outcome
from tubelet.store.questions.clips import ROLE
from tubelet.store.rows import ClipRow
from tubelet.store.sandbox import conditions
from tubelet.store.schema import GRID
from tubelet.store.wording import count
from tubelet.training.masking.drawing import draw_windows, write_picture
from tubelet.training.masking.keeping import find_known, keep_maskings
from tubelet.training.masking.masks import draw_mask, refuse_extremes
from tubelet.training.masking.measuring import measure_mask
from tubelet.training.masking.options import MaskOptions
from tubelet.training.masking.painting import spread_patches
from tubelet.training.masking.rows import Masking

FIRST_CLIPS = f"""SELECT c.* FROM clips c WHERE encoder_id = $encoder AND ($clip IS NULL AND {ROLE} = '{GRID}' OR clip_id = $clip)
  AND ($videos IS NULL OR video_id IN (SELECT unnest($videos::VARCHAR[])))
QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY first_frame, clip_id) = 1 ORDER BY video_id LIMIT $limit"""
KEPT = """SELECT mask_kind, count(*) AS windows, sum(hidden_tokens) / sum(hidden_tokens + seen_tokens) AS hidden, avg(l1) AS l1,
  avg(near_l1) AS near_l1, avg(mean_l1) AS mean_l1 FROM maskings WHERE masking_id IN (SELECT unnest($ids::VARCHAR[])) GROUP BY mask_kind"""


@dataclass(frozen=True, kw_only=True)
class MaskFigures:
    """Means over the windows of one kind of mask."""

    mask_kind: str
    windows: int
    hidden: float
    l1: float
    near_l1: float
    mean_l1: float

    @property
    def line(self) -> str:
        over = [
            f"{self.l1 / theirs:.2f} times {what}"
            for theirs, what in (
                (self.near_l1, "a copy of the nearest seen token"),
                (self.mean_l1, "the mean token"),
            )
            if theirs
        ]
        rivals = (("copying a neighbor", self.near_l1), ("the mean token", self.mean_l1))
        better = [what for what, theirs in rivals if theirs and self.l1 > theirs]
        verdict = f": worse than {' and '.join(better)}" if better else ""
        return f"{self.mask_kind}: {self.hidden:.0%} hidden in {count(self.windows, 'window')}, error {self.l1:.3f}, {' and '.join(over)}{verdict}"


@dataclass(kw_only=True)
class MaskOutcome(Outcome):
    """What one call found, by kind of mask; `measured` are new, `kept` were stored before; `masking_ids` are both."""

    counted = ("measured", "kept", "masking_ids")

    encoder_id: str
    measured: int = 0
    kept: int = 0
    masking_ids: list[str] = field(default_factory=list)
    figures: list[MaskFigures] = field(default_factory=list)
    drawn: str | None = None

    def as_json(self) -> dict:
        return {name: value for name, value in super().as_json().items() if name != "masking_ids"}

    def lines(self) -> list[str]:
        done = f"{count(self.measured, 'masking')} predicted with {self.encoder_id}; {self.kept:,} already stored"
        written = [f"{self.drawn} written"] if self.drawn else []
        return [
            done,
            *(one.line for one in self.figures),
            *written,
            *self.list_notes(),
        ]


def measure_masks(
    store: Store,
    options: MaskOptions,
    stopping: Event | None = None,
    show: Callable[[int, int], None] = lambda done, of: None,
) -> MaskOutcome:
    """Mask, predict and keep; `show` receives how many windows of how many are done. Raises UsageError, StoreError, NoVideos and QueryError.

    Once `stopping` is set, the current window is finished: each is committed with all of its masks, or with none.
    """
    loaded = load_predictor(store, options)
    clips = choose_clips(store, loaded.row.encoder_id, options)
    with store.ingesting():
        asked = options, stopping, lambda done: show(done, len(clips))
        outcome = mask_windows(store, loaded, clips, asked)
    add_figures(store, options, outcome)
    return outcome


def mask_windows(
    store: Store,
    loaded: Loaded,
    clips: Sequence[ClipRow],
    asked: tuple[MaskOptions, Event | None, Callable[[int], None]],
) -> MaskOutcome:
    """Mask, predict and keep windows; the first is drawn where a picture is wanted. `asked` holds the options, the event that stops it, and what receives how many are done."""
    options, stopping, show = asked
    outcome = MaskOutcome(encoder_id=loaded.row.encoder_id)
    for done, clip in enumerate(clips, 1):
        maskings = [_name(loaded, clip, kind, options) for kind in options.kinds]
        try:
            _measure_clip(store, (loaded, options), outcome, (clip, maskings, done == 1))
            outcome.masking_ids += [one.masking_id for one in maskings]
        except VideoError as error:
            outcome.problems.append(f"{store.video(clip.video_id).name}: {error}")
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            outcome.problems.append(
                f"{store.video(clip.video_id).name}: out of memory for one window: use --precision bf16 on a GPU, or ingest windows of fewer --frames"
            )
        show(done)
        if stopping and stopping.is_set():
            outcome.interrupted = done < len(clips)
            break
    return outcome


def add_figures(store: Store, options: MaskOptions, outcome: MaskOutcome) -> None:
    """The means of what was measured and kept."""
    rows = store.rows(KEPT, {"ids": outcome.masking_ids})
    found = {row["mask_kind"]: MaskFigures(**row) for row in rows}
    outcome.figures = [found[kind] for kind in options.kinds if kind in found]


def choose_clips(store: Store, encoder_id: str, options: MaskOptions) -> list[ClipRow]:
    """The windows that are asked for. Raises UsageError where there is none."""
    videos = None if options.where is None else conditions.videos(store, options.where)
    asked = {"encoder": encoder_id, "clip": options.clip, "videos": videos, "limit": options.limit}
    clips = [ClipRow.of(row) for row in store.rows(FIRST_CLIPS, asked)]
    if not clips:
        which = f" {options.clip}" if options.clip else ""
        raise UsageError(
            f'{store.name} holds no clip{which} of {encoder_id} that is asked for: list them with `tubelet sql "FROM clips" --store {store.shell_name}`'
        )
    return clips


def _name(loaded: Loaded, clip: ClipRow, kind: str, options: MaskOptions) -> Masking:
    return Masking(
        clip_id=clip.clip_id,
        mask_kind=kind,
        mask_ratio=options.ratio_of(kind),
        seed=options.seed,
        predictor_sha256=loaded.predictor_sha256,
        painted=options.painted if kind == PAINTED else None,
    )


def _draw(masking: Masking, clip: ClipRow, options: MaskOptions) -> np.ndarray:
    """What a mask hides of a window, (S, H, W). Raises UsageError."""
    if masking.mask_kind == PAINTED:
        spread = spread_patches(options.paint or "", options.until, clip.positions)
        return refuse_extremes(PAINTED, spread)
    return draw_mask(masking.mask_kind, clip.positions, masking.mask_ratio, masking.seed)


def _measure_clip(
    store: Store,
    asked: tuple[Loaded, MaskOptions],
    outcome: MaskOutcome,
    work: tuple[ClipRow, list[Masking], bool],
) -> None:
    """Measure and commit what is not known of one window; draw it where it is the first and a picture is wanted."""
    loaded, options = asked
    clip, maskings, first = work
    known = find_known(store, clip)
    missing = [one for one in maskings if one.masking_id not in known]
    outcome.kept += len(maskings) - len(missing)
    drawing = first and options.draw is not None
    wanted = maskings if drawing else missing
    if not wanted:
        return
    masks = {one.masking_id: _draw(one, clip, options) for one in wanted}
    (decoded,) = decode_clips(find_source(store, store.video(clip.video_id)), [clip])
    found = {one.mask_kind: measure_mask(loaded.networks, decoded[1], masks[one.masking_id]) for one in wanted}  # fmt: skip
    if missing:
        made = describe_prediction(loaded.networks, loaded.predictor_sha256)
        keep_maskings(store, clip, {one: found[one.mask_kind] for one in missing}, made)
    outcome.measured += len(missing)
    if drawing and options.draw is not None:
        write_picture(draw_windows(decoded[1], found), options.draw)
        outcome.drawn = str(options.draw)
