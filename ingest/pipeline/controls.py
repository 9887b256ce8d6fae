"""The `repeated` controls: which videos encode one window twice, to show whether the arithmetic is deterministic.

They are the `REPEATS` videos of a recipe with the smallest ids, and an id is a hash of the file's bytes. Every process that meets one of
those videos recognizes it, whatever it met before, so that any order and any split of a corpus leads to the same controls. A video that
looked small enough and later was not is measured for nothing (about 3 ln(n / 3) of n videos); `drop_surplus` removes it at the end of a run.
"""

from collections.abc import Iterable, Mapping

from tubelet.ingest.pipeline.recipe import Recipe
from tubelet.store import Store
from tubelet.store.pairs.rows import LIVE, REPEATED
from tubelet.store.schema import PAIRS, TABLES

REPEATS = 3  # videos of a store, for one recipe
PAIR_TABLES = [name for name, table in TABLES.items() if (table.owner or name) == PAIRS.name]
STORED_CONTROLS = """SELECT p.pair_id, p.video_id FROM pairs p JOIN clips c ON p.clip_a = c.clip_id
WHERE p.kind = $kind AND p.source = $source AND c.encoder_id = $encoder AND c.precision = $precision AND c.frame_count = $frames
  AND c.sample_fps IS NOT DISTINCT FROM $fps::DOUBLE AND ($fps IS NOT NULL OR c.step = $step)
  AND c.geometry = $geometry AND (c.geometry = 'fit' OR (c.crop_height = $height AND c.crop_width = $width))"""


class Controls:
    """The videos with the smallest ids among those that have a control. Threads may share it: a video counts once its control is cut."""

    def __init__(self, stored: Iterable[str] = ()) -> None:
        self._chosen = choose(stored)

    def wants(self, video_id: str) -> bool:
        """Whether a video is one of them, or would be."""
        chosen = self._chosen
        return len(chosen) < REPEATS or video_id <= chosen[-1]

    def add(self, video_id: str) -> None:
        self._chosen = choose({*self._chosen, video_id})


def choose(video_ids: Iterable[str]) -> tuple[str, ...]:
    """The ids whose videos are controls."""
    return tuple(sorted(set(video_ids))[:REPEATS])


def expect_controls(videos: int) -> int:
    """How many videos one run is expected to encode a window twice of: the n-th is one of the smallest so far with probability REPEATS / n."""
    return round(sum(min(1.0, REPEATS / number) for number in range(1, videos + 1)))


def find_controls(store: Store, recipe: Recipe) -> Mapping[str, str]:
    """The stored controls of a recipe: pair_id -> video_id."""
    windowing, geometry = recipe.windowing, recipe.geometry
    cut = {
        "frames": windowing.frames,
        "step": windowing.step,
        "fps": windowing.sample_fps,
        "geometry": geometry.mode,
        "height": geometry.height,
        "width": geometry.width,
    }
    made = {
        "kind": REPEATED,
        "source": LIVE,
        "encoder": recipe.encoder.encoder_id,
        "precision": recipe.precision,
    }
    found = store.rows(STORED_CONTROLS, {**made, **cut})
    return {row["pair_id"]: row["video_id"] for row in found}


def drop_surplus(store: Store, recipe: Recipe) -> None:
    """Remove the controls of videos that turned out not to be among the smallest ids."""
    found = find_controls(store, recipe)
    kept = choose(found.values())
    if surplus := [pair_id for pair_id, video_id in found.items() if video_id not in kept]:
        store.commit({}, dict.fromkeys(PAIR_TABLES, surplus))
