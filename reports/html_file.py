"""A report as one self-contained HTML file: charts as SVG, matrices as PNG, SQL to unfold, in light and dark."""

import base64
import re
from collections.abc import Iterable, Iterator
from string import Template
from urllib.parse import quote

from markdown_it import MarkdownIt

from tubelet.reports.blocks import Block, Code, Heading, Picture, Questions, Table, Text
from tubelet.reports.drawing import DrawingProcess
from tubelet.reports.formatting import cell
from tubelet.reports.literal import html_text
from tubelet.reports.rasters import Raster

MARKDOWN = MarkdownIt("commonmark", {"html": False})
WIDTH = 780  # pixels of a chart
THEME = {
    "background": None,
    "font": "system-ui, sans-serif",
    "axis": {
        "labelColor": "var(--muted)",
        "titleColor": "var(--ink)",
        "gridColor": "var(--line)",
        "domainColor": "var(--line)",
        "tickColor": "var(--line)",
        "titleFontWeight": "normal",
    },
    "legend": {"labelColor": "var(--ink)", "titleColor": "var(--ink)"},
    "view": {"stroke": "transparent"},
    "header": {"labelColor": "var(--ink)", "titleColor": "var(--ink)"},
}
PAGE = Template("""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$title</title>
<style>
:root{--ink:#16242e;--muted:#5b6b76;--line:#d5dde3;--page:#fff;--soft:#f2f5f7;--link:#0b6a9c;color-scheme:light dark}
@media(prefers-color-scheme:dark){:root{--ink:#e3eaee;--muted:#94a5b0;--line:#2e3b44;--page:#10171c;--soft:#1a242b;--link:#6cbce8}}
body{margin:0 auto;padding:1.5rem 1rem 4rem;max-width:60rem;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,sans-serif}
h1{font-size:1.7rem;line-height:1.25;margin:.2em 0}
h2{font-size:1.3rem;margin:2.2em 0 .4em;border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:1.6em 0 .3em}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}h2 a{color:inherit}
nav a{margin-right:1.1em;white-space:nowrap}figure{margin:1.2em 0}figcaption,.note{color:var(--muted);font-size:.9em}
svg{max-width:100%;height:auto}.scroll{overflow:auto;max-height:32rem;border:1px solid var(--line);border-radius:6px}
table{border-collapse:collapse;width:100%;font-size:.87em}
th,td{padding:.28em .7em;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
th{position:sticky;top:0;background:var(--soft);font-weight:600;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td{overflow-wrap:anywhere}tr:target{background:var(--soft)}
pre{background:var(--soft);padding:.7em .9em;border-radius:6px;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;
font-size:.85em;max-height:24rem}
details{margin:.3em 0}summary{color:var(--muted);cursor:pointer;font-size:.9em}
</style></head><body>
<h1>$title</h1>
<nav>$links</nav>
$body
</body></html>
""")


def render_html(title: str, blocks: Iterable[Block]) -> bytes:
    blocks = list(blocks)
    headings = [block for block in blocks if isinstance(block, Heading)]
    links = " ".join(
        f'<a href="#{h.anchor}">{_inline(h.text)}</a>' for h in headings if h.level == 2
    )
    with DrawingProcess() as drawing:
        body = "\n".join(part for block in blocks for part in _parts(block, drawing))
    return PAGE.substitute(title=html_text(title), links=links, body=body).encode()


def _parts(block: Block, drawing: DrawingProcess) -> Iterator[str]:
    match block:
        case Heading():
            yield f'<h{block.level} id="{block.anchor}"><a href="#{block.anchor}">{_inline(block.text)}</a></h{block.level}>'
        case Text():
            yield MARKDOWN.render(block.markdown)
        case Code():
            yield f"<h3>{_inline(block.label)}</h3><pre>{html_text(block.text)}</pre>"
        case Picture():
            yield f'<figure id="{block.name}"><h3>{_inline(block.title)}</h3>{_draw(block, drawing)}'
            yield f"<figcaption>{_inline(block.caption)}</figcaption>{_sql(block.questions)}</figure>"
        case Table():
            yield f'<h3 id="{block.name}-table">{_inline(block.title)}</h3>{_table(block)}{_sql(block.questions)}'


def _inline(text: str) -> str:
    return MARKDOWN.renderInline(text)


def _draw(picture: Picture, drawing: DrawingProcess) -> str:
    if isinstance(picture.drawing, Raster):
        return f'<div role="img" aria-label="{html_text(picture.alt)}">{picture.drawing.html}</div>'
    return f'<div role="img" aria-label="{html_text(picture.alt)}">{svg(picture.drawing.to_dict(), drawing)}</div>'


def svg(spec: dict, drawing: DrawingProcess) -> str:
    """A chart as SVG whose colors of text and lines are the page's variables."""
    for part in (spec, *spec.get("hconcat", ())):
        if part.get("width") == "container":
            part["width"] = WIDTH
    drawn = drawing.svg({**spec, "config": THEME})
    return re.sub(r' aria-[a-z]+="[^"]*"', "", re.sub(r"(\d+\.\d{2})\d+", r"\1", drawn))


def _table(table: Table) -> str:
    numeric = {column.name: bool(column.format) for column in table.columns}
    heads = "" if table.pictures is None else "<th>picture</th>"
    heads += "".join(
        f'<th{_class(numeric[c.name])} title="{html_text(c.help)}">{html_text(c.title)}</th>'
        for c in table.columns
    )
    anchored = "dim" in table.rows.column_names
    lines = []
    for number, row in enumerate(table.spelled.slice(0, table.shown).to_pylist()):
        cells = "" if table.pictures is None else f"<td>{_picture(table.pictures.get(number))}</td>"
        cells += "".join(
            f"<td{_class(numeric[c.name])}>{html_text(cell(row[c.name], c.format))}</td>"
            for c in table.columns
        )
        anchor = f' id="{quote(table.name)}-{row["dim"]}"' if anchored else ""
        lines.append(f"<tr{anchor}>{cells}</tr>")
    more = len(table.rows) - table.shown
    note = (
        f'<p class="note">{more:,} further rows are in the Parquet export.</p>' if more > 0 else ""
    )
    return f'<div class="scroll"><table><thead><tr>{heads}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>{note}'


def _picture(jpeg: bytes | None) -> str:
    if jpeg is None:
        return ""
    return (
        f'<img alt="" width="112" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">'
    )


def _class(numeric: bool) -> str:
    return ' class="n"' if numeric else ""


def _sql(questions: Questions) -> str:
    listed = "".join(
        f"<h3>{html_text(name)}</h3><pre>{html_text(question.text)}</pre>"
        for name, question in questions.items()
    )
    return f"<details><summary>SQL behind this</summary>{listed}</details>" if listed else ""
