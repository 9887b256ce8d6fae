"""What masks show: the classes, and the class of every pixel and patch of a clip, in the encoder's picture."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Int
from tubelet.latent.dense.truth import Frames, measure_cover, read_objects
from tubelet.latent.probes.options import FOREGROUND, MASKS, ProbeError, ProbeOptions
from tubelet.latent.probes.truth import Truth, advise_folds, name_parts, read_units
from tubelet.store import Store
from tubelet.store.wording import count

BACKGROUND = "background"
OBJECT = "object"  # every one, where classes are foreground
UNKNOWN = -1  # class of patches that no mask says anything of
CLASSES_MOST = 256
HELD = "SELECT DISTINCT object, video_id FROM masks ORDER BY ALL"
ANNOTATED = "SELECT video_id, list(DISTINCT frame) AS frames FROM masks GROUP BY video_id"


@dataclass(frozen=True)
class MaskTruth:
    """The class of each object number, by its place in `classes`, whose first is the background; and the videos, with their groups and sides."""

    classes: tuple[str, ...]
    numbers: Mapping[int, int]
    units: Truth

    def draw(self, store: Store, frames: Frames) -> dict[int, Int[np.ndarray, "h w"]]:
        """The class of each pixel, by annotated frame; where objects overlap, that of the highest number."""
        pixels: dict[int, np.ndarray] = {}
        for one in sorted(
            read_objects(store, frames, len(self.numbers)), key=lambda found: found.number
        ):
            for frame, mask in one.masks.items():
                drawn = pixels.setdefault(frame, np.zeros(frames.size, np.int16))
                drawn[mask] = self.numbers.get(one.number, 0)
        return pixels


def list_annotated(store: Store) -> dict[str, set[int]]:
    """The annotated frames of each video with masks. Raises ProbeError where there is none."""
    rows = store.rows(ANNOTATED)
    if not rows:
        raise ProbeError(
            f"{store.name} has no masks: import some with `tubelet annotate` (docs/labels.md)"
        )
    return {row["video_id"]: set(row["frames"]) for row in rows}


def read_mask_truth(store: Store, video_ids: Sequence[str], options: ProbeOptions) -> MaskTruth:
    """The truth of these videos. Raises ProbeError where videos are too few, or a class is in one of them alone."""
    ids = sorted(video_ids)
    groups, sides = read_units(store, ids, options)
    ids = [video_id for video_id in ids if not sides or video_id in sides]
    units = Truth(
        name=MASKS,
        task=MASKS,
        video_ids=tuple(ids),
        values=np.zeros(len(ids)),
        groups=np.array([groups[video_id] for video_id in ids]),
        sides=np.array([sides[video_id] for video_id in ids]) if sides else None,
    )
    _refuse_few(units, options)
    held = _hold_objects(store, units)
    if options.classes == FOREGROUND:
        return MaskTruth((BACKGROUND, OBJECT), dict.fromkeys(held, 1), units)
    _refuse_classes(held)
    names = (BACKGROUND, *(str(number) for number in held))
    return MaskTruth(names, {number: at for at, number in enumerate(held, 1)}, units)


def _hold_objects(store: Store, units: Truth) -> dict[int, set[str]]:
    """The groups whose masks have each object, in the order of their numbers."""
    group = dict(zip(units.video_ids, units.groups.tolist()))
    held: dict[int, set[str]] = {}
    for row in store.rows(HELD):
        if row["video_id"] in group:
            held.setdefault(row["object"], set()).add(group[row["video_id"]])
    return held


def _refuse_few(units: Truth, options: ProbeOptions) -> None:
    least = options.folds if units.sides is None else 2
    found = len(set(units.groups.tolist()))
    if found < least:
        raise ProbeError(
            f"{count(len(units.video_ids), 'video')} with masks and stored tokens, in {count(found, 'group')}, fewer than {name_parts(units, least)}: import masks of more videos{advise_folds(units, found)}"
        )


def _refuse_classes(held: Mapping[int, set[str]]) -> None:
    advice = "give the same number to the same kind of object in every video, or pass --classes foreground"
    if len(held) >= CLASSES_MOST:
        raise ProbeError(
            f"the masks have {len(held):,} object numbers, more than {CLASSES_MOST - 1} classes: {advice}"
        )
    alone = next((number for number, groups in held.items() if len(groups) < 2), None)
    if alone is not None:
        raise ProbeError(
            f"object {alone} is in the masks of a single video or group, so it cannot be predicted from others: {advice}"
        )


def map_patches(
    pixels: Mapping[int, np.ndarray], frames: Frames, classes: int
) -> Int[np.ndarray, "S H W"]:
    """The class that covers most of each patch, over the annotated frames of its slice; -1 in slices without any."""
    clip = frames.clip
    grid = clip.grid_height, clip.grid_width
    covers = np.zeros((clip.slices, classes, *grid))
    for frame, drawn in pixels.items():
        for number in np.unique(drawn):
            covers[frames.slices[frame], number] += measure_cover(drawn == number, grid)
    found = covers.argmax(axis=1).astype(np.int16)
    found[covers.sum(axis=(1, 2, 3)) == 0] = UNKNOWN
    return found


def split_slices(pixels: Mapping[int, np.ndarray], frames: Frames) -> Iterator[tuple[int, list]]:
    """Slices with annotated frames, and the pixels of these."""
    by_slice: dict[int, list[np.ndarray]] = {}
    for frame, drawn in pixels.items():
        by_slice.setdefault(frames.slices[frame], []).append(drawn)
    yield from by_slice.items()
