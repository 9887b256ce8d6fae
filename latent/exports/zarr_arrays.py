"""Tokens as Zarr, as xarray reads it: `tokens` (clip, slice, y, x, dim) in half precision, a chunk per clip, with its coordinates.

xarray.open_zarr("train.zarr").tokens
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from tubelet.latent.errors import LatentError
from tubelet.store.token_dataset import TokenDataset

DIMENSIONS = ("clip", "slice", "y", "x", "dim")
NAMES = "_ARRAY_DIMENSIONS"  # the attribute in which xarray looks for them
NOT_IN_NAMES = re.compile(r"\W")  # of arrays: they are folders
FORMAT: Final = 2  # of Zarr: texts of fixed length have no place in the specification of 3 yet


class Arrays:
    """One group; its arrays exist from the start, and each part fills the chunk of a clip."""

    def __init__(self, dataset: TokenDataset, folder: Path) -> None:
        """Raises LatentError without the package zarr, and where windows have more than one shape."""
        try:
            import zarr
        except ModuleNotFoundError as error:
            raise LatentError(
                "a Zarr folder needs the package zarr: run `pip install 'tubelet[zarr]'`"
            ) from error
        if len(dataset.shapes) > 1:
            listed = ", ".join("x".join(map(str, shape)) for shape in sorted(dataset.shapes))
            raise LatentError(
                f"the windows have {len(dataset.shapes)} shapes ({listed}), and an array has one: restrict them with --where, or pass `--to webdataset`"
            )
        self._dataset = dataset
        self._open: Callable[[], Any] = partial(
            zarr.open_group, folder, mode="a", zarr_format=FORMAT
        )
        self._group: Any = None

    def begin(self) -> int:
        self._group = self._open()
        items, (shape,) = self._dataset.items, self._dataset.shapes
        if "tokens" not in self._group:
            self._group.create_array(
                "tokens",
                shape=(len(items), *shape),
                chunks=(1, *shape),
                dtype="<f2",
                compressors=None,
                attributes={NAMES: list(DIMENSIONS), "encoder_id": self._dataset.encoder_id},
            )
        coordinates = self._coordinates()
        self._group.attrs["coordinates"] = " ".join(coordinates)
        for name, (dimensions, values) in coordinates.items():
            told = self._group.create_array(
                name, data=values, overwrite=True, attributes={NAMES: dimensions}
            )
            told.attrs.update({"units": "s"} if name == "seconds" else {})
        return len(items)

    def write(self, part: int) -> None:
        self._group["tokens"][part] = self._dataset[part]["tokens"]

    def _coordinates(self) -> dict[str, tuple[list[str], np.ndarray]]:
        """Of every clip its ids, its video's name and labels, and the second at which each slice begins."""
        items = self._dataset.items
        told = {
            name: (["clip"], np.array([getattr(item, name) for item in items], np.str_))
            for name in ("clip_id", "video_id", "video_name")
        }
        for at, (label, values) in enumerate(self._dataset.classes.items()):
            texts = ["" if item.labels[at] < 0 else values[item.labels[at]] for item in items]
            name = f"label_{NOT_IN_NAMES.sub('_', label)}"
            told[f"{name}_{at}" if name in told else name] = ["clip"], np.array(texts, np.str_)
        seconds = np.stack([item.seconds for item in items])
        return told | {"seconds": (["clip", "slice"], seconds)}
