"""Values of a table, and names in a picture, formatted for people."""

from collections import Counter
from collections.abc import Iterable, Mapping

import pyarrow as pa

Words = Mapping[str, Mapping[str, str]]  # by column, values as readers know them


def cell(value: object, form: str = "") -> str:
    """A number in the column's format, text as it is, nothing for NULL."""
    if value is None:
        return ""
    return f"{value:{form}}" if form else str(value)


def spell_rows(rows: pa.Table, words: Words) -> pa.Table:
    """The rows in the words of readers; values without any stay as they are."""
    for name, of in words.items():
        spelled = [of.get(value, value) for value in rows[name].to_pylist()]
        rows = rows.set_column(rows.column_names.index(name), name, pa.array(spelled, pa.string()))
    return rows


def shorten_encoders(encoder_ids: Iterable[str]) -> dict[str, str]:
    """What a picture calls encoders, by id: the name alone where that tells them apart."""
    known = dict.fromkeys(encoder_ids)
    names = {encoder_id: encoder_id.rpartition("-")[0] or encoder_id for encoder_id in known}
    often = Counter(names.values())
    return {
        encoder_id: encoder_id if often[name] > 1 else name for encoder_id, name in names.items()
    }
