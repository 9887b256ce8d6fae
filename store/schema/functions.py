"""Functions of the field that every query can call: each with its meaning, and as a macro of SQL where that suffices.

A macro's own columns begin with ``~`` and its arguments with ``$``, names that no query writes: what a caller passes is then never taken for
a column inside it.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function's name, arguments and result, what it means, and its SQL; "" where Python answers it. `others`: the same with other arguments.

    `with_tokens` takes the place of {tokens} in the SQL where a connection has the function `token`; without it an error does.
    """

    name: str
    arguments: str
    returns: str
    meaning: str
    macro: str = ""
    others: tuple["Function", ...] = ()
    with_tokens: str = ""

    @property
    def signature(self) -> str:
        return f"{self.name}({self.arguments})"


def _of_clip(value: str) -> str:
    """A value of the row of `clips` whose id is `clip_id`, over its columns as ``~name``."""
    names = ("clip_id", "first_frame", "frame_count", "step", "slices", "grid_height", "grid_width", "start_s", "stop_s")  # fmt: skip
    renamed = ", ".join(f'{name} AS "~{name}"' for name in names)
    return f'(SELECT {value} FROM (SELECT {renamed} FROM clips) WHERE "~clip_id" = $clip_id)'


def _of_basis(value: str, name: str, number: str) -> str:
    """A value of a row of numbers of a linear basis: its vector is ``~vector``, its settings ``~settings``."""
    rows = """SELECT v.basis_id AS "~basis_id", v.name AS "~name", v.number AS "~number", v.vector AS "~vector", b.settings AS "~settings"
    FROM basis_vectors v JOIN bases b USING (basis_id) WHERE b.kind IN ('pca', 'dimensions')"""
    return f"""(SELECT {value} FROM ({rows}) WHERE "~basis_id" = $basis AND "~name" = '{name}' AND "~number" = {number})"""


_INSIDE = " AND ".join(
    f'${name} BETWEEN 0 AND "~{size}" - 1'
    for name, size in {"slice": "slices", "y": "grid_height", "x": "grid_width"}.items()
)
_PICTURE = f"""CASE WHEN {_INSIDE}
    THEN 'patch/' || "~clip_id" || '/' || concat_ws('.', $slice::INTEGER, $y::INTEGER, $x::INTEGER) END"""
_SETTING = "coalesce((\"~settings\"::JSON ->> '{}') NOT IN ('false', '0'), false)"
_AXIS = f"""CASE WHEN {_SETTING.format("positions")}
    THEN error('component() does not know the patch, whose position mean this basis subtracts: use the SQL behind the map of the Video page')
    ELSE "~vector" END"""
_LENGTH = f"CASE WHEN {_SETTING.format('unit')} THEN 1 ELSE 0 END"
_VECTOR = "$embedding::DOUBLE[]"

_NUMBER = "regexp_full_match($direction, '[0-9]{1,9}')"


def _of_direction(value: str) -> str:
    """A value of the row of `directions` that a text names, over its columns as ``~name``."""
    names = ("source", "direction", "named", "vector", "origin", "bias", "unit", "positions")
    renamed = ", ".join(f'{name} AS "~{name}"' for name in names)
    several = "error('several encoders have a direction ' || $direction || ': write the id of its basis in place of its name')"
    return f"""(SELECT CASE WHEN count(*) > 1 THEN {several} ELSE any_value({value}) END FROM (SELECT {renamed} FROM directions)
    WHERE "~source" = split_part($direction, ':', 1) AND ("~direction" = $direction OR "~named" = $direction))"""


_ALONG = _of_direction(
    """CASE WHEN "~positions"
    THEN error('component() does not know the patch, whose position mean this basis subtracts: use the SQL behind the page Dimension')
    ELSE "~vector" END"""
)
_CONSTANT = _of_direction('"~bias" - coalesce(list_dot_product("~origin", "~vector"), 0)')
_UNIT = _of_direction('"~unit"::INTEGER')
_DIVISOR = f"CASE {_UNIT} WHEN 1 THEN sqrt(list_dot_product({_VECTOR}, {_VECTOR})) ELSE 1 END"


def _patch(place: int) -> str:
    """The embedding of the first (0) or second (1) patch that ``patches:CLIP-slice.y.x,slice.y.x`` names."""
    address = r"([0-9]+)\.([0-9]+)\.([0-9]+)"
    parts = [
        f"regexp_extract($direction, '^patches:([0-9a-f]+)-{address},{address}$', {number})"
        for number in (1, *range(2 + 3 * place, 5 + 3 * place))
    ]
    numbers = ", ".join(f"try_cast({part} AS INTEGER)" for part in parts[1:])
    return f"token({parts[0]}, {numbers})::DOUBLE[]"


_A, _B = _patch(0), _patch(1)
_APART = f"(list_dot_product({_A}, {_A}) - 2 * list_dot_product({_A}, {_B}) + list_dot_product({_B}, {_B}))"
_PATCHES = f"""(list_dot_product({_VECTOR}, {_A}) - list_dot_product({_VECTOR}, {_B}) - (list_dot_product({_A}, {_A}) - list_dot_product({_B}, {_B})) / 2)
    / nullif(sqrt({_APART}), 0)"""
_UNREAD = "error('component() reads the patches of a direction only where its name is written out in the query')::DOUBLE"

_LABELED = 'SELECT video_id AS "~video_id", name AS "~name", value AS "~value" FROM labels WHERE value IS NOT NULL'
_TAGGED = 'SELECT video_id AS "~video_id", tag AS "~tag" FROM tags'
_SEVERAL = """error('video ' || min("~video_id") || ' has several values of ' || $name || ': ask for one of them, in SQL by has_label(video_id, '''
    || $name || ''', VALUE), in a condition by any_label(''' || $name || ''', VALUE)')"""

_COORDINATE = Function(
    name="component",
    arguments="basis, embedding, i",
    returns="DOUBLE",
    meaning="coordinate i, from 0, of an embedding in a linear basis (`pca` or `dimensions`) given by its id; NULL for other bases",
    macro=f"""list_dot_product({_VECTOR}, {_of_basis(_AXIS, "component", "$i")})
/ CASE {_of_basis(_LENGTH, "component", "$i")} WHEN 1 THEN sqrt(list_dot_product({_VECTOR}, {_VECTOR})) ELSE 1 END
- list_dot_product({_of_basis('"~vector"', "mean", "0")}, {_of_basis('"~vector"', "component", "$i")})""",
)

FUNCTIONS = {
    function.name: function
    for function in (
        Function(
            name="cosine",
            arguments="a, b",
            returns="FLOAT",
            meaning="cosine of the angle between two embeddings, from -1 to 1",
            macro="list_cosine_similarity($a::FLOAT[], $b::FLOAT[])",
        ),
        Function(
            name="token",
            arguments="clip_id, slice, y, x",
            returns="FLOAT[]",
            meaning="embedding of a token; NULL where the store holds none. Reads that token alone, where a join with `tokens` reads whole clips",
        ),
        Function(
            name="component",
            arguments="direction, embedding",
            returns="DOUBLE",
            meaning="value of an embedding along a direction by its name: `61` (a dimension), `basis:NAME:2`, `cluster:NAME:0`, `feature:NAME:17`, `probe:ID:CLASS`, `patches:CLIP-slice.y.x,slice.y.x`; NULL for one that there is not",
            macro=f"""CASE WHEN {_NUMBER} THEN ({_VECTOR})[try_cast($direction AS INTEGER) + 1]
  WHEN starts_with($direction, 'patches:') THEN {{tokens}}
  ELSE list_dot_product({_VECTOR}, {_ALONG}) / {_DIVISOR} + {_CONSTANT} END""",
            others=(_COORDINATE,),
            with_tokens=_PATCHES,
        ),
        Function(
            name="frame_of",
            arguments="clip_id, slice",
            returns="INTEGER",
            meaning="first frame of a slice, counted from 0 as decoded",
            macro=_of_clip(
                '("~first_frame" + $slice * "~frame_count" // "~slices" * "~step")::INTEGER'
            ),
        ),
        Function(
            name="seconds_of",
            arguments="clip_id, slice",
            returns="DOUBLE",
            meaning="second of the video at which a slice begins",
            macro=_of_clip('"~start_s" + $slice / "~slices" * ("~stop_s" - "~start_s")'),
        ),
        Function(
            name="patch_picture",
            arguments="clip_id, slice, y, x",
            returns="VARCHAR",
            meaning="address of a token's picture, below that of the dashboard: its patch among those around it; NULL where there is no such token",
            macro=_of_clip(_PICTURE),
        ),
        Function(
            name="label_of",
            arguments="video_id, name",
            returns="VARCHAR",
            meaning="value of a label of a video; NULL where it has none, an error where it has several",
            macro=f"""(SELECT CASE WHEN min("~value") <> max("~value") THEN {_SEVERAL} ELSE min("~value") END
    FROM ({_LABELED}) WHERE "~video_id" = $video_id AND "~name" = $name)""",
        ),
        Function(
            name="has_label",
            arguments="video_id, name, value",
            returns="BOOLEAN",
            meaning="whether a label of a video, or of a stretch of it, has a value",
            macro=f"""($video_id IN (SELECT "~video_id" FROM ({_LABELED}) WHERE "~name" = $name AND "~value" = $value))""",
        ),
        Function(
            name="has_tag",
            arguments="video_id, tag",
            returns="BOOLEAN",
            meaning="whether a video, or a token of it, has a tag",
            macro=f"""($video_id IN (SELECT "~video_id" FROM ({_TAGGED}) WHERE "~tag" = $tag))""",
        ),
    )
}


def create_macro(function: Function, tokens: bool = False) -> str:
    """The statement that has DuckDB know a function, its arguments under names of their own; `tokens`: whether it knows `token`."""
    parts = [_write_macro(one, tokens) for one in (function, *function.others)]
    return f"CREATE MACRO {function.name}{', '.join(parts)}"


def _write_macro(function: Function, tokens: bool) -> str:
    arguments = ", ".join(f'"${name}"' for name in function.arguments.split(", "))
    sql = function.macro.replace("{tokens}", function.with_tokens if tokens else _UNREAD)
    body = re.sub(r"\$(\w+)", r'"$\1"', sql)
    return f"({arguments}) AS {body}"


def markdown() -> str:
    """The functions as a Markdown table: what docs/schema.md holds."""
    head = "| function | result | meaning |\n|---|---|---|\n"
    every = (one for function in FUNCTIONS.values() for one in (function, *function.others))
    return head + "\n".join(f"| `{f.signature}` | {f.returns} | {f.meaning} |" for f in every)
