"""Rows of `maskings` and `masked_tokens`."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tubelet.ingest.prediction.rows import Provenance, Rows
from tubelet.store.disk.derived import rows_of
from tubelet.store.disk.masked import MaskedTokens
from tubelet.store.ids import hash_parts
from tubelet.store.schema import MASKED_TOKENS, MASKING_PROJECTIONS, MASKINGS
from tubelet.training.masking.basis import ColorBasis
from tubelet.training.masking.measuring import MaskedWindow


@dataclass(frozen=True, kw_only=True)
class Masking:
    """One mask of one clip, by everything that determines what is predicted."""

    clip_id: str
    mask_kind: str
    mask_ratio: float | None
    seed: int
    predictor_sha256: str
    painted: str | None = None

    @property
    def masking_id(self) -> str:
        parts = self.clip_id, self.mask_kind, self.mask_ratio, self.seed, self.predictor_sha256
        return hash_parts(*parts, *([self.painted] if self.painted else []))


def hold_tokens(found: MaskedWindow) -> MaskedTokens:
    """What is kept of a window's tokens."""
    shown, target = (
        tokens.numpy().astype(np.float16).reshape(*found.hidden.shape, -1)
        for tokens in (found.filled, found.truth)
    )
    return MaskedTokens(found.hidden, shown, target)


def masking_rows(
    masking: Masking, found: MaskedWindow, made: Provenance, file: Mapping[str, str | int]
) -> Rows:
    """The rows of one masking, in all tables; `file` are the columns that name its tokens."""
    hidden = int(found.hidden.sum())
    row = {
        **vars(masking),
        **vars(made),
        **file,
        **{name: None if np.isnan(value) else value for name, value in found.means.items()},
        "masking_id": masking.masking_id,
        "seen_tokens": found.hidden.size - hidden,
        "hidden_tokens": hidden,
    }
    places = dict(zip(("slice", "y", "x"), np.nonzero(found.hidden), strict=True))
    repeated = pa.array([masking.masking_id] * hidden)
    columns = {**places, **found.errors, "masking_id": repeated}
    return {
        MASKINGS.name: pa.Table.from_pylist([row], MASKINGS.arrow),
        MASKED_TOKENS.name: rows_of(MASKED_TOKENS, masking.clip_id, columns),
        MASKING_PROJECTIONS.name: _project(masking, found),
    }


def _project(masking: Masking, found: MaskedWindow) -> pa.Table:
    """All tokens of the window in the basis of the encoder's output for it: as seen or predicted, and its own."""
    basis, shape = ColorBasis(found.truth.numpy()), found.hidden.shape
    places = dict(zip(("slice", "y", "x"), map(np.ravel, np.indices(shape)), strict=True))
    shown, own = (basis.project(tokens.numpy()) for tokens in (found.filled, found.truth))
    components = {
        f"{name}{number + 1}": values[:, number].astype(np.float32)
        for name, values in (("c", shown), ("own_c", own))
        for number in range(3)
    }
    repeated = pa.array([masking.masking_id] * found.hidden.size)
    columns = {**places, "hidden": found.hidden.ravel(), **components, "masking_id": repeated}
    return rows_of(MASKING_PROJECTIONS, masking.clip_id, columns)
