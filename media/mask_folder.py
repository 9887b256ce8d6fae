"""A folder of masks as DAVIS has them: a PNG per frame whose pixels are numbers of objects, in a folder per video, or in one for a single video."""

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
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
                    objects = _read_objects(file, data)
                    if fault := fault_of_mask(videos.facts[video_id], frame, objects.shape):
                        raise AnnotationError(f"{file}: {fault}; nothing was imported")
                    rows += mask_rows(video_id, frame, objects)
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


def _read_objects(file: Path, data: bytes) -> np.ndarray:
    """Numbers of objects ``(h, w)``."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
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
    return objects.astype(np.int64)
