"""Keeping what was measured: the tokens of each masking as a file, then its rows, so that whoever else measures the same mask adds nothing twice."""

from collections.abc import Mapping

import pyarrow as pa

from tubelet.ingest.prediction.rows import Provenance
from tubelet.store import Store
from tubelet.store.disk.masked import name_rows, write_masked
from tubelet.store.errors import Overtaken
from tubelet.store.rows import ClipRow
from tubelet.store.schema import MASKING_TABLES
from tubelet.training.masking.measuring import MaskedWindow
from tubelet.training.masking.rows import Masking, hold_tokens, masking_rows

KNOWN = "SELECT masking_id FROM maskings WHERE clip_id = ? AND tokens_path IS NOT NULL"


def find_known(store: Store, clip: ClipRow) -> set[str]:
    """The maskings of a window that the store holds with all of their tokens; those of an earlier version lack them."""
    return {row["masking_id"] for row in store.rows(KNOWN, [clip.clip_id])}


def keep_maskings(
    store: Store, clip: ClipRow, found: Mapping[Masking, MaskedWindow], made: Provenance
) -> None:
    """Commit all of them or none, in the place of what an earlier version kept of the same masks. Files come first: they are seen once the rows are."""
    while True:
        made_from = store.fingerprint
        known = find_known(store, clip)
        missing = {one: window for one, window in found.items() if one.masking_id not in known}
        if not missing:
            return
        rows = [
            masking_rows(one, window, made, write_masked(store, clip.clip_id, one.masking_id, hold_tokens(window)))
            for one, window in missing.items()
        ]  # fmt: skip
        added = {t.name: pa.concat_tables([one[t.name] for one in rows]) for t in MASKING_TABLES}
        try:
            store.commit(added, name_rows([one.masking_id for one in missing]), made_from)
        except Overtaken:
            continue
        return
