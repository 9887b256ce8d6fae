"""Values of a table, and names in a picture, formatted for people."""

from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Words = Mapping[str, Mapping[str, str]]  # by column, values as readers know them


def cell(value: object, form: str = "") -> str:
    """A number in the column's format, without a sign where it is shown as zero; text as it is, nothing for NULL."""
    if value is None:
        return ""
    if not form:
        return str(value)
    text = f"{value:{form}}"
    return text.removeprefix("-") if _shows_zero(text) else text


def _shows_zero(text: str) -> bool:
    return not text.strip("+-0.,%")


def round_to_zero(rows: pa.Table, forms: Mapping[str, str]) -> pa.Table:
    """The rows for a table that formats numbers itself: those below zero that their column's form shows as zero are 0, or it says -0%."""
    for name, form in forms.items():
        column = rows[name]
        if not form or not pa.types.is_floating(column.type):
            continue
        numbers = column.to_numpy()
        small = np.flatnonzero((numbers <= 0) & (numbers > -1))
        zero = np.zeros(len(numbers), bool)
        zero[small] = [_shows_zero(f"{numbers[n]:{form}}") for n in small]
        rounded = pc.if_else(pa.array(zero), pa.scalar(0.0, column.type), column)
        rows = rows.set_column(rows.column_names.index(name), name, rounded)
    return rows


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
