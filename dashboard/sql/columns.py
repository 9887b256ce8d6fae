"""What the columns of an answer are: numbers, words, moments, or places such as a slice or a dimension."""

from dataclasses import dataclass

import pyarrow as pa

from tubelet.store.sandbox.formats import distinct, narrow

ADDRESS = ("clip_id", "slice", "y", "x")  # of a token
INDICES = (
    "slice",
    "y",
    "x",
    "dim",
    "shared_slice",
    "slice_a",
    "slice_b",
    "first_frame",
    "number",
    "shift",
)
IDS = "_id"  # how the name of a column ends whose values only tell rows apart


@dataclass(frozen=True)
class Columns:
    """Names by kind, each in the order of the answer."""

    values: tuple[str, ...] = ()  # numbers that measure or count something
    indices: tuple[str, ...] = ()  # numbers that say where
    words: tuple[str, ...] = ()
    moments: tuple[str, ...] = ()

    @property
    def plottable(self) -> tuple[str, ...]:
        return (*self.values, *self.indices, *self.words, *self.moments)


def list_columns(table: pa.Table) -> Columns:
    """The columns by kind; lists, structs and bytes are of none."""
    kinds: dict[str, list[str]] = {"values": [], "indices": [], "words": [], "moments": []}
    for name, column in zip(distinct(table.column_names), table.columns):
        if kind := _kind(name, narrow(column).type):
            kinds[kind].append(name)
    return Columns(**{kind: tuple(names) for kind, names in kinds.items()})


def _kind(name: str, type_: pa.DataType) -> str | None:
    if pa.types.is_integer(type_):
        return "indices" if name in INDICES else "values"
    if pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "values"
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return "moments"
    text = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_boolean,
        pa.types.is_dictionary,
    )
    return "words" if any(test(type_) for test in text) else None
