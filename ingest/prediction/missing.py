"""What the store lacks of what is asked for: per clip, the slices that were never predicted with a context and horizon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tubelet.ingest.prediction.contexts import PredictionTask, list_all_tasks
from tubelet.ingest.prediction.options import SurpriseOptions
from tubelet.store import Store
from tubelet.store.questions.clips import ROLE
from tubelet.store.rows import ClipRow
from tubelet.store.sandbox import conditions
from tubelet.store.schema import GRID

CLIPS = f"""SELECT c.* FROM clips c WHERE encoder_id = $encoder AND {ROLE} = '{GRID}'
  AND ($videos IS NULL OR video_id IN (SELECT unnest($videos::VARCHAR[]))) ORDER BY video_id, first_frame, clip_id"""
HELD = """SELECT clip_id, context, horizon, list(slice) AS slices, predictor_sha256 FROM slice_surprise
WHERE clip_id IN (SELECT clip_id FROM clips WHERE encoder_id = $encoder) AND ($clips::VARCHAR[] IS NULL OR list_contains($clips, clip_id)) GROUP BY ALL"""


@dataclass(frozen=True)
class UnpredictedClip:
    """A clip, and what is to be predicted of it."""

    clip: ClipRow
    tasks: tuple[PredictionTask, ...]


@dataclass(frozen=True)
class HeldTasks:
    """What was predicted of each clip, and the clips of which another predictor's answers are stored."""

    by_clip: Mapping[str, frozenset[PredictionTask]] = field(default_factory=dict)
    outdated: frozenset[str] = frozenset()

    def find_missing(
        self, clip_id: str, asked: Sequence[PredictionTask]
    ) -> tuple[PredictionTask, ...]:
        if clip_id in self.outdated:
            return tuple(asked)
        held = self.by_clip.get(clip_id, frozenset())
        return tuple(task for task in asked if task not in held)


@dataclass(frozen=True)
class Missing:
    """What is to be done, by video; `complete` clips need nothing, `short` ones have too few slices for any context and horizon."""

    by_video: Mapping[str, list[UnpredictedClip]]
    complete: int
    short: int
    longest: int  # slices of the longest clip

    @property
    def clips(self) -> int:
        return sum(map(len, self.by_video.values()))

    @classmethod
    def of_part(cls, clips: Sequence[UnpredictedClip], held: HeldTasks) -> "Missing":
        """A part of what was missing, less what is `held` by now."""
        found: dict[str, list[UnpredictedClip]] = {}
        for one in clips:
            if tasks := held.find_missing(one.clip.clip_id, one.tasks):
                found.setdefault(one.clip.video_id, []).append(UnpredictedClip(one.clip, tasks))
        left = sum(map(len, found.values()))
        return cls(found, len(clips) - left, 0, 0)


def find_missing(
    store: Store, encoder_id: str, predictor: str, options: SurpriseOptions
) -> Missing:
    """Raises NoVideos and QueryError for the condition."""
    videos = None if options.where is None else conditions.videos(store, options.where)
    clips = [ClipRow.of(row) for row in store.rows(CLIPS, {"encoder": encoder_id, "videos": videos})]  # fmt: skip
    held = find_held(store, encoder_id, predictor)
    found: dict[str, list[UnpredictedClip]] = {}
    complete = short = 0
    for clip in clips:
        asked = list_all_tasks(options.settings, clip.slices, options.every)
        tasks = held.find_missing(clip.clip_id, asked)
        complete += bool(asked) and not tasks
        short += not asked
        if tasks:
            found.setdefault(clip.video_id, []).append(UnpredictedClip(clip, tasks))
    return Missing(found, complete, short, max((clip.slices for clip in clips), default=0))


def find_held(
    store: Store, encoder_id: str, predictor: str, clips: Sequence[str] | None = None
) -> HeldTasks:
    """What was predicted of the clips of an encoder, of some alone where they are named, by this predictor or another."""
    tasks: dict[str, set[PredictionTask]] = {}
    outdated = set()
    for row in store.rows(HELD, {"encoder": encoder_id, "clips": clips}):
        if row["predictor_sha256"] != predictor:
            outdated.add(row["clip_id"])
        tasks.setdefault(row["clip_id"], set()).update(
            PredictionTask(row["context"], row["horizon"], at) for at in row["slices"]
        )
    by_clip = {clip_id: frozenset(known) for clip_id, known in tasks.items()}
    return HeldTasks(by_clip, frozenset(outdated))
