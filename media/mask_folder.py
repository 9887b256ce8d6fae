"""A folder of masks as DAVIS has them: a PNG per frame whose pixels are numbers of objects, in a folder per video, or in one for a single video."""

import hashlib
import io
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from tubelet.media.gray_numbers import read_numbers
from tubelet.store.annotations.importing import ImportOptions, SourceContent, refuse_unmatched
from tubelet.store.annotations.masks import fault_of_mask, mask_rows, mask_table
from tubelet.store.annotations.match import Videos
from tubelet.store.disk.files import read_regular
from tubelet.store.errors import AnnotationError

NUMBERED = re.compile(r"(\d+)$")
PIXELS = 1 << 26  # of one mask
OBJECTS = 4096  # of one mask: each is written by itself
MODES = ("P", "L", "1", "I;16")  # palette, gray and black-and-white: a number per pixel


@dataclass(frozen=True)
class MaskFolder:
    """An annotation source, like `tubelet.store.annotations.importing.TableFile`."""

    path: Path

    def read(self, videos: Videos, options: ImportOptions) -> SourceContent:
        """Rows of `masks`. Raises AnnotationError for the file at fault."""
        folders = self._folders()
        names = [folder.name for folder in folders]
        matches = videos.match(names, options.key)
        refuse_unmatched(self.path, matches, names)
        digest = hashlib.sha256()
        rows: list[dict] = []
        for folder in folders:
            video_id = matches.found.get(folder.name)
            for frame, file, data in _frames(folder, options.first_frame):
                digest.update(f"{file.relative_to(self.path)}\0".encode() + data)
                if video_id is not None:
                    check = partial(fault_of_mask, videos.facts[video_id], frame)
                    rows += mask_rows(video_id, frame, _read_objects(file, data, check))
        return SourceContent(
            kind="masks",
            sha256=digest.hexdigest(),
            matches=matches,
            rows=mask_table(rows),
            unmatched=len(matches.missing),
        )

    def _folders(self) -> list[Path]:
        """The folders that hold PNGs: this one, or those below it."""
        found = sorted({file.parent for file in self.path.rglob("*") if _is_mask(file)})
        if not found:
            raise AnnotationError(
                f"{self.path} holds no PNG: pass a folder with a folder of masks per video"
            )
        names = [folder.name for folder in found]
        if twice := [name for name in names if names.count(name) > 1]:
            raise AnnotationError(
                f"{self.path} has two folders {twice[0]!r}: pass the one that holds the masks you mean"
            )
        return found


def _is_mask(file: Path) -> bool:
    """Whether a file is a PNG by its name; hidden ones are not, such as those that macOS puts beside each file."""
    return file.suffix.lower() == ".png" and not file.name.startswith(".")


def _frames(folder: Path, first: int) -> Iterator[tuple[int, Path, bytes]]:
    """Number, file and bytes of every mask."""
    for file in sorted(filter(_is_mask, folder.iterdir())):
        number = NUMBERED.search(file.stem)
        if number is None:
            raise AnnotationError(
                f"{file}: its name does not end in the number of a frame; nothing was imported"
            )
        try:
            yield int(number[1]) - first, file, read_regular(file)
        except OSError as error:
            raise AnnotationError(
                f"{file} cannot be read ({(error.strerror or str(error)).lower()}); nothing was imported"
            ) from error


def _read_objects(
    file: Path, data: bytes, find_fault: Callable[[tuple[int, int]], str | None]
) -> np.ndarray:
    """Numbers of objects ``(h, w)``. The size is checked before it is unpacked: a few bytes can stand for any picture."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data)) as picture:
            if fault := find_fault((picture.height, picture.width)):
                raise AnnotationError(f"{file}: {fault}; nothing was imported")
            if (pixels := picture.height * picture.width) > PIXELS:
                raise AnnotationError(
                    f"{file} has {pixels:,} pixels, more than the {PIXELS:,} that are read: save the masks smaller, in the shape of the video; nothing was imported"
                )
            mode, objects = picture.mode, read_numbers(picture)
    except (
        OSError,
        ValueError,
        SyntaxError,
        UnidentifiedImageError,
        Image.DecompressionBombError,
    ) as error:
        raise AnnotationError(
            f"{file} cannot be read as a PNG ({error}); nothing was imported"
        ) from error
    if mode not in MODES:
        raise AnnotationError(
            f"{file} is a picture of mode {mode}, not of object numbers: save masks with a palette, or in gray; nothing was imported"
        )
    if (found := np.count_nonzero(np.bincount(objects.reshape(-1)))) > OBJECTS:
        raise AnnotationError(
            f"{file} has {found:,} numbers, more than the {OBJECTS:,} objects that a mask may have: is it a picture, or a depth map? Nothing was imported"
        )
    return objects.astype(np.int64)
