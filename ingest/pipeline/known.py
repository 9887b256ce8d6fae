"""What the store already holds: enough to know without decoding whether a source needs any work."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property

from tubelet.ingest.arguments import EMBEDDINGS, POOLED, STATISTICS, StorageOptions
from tubelet.ingest.pipeline.controls import find_controls
from tubelet.ingest.pipeline.messages import Failure
from tubelet.ingest.pipeline.recipe import Recipe
from tubelet.ingest.prediction.contexts import PredictionTask, list_all_tasks
from tubelet.ingest.prediction.live import PredictingEncoder
from tubelet.ingest.prediction.missing import HeldTasks, find_held
from tubelet.ingest.prediction.options import Settings
from tubelet.ingest.sources import Stamp
from tubelet.store import Store
from tubelet.store.pairs.rows import LIVE
from tubelet.store.questions.clips import ROLE
from tubelet.store.rows import ClipRow, PlaceRow, VideoRow
from tubelet.store.schema import GRID

HELD = f"""SELECT clip_id, slices, {ROLE} AS role, embedding_path, embedding_bytes, embedding_sha256, has_statistics IS NOT FALSE AS statistics,
  coalesce(pooled_layers, 0) > 0 AS pooled FROM clips WHERE encoder_id = ?"""


@dataclass(frozen=True, kw_only=True)
class StoredParts:
    """What the store holds of a clip."""

    slices: int
    role: str
    embedding_path: str | None
    embedding_bytes: int | None
    embedding_sha256: str | None
    statistics: bool
    pooled: bool

    @property
    def kept(self) -> StorageOptions:
        held = {
            EMBEDDINGS: self.embedding_path is not None,
            STATISTICS: self.statistics,
            POOLED: self.pooled,
        }
        return StorageOptions(",".join(name for name, has in held.items() if has))

    def lacks(self, wanted: StorageOptions) -> bool:
        return (
            (wanted.embeddings and self.embedding_path is None)
            or (wanted.statistics and not self.statistics)
            or (wanted.pooled and not self.pooled)
        )

    def list_tasks(self, settings: Settings, every: int = 1) -> list[PredictionTask]:
        """What an ingest predicts of it."""
        return list_all_tasks(settings, self.slices, every) if self.role == GRID else []

    def carry(self, row: ClipRow) -> ClipRow:
        """The row of the clip encoded again, with the embedding file that is there."""
        if self.embedding_path is None or self.embedding_bytes is None:
            return row
        return row.store(self.embedding_path, self.embedding_bytes, self.embedding_sha256 or "")


@dataclass(frozen=True, kw_only=True)
class Known:
    """Videos, failures, and the clips and pairs of one encoder."""

    stamps: Mapping[Stamp, str] = field(default_factory=dict)  # -> video_id
    videos: Mapping[str, VideoRow] = field(default_factory=dict)  # by video_id
    places: Mapping[str, PlaceRow] = field(default_factory=dict)  # by place_id
    clips: frozenset[str] = frozenset()  # those that need nothing
    lacking: Mapping[str, "StoredParts"] = field(
        default_factory=dict
    )  # those without something that is wanted, which are encoded again, and what is held of them
    predicted: HeldTasks = field(default_factory=HeldTasks)  # where an ingest predicts
    pairs: frozenset[str] = frozenset()  # measured live
    repeated: frozenset[str] = frozenset()  # videos that have the control `repeated`
    failures: Mapping[str, Failure] = field(default_factory=dict)  # failure_id -> failure
    broken: Mapping[str, tuple[Failure, ...]] = field(
        default_factory=dict
    )  # video_id -> failures that reading again repeats

    @cached_property
    def failures_by_path(self) -> Mapping[str, tuple[Failure, ...]]:
        """The failures of each file: a run over many that failed looks at those of one at a time."""
        found: dict[str, list[Failure]] = {}
        for failure in self.failures.values():
            found.setdefault(failure.path, []).append(failure)
        return {path: tuple(failures) for path, failures in found.items()}

    @cached_property
    def places_by_path(self) -> Mapping[str, tuple[PlaceRow, ...]]:
        """The videos that were found at each path, one after the other."""
        found: dict[str, list[PlaceRow]] = {}
        for place in self.places.values():
            found.setdefault(place.path, []).append(place)
        return {path: tuple(places) for path, places in found.items()}

    @classmethod
    def of(
        cls,
        store: Store,
        recipe: Recipe,
        keeping: StorageOptions,
        predicting: PredictingEncoder | None = None,
    ) -> "Known":
        """What a store knows for a recipe; a clip without something that is to be kept, or predicted, lacks it."""
        videos, places = (
            [VideoRow.of(row) for row in store.rows("FROM videos")],
            [PlaceRow.of(row) for row in store.rows("FROM places")],
        )
        clips = {
            row.pop("clip_id"): StoredParts(**row)
            for row in store.rows(HELD, [recipe.encoder.encoder_id])
        }
        columns = ", ".join(f.name for f in fields(Failure))
        failures = [
            Failure(**row)
            for row in store.rows(f"SELECT {columns} FROM failures ORDER BY failures.failed_at")
        ]
        predicted = _find_predicted(store, recipe, predicting)
        lacking = {
            clip_id: held
            for clip_id, held in clips.items()
            if held.lacks(keeping)
            or predicted.find_missing(
                clip_id, held.list_tasks(keeping.predicted, keeping.surprise_every)
            )
        }
        return cls(
            stamps={
                **{(p.path, p.bytes, p.modified_ns): p.video_id for p in places},
                **{(v.path, v.bytes, v.modified_ns): v.video_id for v in videos},
            },
            videos={video.video_id: video for video in videos},
            places={place.place_id: place for place in places},
            clips=frozenset(clips.keys() - lacking.keys()),
            lacking=lacking,
            predicted=predicted,
            pairs=_pairs(store, recipe),
            repeated=frozenset(find_controls(store, recipe).values()),
            failures={failure.failure_id: failure for failure in failures},
            broken=_group_broken(failures),
        )


def _find_predicted(
    store: Store, recipe: Recipe, predicting: PredictingEncoder | None
) -> HeldTasks:
    if predicting is None:
        return HeldTasks()
    return find_held(store, recipe.encoder.encoder_id, predicting.predictor_sha256)


def _pairs(store: Store, recipe: Recipe) -> frozenset[str]:
    found = store.query(
        "SELECT pair_id FROM pairs WHERE encoder_id = ? AND source = ?",
        [recipe.encoder.encoder_id, LIVE],
    )
    return frozenset(found["pair_id"].to_pylist())


def _group_broken(failures: list[Failure]) -> dict[str, tuple[Failure, ...]]:
    broken: dict[str, tuple[Failure, ...]] = {}
    for failure in failures:
        if failure.stage in ("open", "decode") and failure.video_id:
            broken[failure.video_id] = (*broken.get(failure.video_id, ()), failure)
    return broken
