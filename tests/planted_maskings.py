"""Kept runs of `tubelet mask` whose figures are known, for the page that shows them."""

import numpy as np
import pyarrow as pa

from tubelet.store import Store
from tubelet.store.clock import now
from tubelet.store.mask_kinds import MASK_KINDS
from tubelet.store.rows import ClipRow
from tubelet.store.schema import MASKED_TOKENS, MASKING_PROJECTIONS, MASKINGS

L1, NEAR, MEAN = 0.5, {"tube": 0.4, "random": 0.25}, 1.0


def plant_masking(store: Store, clip: ClipRow, kind: str, painted: str | None = None) -> np.ndarray:
    """A run that hides every other patch, each token at one component per axis (slice, row, column); what it hides, (S, H, W)."""
    places = np.indices(clip.positions)
    hidden = (places[1] + places[2]) % 2 == 1
    address = dict(zip(("slice", "y", "x"), places.reshape(3, -1).tolist(), strict=True))
    masking_id = f"{kind}-{clip.clip_id}"
    near, ratio = NEAR.get(kind, 0.5), MASK_KINDS[kind].ratio
    errors = {"l1": L1, "near_l1": near, "mean_l1": MEAN}
    row = {
        "clip_id": clip.clip_id,
        "masking_id": masking_id,
        "mask_kind": kind,
        "mask_ratio": ratio,
        "seed": 0,
        "painted": painted,
        "seen_tokens": int((~hidden).sum()),
        "hidden_tokens": int(hidden.sum()),
        **errors,
        "l1_over_near": L1 / near,
        "l1_over_mean": L1 / MEAN,
        "target": "the last level, layer-normalized, of the whole window",
        "predictor_sha256": "5e" * 32,
        "precision": "fp32",
        "measured_at": now().replace(tzinfo=None),
    }
    flat = hidden.ravel().tolist()
    own = {f"own_c{n + 1}": values for n, values in enumerate(address.values())}
    shown = {f"c{n + 1}": values for n, values in enumerate(address.values())}
    tokens = _list_rows({**address, "hidden": flat, **shown, **own}, clip, masking_id)
    of_hidden = [{**token, **errors} for token in tokens if token["hidden"]]
    store.commit(
        {
            table.name: pa.Table.from_pylist(rows, table.arrow)
            for table, rows in (
                (MASKINGS, [row]),
                (MASKING_PROJECTIONS, tokens),
                (MASKED_TOKENS, of_hidden),
            )
        }
    )
    return hidden


def _list_rows(columns: dict[str, list], clip: ClipRow, masking_id: str) -> list[dict]:
    kept = {"clip_id": clip.clip_id, "masking_id": masking_id}
    return [{**kept, **dict(zip(columns, values))} for values in zip(*columns.values())]
