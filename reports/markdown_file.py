"""A report as Markdown: its sentences, its tables, and the numbers of its pictures."""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from tubelet.reports.blocks import Block, Code, Column, Heading, Picture, Questions, Table, Text
from tubelet.reports.formatting import cell
from tubelet.reports.literal import literal, literal_block, literal_cell

NUMBERS = 60  # rows of a picture's numbers; more are in the Parquet export


def render_markdown(title: str, blocks: Iterable[Block]) -> bytes:
    return (
        "\n\n".join([f"# {title}", *(part for block in blocks for part in _parts(block))]).encode()
        + b"\n"
    )


def _parts(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * block.level} {block.text}"
        case Text():
            yield block.markdown
        case Code():
            yield f"**{block.label}**"
            yield literal_block(block.text, block.language)
        case Picture():
            numbers = block.numbers()
            columns = tuple(
                Column(name, name, _form(numbers.schema.field(name).type))
                for name in numbers.column_names
            )
            yield f"### {block.title}"
            yield block.caption or literal(block.alt)
            yield from _table(numbers, columns, NUMBERS if len(numbers) <= NUMBERS else 0)
            yield from _sql(block.questions)
        case Table():
            yield f"### {block.title}"
            yield from _table(block.spelled, block.columns, block.shown)
            yield from _sql(block.questions)


def _table(rows: pa.Table, columns: tuple[Column, ...], shown: int) -> Iterator[str]:
    if shown and len(rows):
        lines = [
            f"| {' | '.join(literal_cell(c.title) or ' ' for c in columns)} |",
            f"|{'|'.join('---:' if c.format else '---' for c in columns)}|",
        ]
        lines += [
            f"| {' | '.join(literal_cell(cell(row[c.name], c.format)) for c in columns)} |"
            for row in rows.slice(0, shown).to_pylist()
        ]
        yield "\n".join(lines)
    if len(rows) > shown:
        yield f"{len(rows) - shown:,} {'further ' if shown else ''}rows are in the Parquet export."


def _form(type_: pa.DataType) -> str:
    return ".4g" if pa.types.is_floating(type_) else ",d" if pa.types.is_integer(type_) else ""


def _sql(questions: Questions) -> Iterator[str]:
    for name, question in questions.items():
        yield f"SQL behind this: {literal(name)}"
        yield literal_block(question.text, "sql")
