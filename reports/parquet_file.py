"""A report as Parquet: every number of it in one table, `part` names the table or picture.

SELECT dim, relative, low, high, q FROM 'report.parquet' WHERE part = 'dimensions'
"""

import io
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.parquet as pq

from tubelet.reports.blocks import Block, Picture, Table


def render_parquet(title: str, blocks: Iterable[Block]) -> bytes:
    parts = {
        block.name: block.rows if isinstance(block, Table) else block.numbers()
        for block in blocks
        if isinstance(block, Table | Picture)
    }
    tables = [_plain(name, table) for name, table in parts.items()]
    joined = pa.concat_tables(tables, promote_options="permissive").replace_schema_metadata(
        {"title": title}
    )
    sink = io.BytesIO()
    pq.write_table(joined, sink, compression="zstd")
    return sink.getvalue()


def _plain(name: str, table: pa.Table) -> pa.Table:
    """With `part` as first column; integers and floats of one width, so that columns of one name match."""
    part = pa.DictionaryArray.from_arrays(pa.array([0] * len(table), pa.int32()), [name]).cast(
        pa.string()
    )
    columns = [column.cast(_wide(column.type)) for column in table.columns]
    return pa.table([part, *columns], names=["part", *table.column_names])


def _wide(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_dictionary(type_):
        return pa.string()
    return (
        pa.int64()
        if pa.types.is_integer(type_)
        else pa.float64()
        if pa.types.is_floating(type_)
        else type_
    )
