"""The truth: which videos have which value of a label, which group each belongs to, and on which side of a split it is."""

import difflib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tubelet.latent.probes.options import AUTO, CLASSES, NUMBERS, ProbeError, ProbeOptions
from tubelet.store import Store
from tubelet.store.wording import count

SPLIT, GROUP = "split", "group"
TRAIN, TEST = "train", "test"
FEW_VALUES = (
    10  # numbers that are no more than this many different ones are classes, unless asked for
)
VALUES = """SELECT video_id, min(value) AS value, count(DISTINCT value) AS distinct_values, count(start_s) AS stretches
FROM labels WHERE name = $name GROUP BY video_id ORDER BY video_id"""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Values of videos, in the order of their ids: `values` are numbers or names of classes; `sides` are `train` or `test`, if a split is obeyed."""

    name: str
    task: str
    video_ids: tuple[str, ...]
    values: np.ndarray
    groups: np.ndarray
    sides: np.ndarray | None

    def only(self, video_ids: set[str]) -> "Truth":
        """The same for some of the videos."""
        kept = np.array([video_id in video_ids for video_id in self.video_ids], bool)
        return Truth(
            name=self.name,
            task=self.task,
            video_ids=tuple(video_id for video_id in self.video_ids if video_id in video_ids),
            values=self.values[kept],
            groups=self.groups[kept],
            sides=None if self.sides is None else self.sides[kept],
        )


def read_truth(store: Store, name: str, options: ProbeOptions) -> Truth:
    """The values of a label of whole videos. Raises ProbeError where there is nothing to learn from."""
    values = _whole_videos(store, name)
    groups, sides = read_units(store, values, options, name)
    ids = tuple(sorted(sides.keys() & values.keys() if sides else values))
    task = _task(options.task, [values[i] for i in ids], name)
    return Truth(
        name=name,
        task=task,
        video_ids=ids,
        values=np.array([float(values[i]) if task == NUMBERS else values[i] for i in ids]),
        groups=np.array([groups[i] for i in ids]),
        sides=np.array([sides[i] for i in ids]) if sides else None,
    )


def read_units(
    store: Store, video_ids: Iterable[str], options: ProbeOptions, name: str = ""
) -> tuple[dict[str, str], dict[str, str]]:
    """The group of each of these videos, its own where it has none, and the sides of those that a label `split` names; neither where it is itself what is learned."""
    ids = list(video_ids)
    known = _whole_videos(store, GROUP, required=False) if name != GROUP else {}
    sides = _sides(store, ids) if options.split and name != SPLIT else {}
    return {i: f"group {known[i]}" if i in known else i for i in ids}, sides


def _whole_videos(store: Store, name: str, required: bool = True) -> dict[str, str]:
    """The one value of each video that has the label."""
    rows = store.rows(VALUES, {"name": name})
    if not rows and required:
        raise ProbeError(_no_label(store, name))
    if any(row["stretches"] for row in rows):
        raise ProbeError(
            f"the label {name!r} names stretches of videos: a probe takes a label of whole videos, imported without start and stop"
        )
    several = [row["video_id"] for row in rows if row["distinct_values"] > 1]
    if several:
        raise ProbeError(
            f"{count(len(several), 'video has', 'videos have')} several values of the label {name!r}, such as {several[0]}: import one value per video"
        )
    return {row["video_id"]: row["value"] for row in rows}


def _no_label(store: Store, name: str) -> str:
    names = store.query("SELECT DISTINCT name FROM labels ORDER BY ALL")["name"].to_pylist()
    near = difflib.get_close_matches(name, names, 3) or names[:8]
    listed = (
        f"its labels are {', '.join(near)}" if near else "import some from a file (docs/labels.md)"
    )
    return f"{store.name} has no label {name!r}: {listed}"


def _sides(store: Store, values: Iterable[str]) -> dict[str, str]:
    """`train` or `test` of each labeled video that has one of them; nothing where none has."""
    known = _whole_videos(store, SPLIT, required=False)
    sides = {i: known[i] for i in values if known.get(i) in (TRAIN, TEST)}
    if sides and len(set(sides.values())) < 2:
        (side,) = set(sides.values())
        raise ProbeError(
            f"all labeled videos with a `split` are in {side!r}: give some to the other side, or pass --no-split for cross-validation"
        )
    return sides


def _task(asked: str, values: list[str], name: str) -> str:
    wrong = next((value for value in values if not _is_number(value)), None)
    if asked == NUMBERS and wrong is not None:
        repeated = min(Counter(values).values()) > 1  # else a class has one video
        raise ProbeError(
            f"--task numbers: the label {name!r} has the value {wrong[:80]!r}, which is not a number: correct it{', or pass --task classes' if repeated else ''}"
        )
    if asked == AUTO:
        return NUMBERS if wrong is None and len(set(values)) > FEW_VALUES else CLASSES
    return asked


def _is_number(value: str) -> bool:
    try:
        return bool(np.isfinite(float(value)))
    except ValueError:
        return False


def refuse_untrainable(truth: Truth, total: int, folds: int) -> None:
    """Raise ProbeError if the remaining videos are too few, or too similar, to give a number. `total`: videos of the encoders."""
    found = len(set(truth.groups))
    have = f"{count(len(truth.video_ids), 'video')} of {total:,} with stored states {'has' if len(truth.video_ids) == 1 else 'have'} the label {truth.name!r}"
    if found < folds:
        raise ProbeError(
            f"{have}, in {count(found, 'group')}, fewer than {name_parts(truth, folds)}: label more videos{advise_folds(truth, _count_rarest(truth))}"
        )
    if truth.task == NUMBERS:
        if np.ptp(truth.values) == 0:
            raise ProbeError(f"{have}, all with the same number: there is nothing to predict")
        return
    if len(set(truth.values)) < 2:
        raise ProbeError(
            f"{have}, all with the value {str(truth.values[0])!r}: a probe needs two classes or more"
        )
    _refuse_rare(truth, folds)


def name_parts(truth: Truth, folds: int) -> str:
    """What videos are divided into."""
    return f"the {folds} folds" if truth.sides is None else "the two sides of the label `split`"


def advise_folds(truth: Truth, most: int) -> str:
    """The end of an advice: how many folds there can be; nothing where none would do, or a split is obeyed."""
    return f", or pass --folds {most}" if truth.sides is None and most > 1 else ""


def _count_rarest(truth: Truth) -> int:
    """Groups of the rarest class, or all where there are no classes: no more folds can be made."""
    if truth.task != CLASSES:
        return len(set(truth.groups))
    pairs = set(zip(truth.values.tolist(), truth.groups.tolist()))
    return min(Counter(value for value, _ in pairs).values(), default=0)


def _refuse_rare(truth: Truth, folds: int) -> None:
    """A class needs a group for each fold, so that it is learned and predicted; under a split one on the side of training, and one to predict."""
    pairs = {
        (str(v), str(g), str(s)) for v, g, s in zip(truth.values, truth.groups, _sides_of(truth))
    }
    counts = Counter(value for value, _, _ in pairs)
    rare = sorted(
        (value for value in counts if counts[value] < folds),
        key=lambda value: (counts[value], value),
    )
    if truth.sides is None and rare:
        number = counts[rare[0]]
        raise ProbeError(
            f"the class {rare[0]!r} has {count(number, 'video or group', 'videos or groups')}, fewer than the {folds} folds: label more of it or remove it{advise_folds(truth, number)}"
        )
    if truth.sides is None:
        return
    learned = {value for value, _, side in pairs if side == TRAIN}
    unseen = sorted({value for value, _, _ in pairs} - learned)
    if unseen:
        raise ProbeError(
            f"the class {unseen[0]!r} has no video in the `split` value 'train', so it cannot be learned"
        )
    if len(learned) < 2:
        raise ProbeError("the `split` value 'train' has only one class: a probe needs two or more")
    few = [v for v in learned if sum(value == v and side == TRAIN for value, _, side in pairs) < 2]
    if few:
        raise ProbeError(
            f"the class {few[0]!r} has one video or group in the `split` value 'train': it needs two, to choose the strength on one of them"
        )


def _sides_of(truth: Truth) -> np.ndarray:
    return truth.sides if truth.sides is not None else np.array([""] * len(truth.video_ids))
