"""Every encoder, and every video with masks or points: how well its tokens segment and track, beside what staying in place reaches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.latent import clips
from tubelet.latent.clips import Clip
from tubelet.latent.dense.following import follow_points
from tubelet.latent.dense.options import SEGMENTATION, TRACKING, ScoringError, ScoringOptions
from tubelet.latent.dense.segmenting import ObjectScore, score_objects
from tubelet.latent.dense.tap_vid import FollowedPoints, measure_points
from tubelet.latent.dense.truth import Frames, pick_evenly, read_objects, read_points
from tubelet.latent.null_similarity import NullSimilarity, draw_null_similarity
from tubelet.store import Store
from tubelet.store.encoder_names import find_encoder
from tubelet.store.questions.corpus import OF_GRID
from tubelet.store.rows import ClipRow

STILL = "still"
TABLES = {SEGMENTATION: "masks", TRACKING: "points"}
ENCODERS = f"""SELECT e.encoder_id, e.layer FROM encoders e
WHERE EXISTS (FROM clips c WHERE c.encoder_id = e.encoder_id AND c.embedding_path IS NOT NULL AND {OF_GRID}) ORDER BY e.encoder_id"""


@dataclass(frozen=True, kw_only=True)
class DenseScore:
    """A value per measure. `control` is None for the tokens; `things` are objects or points, once per clip."""

    control: str | None
    values: Mapping[str, float]
    things: int
    frames: int
    clips: int


@dataclass(frozen=True, kw_only=True)
class EncoderScore:
    """What an encoder, or its control, reached on a video."""

    encoder_id: str
    layer: str
    video_id: str
    task: str
    reached: DenseScore


@dataclass(frozen=True)
class AnnotatedVideo:
    """A video with masks or points, and the clips of an encoder that keep tokens of it."""

    row: Mapping
    clips: list[ClipRow]

    @property
    def size(self) -> tuple[int, int]:
        return self.row["height"], self.row["width"]


def score_videos(
    store: Store, encoders: Sequence[str], options: ScoringOptions
) -> Iterator[EncoderScore]:
    """Encoder by encoder. Raises ScoringError where there is nothing to score, or nothing to score it against."""
    tasks = {task: _list_annotated_videos(store, TABLES[task]) for task in options.tasks}
    _refuse_bare(store, tasks)
    found = False
    for encoder_id, layer in _choose_encoders(store, encoders):
        for task, ids in tasks.items():
            for video, reached in _score_task(store, (encoder_id, task), ids, options):
                found = True
                yield EncoderScore(
                    encoder_id=encoder_id,
                    layer=layer,
                    video_id=video.row["video_id"],
                    task=task,
                    reached=reached,
                )
    if not found:
        raise ScoringError(
            "no clip shows an object or a point that is annotated in a later slice, too: ingest longer windows of the annotated videos with `--keep embeddings`"
        )


def _score_task(
    store: Store, asked: tuple[str, str], ids: Sequence[str], options: ScoringOptions
) -> Iterator[tuple[AnnotatedVideo, DenseScore]]:
    """Every video of an encoder and task, for the tokens and for the control."""
    encoder_id, task = asked
    unrelated = draw_null_similarity(store, encoder_id) if task == TRACKING and ids else None
    for video in _read_videos(store, encoder_id, ids):
        scores = (
            _score_segmentation(store, video, options)
            if unrelated is None
            else _score_tracking(store, video, options, unrelated)
        )
        for reached in scores:
            yield video, reached


def _score_segmentation(
    store: Store, video: AnnotatedVideo, options: ScoringOptions
) -> Iterator[DenseScore]:
    """Means over objects, as DAVIS has them."""
    found: list[ObjectScore] = []
    held = 0
    for row in video.clips:
        frames = Frames.of(row, video.size)
        objects = read_objects(store, frames, options.objects)
        scores = score_objects(_open(store, row), frames, objects) if objects else []
        found, held = found + scores, held + bool(scores)
    if not found:
        return
    own = [(one.region, one.boundary) for one in found]
    still = [(one.still_region, one.still_boundary) for one in found]
    for control, pairs in ((None, own), (STILL, still)):
        region, boundary = np.mean(pairs, axis=0)
        values = {"J": float(region), "F": float(boundary), "J&F": float(region + boundary) / 2}
        yield DenseScore(
            control=control,
            values=values,
            things=len(found),
            frames=sum(one.frames for one in found),
            clips=held,
        )


def _score_tracking(
    store: Store, video: AnnotatedVideo, options: ScoringOptions, unrelated: NullSimilarity
) -> Iterator[DenseScore]:
    """Of all moments of all points together, as TAP-Vid has them."""
    found: list[tuple[FollowedPoints, FollowedPoints]] = []
    others, held = unrelated.without(video.row["video_id"]), 0
    for row in video.clips:
        frames = Frames.of(row, video.size)
        points = list(pick_evenly(read_points(store, frames, video.row), options.points))
        followed = list(follow_points(_open(store, row), frames, points, others)) if points else []
        found, held = found + followed, held + bool(followed)
    if not found:
        return
    for control, parts in zip((None, STILL), zip(*found, strict=True), strict=True):
        joined = FollowedPoints.join(parts)
        yield DenseScore(
            control=control,
            values=measure_points(joined),
            things=len(found),
            frames=len(joined.visible),
            clips=held,
        )


def _open(store: Store, row: ClipRow) -> Clip:
    return Clip(row.clip_id, row.video_id, row.encoder_id, clips.read(store, row))


def _list_annotated_videos(store: Store, table: str) -> list[str]:
    rows = store.rows(f"SELECT DISTINCT video_id FROM {table} ORDER BY video_id")
    return [row["video_id"] for row in rows]


def _refuse_bare(store: Store, tasks: Mapping[str, Sequence[str]]) -> None:
    lacking = [TABLES[task] for task, ids in tasks.items() if not ids]
    if len(lacking) == len(tasks):
        raise ScoringError(
            f"{store.name} has no {' and no '.join(lacking)}: import some with `tubelet annotate` (docs/labels.md)"
        )


def _choose_encoders(store: Store, names: Sequence[str]) -> list[tuple[str, str]]:
    wanted = {find_encoder(store, name) for name in names}
    found = [
        (row["encoder_id"], row["layer"])
        for row in store.rows(ENCODERS)
        if not wanted or row["encoder_id"] in wanted
    ]
    lacking = sorted(wanted - {encoder_id for encoder_id, _ in found})
    if lacking or not found:
        raise ScoringError(
            f"no clip of {lacking[0] if lacking else store.name} keeps its tokens, which are what is scored: ingest with `--keep embeddings`"
        )
    return found


def _read_videos(store: Store, encoder_id: str, ids: Sequence[str]) -> Iterator[AnnotatedVideo]:
    """Those of which the encoder has tokens."""
    by_video: dict[str, list[ClipRow]] = {}
    for clip in clips.with_embeddings(store, encoder_id, ids):
        by_video.setdefault(clip.video_id, []).append(clip)
    for row in store.rows("FROM videos ORDER BY video_id"):
        if row["video_id"] in by_video:
            yield AnnotatedVideo(row, by_video[row["video_id"]])
