"""Tokens as Zarr, as xarray reads it: `tokens` (clip, slice, y, x, dim) in half precision, a chunk per clip, with its coordinates.

xarray.open_zarr("train.zarr").tokens
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from tubelet.latent.errors import LatentError
from tubelet.latent.exports.item_columns import list_columns, list_labels, take_shape
from tubelet.store import Store
from tubelet.store.token_dataset import TokenDataset

DIMENSIONS, POOLED = ("clip", "slice", "y", "x", "dim"), ("clip", "slice", "dim")
NAMES = "_ARRAY_DIMENSIONS"  # the attribute in which xarray looks for them
FORMAT: Final = 2  # of Zarr: texts of fixed length have no place in the specification of 3 yet


class Arrays:
    """One group; its arrays exist from the start, and each part fills the chunk of a clip."""

    def __init__(self, dataset: TokenDataset, folder: Path, _store: Store) -> None:
        """Raises LatentError without the package zarr, and where windows have more than one shape."""
        try:
            import zarr
        except ModuleNotFoundError as error:
            raise LatentError(
                "a Zarr folder needs the package zarr: run `pip install 'tubelet[zarr]'`"
            ) from error
        self._dataset, self._shape = dataset, take_shape(dataset)
        self._open: Callable[[], Any] = partial(
            zarr.open_group, folder, mode="a", zarr_format=FORMAT
        )
        self._group: Any = None

    def begin(self) -> int:
        self._group = self._open()
        items, shape = self._dataset.items, self._shape
        if "tokens" not in self._group:
            self._group.create_array(
                "tokens",
                shape=(len(items), *shape),
                chunks=(1, *shape),
                dtype="<f4" if self._dataset.pooled else "<f2",
                compressors=None,
                fill_value=None,  # xarray takes what equals it for missing, and zeros are not
                attributes={NAMES: list(self._dimensions), "encoder_id": self._dataset.encoder_id},
            )
        coordinates = self._coordinates()
        self._group.attrs["coordinates"] = " ".join(coordinates)
        for name, (dimensions, values) in coordinates.items():
            told = self._group.create_array(
                name, data=values, overwrite=True, fill_value=None, attributes={NAMES: dimensions}
            )
            told.attrs.update({"units": "s"} if name == "seconds" else {})
        return len(items)

    def write(self, part: int) -> None:
        self._group["tokens"][part] = self._dataset[part]["tokens"]

    @property
    def _dimensions(self) -> tuple[str, ...]:
        return POOLED if self._dataset.pooled else DIMENSIONS

    def _coordinates(self) -> dict[str, tuple[list[str], np.ndarray]]:
        """Of every item its ids, its video's name, its first slice and labels, and the second at which each slice begins."""
        items = self._dataset.items
        told = list_columns(items)
        texts = {
            name: ["" if value is None else value for value in values]
            for name, values in list_labels(self._dataset, items).items()
        }
        texts |= {name: told[name] for name in ("clip_id", "video_id", "video_name")}
        seconds = np.stack([item.seconds for item in items])
        return {
            **{name: (["clip"], np.array(values, np.str_)) for name, values in texts.items()},
            "first_slice": (["clip"], np.array(told["first_slice"], np.int32)),
            "seconds": (["clip", "slice"], seconds),
        }
