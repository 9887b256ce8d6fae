"""Which videos a model learns from, which decide when it stops, and which it is tested on. Videos of one group stay together."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tubelet.latent.probes.truth import GROUP, SPLIT, TEST, TRAIN
from tubelet.store import Store
from tubelet.store.wording import agree, count
from tubelet.training.fitting.errors import FitError

LEARN, HELD = "learn", "held"
HELD_SHARE = 0.2  # of the groups to learn from, one at least
LEAST = 3  # groups: to learn from, to decide when to stop, and to test
LABELS = """SELECT video_id, value FROM labels WHERE name = $name AND start_s IS NULL
  AND video_id IN (SELECT unnest($videos::VARCHAR[])) ORDER BY video_id, value DESC"""
Side = Literal["learn", "held", "test"]


@dataclass(frozen=True)
class Split:
    """Ids of videos, in order; `obeyed`: the test part is that of the label `split`."""

    learn: tuple[str, ...]
    held: tuple[str, ...]
    test: tuple[str, ...]
    obeyed: bool

    @property
    def train(self) -> tuple[str, ...]:
        """The training videos, and those held back to decide when to stop."""
        return tuple(sorted(self.learn + self.held))


def split_videos(store: Store, videos: Collection[str], share: float, seed: int) -> Split:
    """Obey the label `split` where videos have it, else test a share of the groups, drawn by chance. Raises FitError where a part would be empty."""
    names = _read_labels(store, GROUP, videos)
    groups = {
        video: f"group {names[video]}" if video in names else video for video in sorted(videos)
    }
    _refuse_few(groups)
    sides = {v: s for v, s in _read_labels(store, SPLIT, videos).items() if s in (TRAIN, TEST)}
    generator = np.random.default_rng([seed, 41])
    if sides:
        groups = {video: group for video, group in groups.items() if video in sides}
        test = _obey(sides, groups)
    else:
        test = _draw(set(groups.values()), share, generator)
    learned = set(groups.values()) - test
    if len(learned) < 2:
        raise FitError(
            f"{count(len(learned), 'group')} of videos {agree(len(learned), 'is', 'are')} left to learn from, and two are needed, of which one decides when to stop: add videos, or change the labels `group` or `split`"
        )
    held = _draw(learned, HELD_SHARE, generator)
    parts = {side: tuple(v for v, g in groups.items() if g in chosen) for side, chosen in (("learn", learned - held), ("held", held), ("test", test))}  # fmt: skip
    return Split(**parts, obeyed=bool(sides))


def _read_labels(store: Store, name: str, videos: Collection[str]) -> dict[str, str]:
    """The value of each video that has the label; the first in alphabetical order of several."""
    rows = store.rows(LABELS, {"name": name, "videos": sorted(videos)})
    return {row["video_id"]: row["value"] for row in rows}


def _refuse_few(groups: dict[str, str]) -> None:
    found = len(set(groups.values()))
    if found < LEAST:
        grouped = f" in {count(found, 'group')}" if found < len(groups) else ""
        raise FitError(
            f"{count(len(groups), 'video')}{grouped} {agree(len(groups), 'is', 'are')} too few: {LEAST} are needed (of different groups), to learn from, to decide when to stop, and to test"
        )


def _obey(sides: dict[str, str], groups: dict[str, str]) -> set[str]:
    """The groups of the test part."""
    parts = {side: {groups[v] for v, s in sides.items() if s == side} for side in (TRAIN, TEST)}
    if lacking := [side for side, found in parts.items() if not found]:
        raise FitError(
            f"no video with tokens has the value {lacking[0]!r} of the label `split`: give some to that side, or remove the label"
        )
    if both := sorted(parts[TRAIN] & parts[TEST]):
        raise FitError(
            f"the {both[0]} has videos on both sides of the label `split`, so that what is learned from some would be repeated on the others: correct `split` or `group`"
        )
    return parts[TEST]


def _draw(groups: set[str], share: float, generator: np.random.Generator) -> set[str]:
    number = min(max(1, round(share * len(groups))), len(groups) - 1)
    return set(generator.permutation(sorted(groups))[:number].tolist())
