"""Changed windows whose reactions are known: the rows that the report `changes` reads."""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from tests.measured import pair_row
from tubelet.store import Store
from tubelet.store.schema import PAIRS, SLICE_SENSITIVITY, Table

SPREAD = 0.1  # of a video's level around the planted one
Levels = Mapping[tuple[str, float | None], float]


def plant_changes(store: Store, levels: Levels, videos: int = 6) -> None:
    """Changed windows of the first videos by id: of each change and strength the mean reaction, which videos vary around evenly."""
    clips = store.rows(
        "SELECT clip_id, video_id, encoder_id, slices, precision FROM clips QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY first_frame) = 1 ORDER BY video_id LIMIT $1",
        [videos],
    )
    pairs, slices = [], []
    for (change, strength), level in levels.items():
        for clip, away in zip(clips, SPREAD * np.linspace(-1, 1, len(clips))):
            pair = pair_row(clip, clip, 0, "live", "changed")
            pair["pair_id"] = f"{pair['pair_id'][:8]}-{change}-{strength}"
            pairs.append(pair | {"change": change, "strength": strength, "pixel_change": level / 4})
            measured = {"relative": level * (1 + away), "token_cosine": 1 - level}
            slices += [
                {"pair_id": pair["pair_id"], "shared_slice": number, **measured}
                for number in range(clip["slices"])
            ]
    store.commit(
        {
            PAIRS.name: _table(PAIRS, pairs),
            SLICE_SENSITIVITY.name: _table(SLICE_SENSITIVITY, slices),
        }
    )


def _table(table: Table, rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=table.arrow)
