"""Rows of `maskings` and `masked_tokens`."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tubelet.ingest.prediction.rows import Provenance, Rows
from tubelet.store.disk.derived import rows_of
from tubelet.store.ids import hash_parts
from tubelet.store.schema import MASKED_TOKENS, MASKINGS
from tubelet.training.masking.measuring import MaskedWindow


@dataclass(frozen=True, kw_only=True)
class Masking:
    """One mask of one clip, by everything that determines what is predicted."""

    clip_id: str
    mask_kind: str
    mask_ratio: float | None
    seed: int
    predictor_sha256: str

    @property
    def masking_id(self) -> str:
        return hash_parts(
            self.clip_id, self.mask_kind, self.mask_ratio, self.seed, self.predictor_sha256
        )


def masking_rows(masking: Masking, found: MaskedWindow, made: Provenance) -> Rows:
    """The rows of one masking, in both tables."""
    hidden = int(found.hidden.sum())
    row = {
        **vars(masking),
        **vars(made),
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
    }
