"""Arrays that belong to no network: rotary positions, and the pictures that preprocessing makes of frames."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from tests.golden.cards import Unchecked
from tubelet.ingest.geometry import picture
from tubelet.ingest.networks.vjepa import V2, V21, PredictorConfig
from tubelet.ingest.networks.vjepa.positions import Grid, Rotary, rotate
from tubelet.store.placement import META, place_picture

ROTATIONS: Mapping[str, Rotary] = {
    "v21_interpolated": V21.rotary,
    "v21_not_interpolated": PredictorConfig(
        inputs=1, outputs=1, depth=1, heads=1, mask_tokens=1, interpolated=False
    ).rotary,
    "v20": V2.rotary,
}


def is_rotations(arrays: Mapping[str, np.ndarray]) -> bool:
    return (
        "token_ids" in arrays and "pos_thw" in arrays and any(key.endswith("/q") for key in arrays)
    )


def rotation_outputs(
    arrays: Mapping[str, np.ndarray],
) -> Iterator[tuple[str, np.ndarray | Unchecked]]:
    """Each expected array of a file of rotations, and ours."""
    ids = torch.from_numpy(arrays["token_ids"]).long()
    grid = grid_of(arrays["token_ids"], arrays["pos_thw"])
    for key in arrays:
        head, _, name = key.rpartition("/")
        if head and name != "q":
            queries = torch.from_numpy(arrays[f"{head}/q"])
            known = ROTATIONS.get(name)
            yield (
                key,
                rotate(queries, known.turns(ids, grid, queries.shape[-1])).numpy()
                if known
                else Unchecked("is an unknown rotation"),
            )


def grid_of(ids: np.ndarray, places: np.ndarray) -> Grid:
    """The grid on which token ids (n) stand at slices, rows and columns (n, 3)."""
    (area, columns), *_ = np.linalg.lstsq(
        places[:, :2].astype(float), (ids - places[:, 2]).astype(float)
    )
    area, columns = round(area), round(columns)
    if (places @ (area, columns, 1) != ids).any() or columns < 2:
        raise Unchecked("its token_ids and pos_thw fit no grid")
    return int(places[:, 0].max()) + 1, area // columns, columns


def picture_differences(path: Path) -> Iterator[tuple[str, float]]:
    """Each case of a file of pictures made by Meta's tensor path, and how many gray levels ours are away."""
    facts = json.loads(path.with_suffix(".json").read_text())["cases"]
    with np.load(path) as arrays:
        for case in (key.rpartition("/")[0] for key in arrays if key.endswith("/in_uint8_THWC")):
            frames, crop = arrays[f"{case}/in_uint8_THWC"], facts[case]["crop"]
            place = place_picture(frames.shape[1:3], (crop, crop), META)
            made = np.stack([picture(frame, place).numpy() for frame in frames], axis=1)
            yield (
                f"{case}/out_tensor_uint8_CTHW",
                float(np.abs(made - arrays[f"{case}/out_tensor_uint8_CTHW"].astype(float)).max()),
            )
