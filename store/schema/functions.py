"""Functions of the field that every query can call: each with its meaning, and as a macro of SQL where that suffices.

A macro's own columns begin with ``~`` and its arguments with ``$``, names that no query writes: what a caller passes is then never taken for
a column inside it.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Function:
    """A function's name, arguments and result, what it means, and its SQL; "" where Python answers it."""

    name: str
    arguments: str
    returns: str
    meaning: str
    macro: str = ""

    @property
    def signature(self) -> str:
        return f"{self.name}({self.arguments})"


def _of_clip(value: str) -> str:
    """A value of the row of `clips` whose id is `clip_id`, over its columns as ``~name``."""
    names = ("clip_id", "first_frame", "frame_count", "step", "slices", "start_s", "stop_s")
    renamed = ", ".join(f'{name} AS "~{name}"' for name in names)
    return f'(SELECT {value} FROM (SELECT {renamed} FROM clips) WHERE "~clip_id" = $clip_id)'


def _of_basis(value: str, name: str, number: str) -> str:
    """A value of a row of numbers of a linear basis: its vector is ``~vector``, its settings ``~settings``."""
    rows = """SELECT v.basis_id AS "~basis_id", v.name AS "~name", v.number AS "~number", v.vector AS "~vector", b.settings AS "~settings"
    FROM basis_vectors v JOIN bases b USING (basis_id) WHERE b.kind IN ('pca', 'dimensions')"""
    return f"""(SELECT {value} FROM ({rows}) WHERE "~basis_id" = $basis AND "~name" = '{name}' AND "~number" = {number})"""


_SETTING = "coalesce((\"~settings\"::JSON ->> '{}') NOT IN ('false', '0'), false)"
_AXIS = f"""CASE WHEN {_SETTING.format("positions")}
    THEN error('component() does not know the patch, whose position mean this basis subtracts: use the SQL behind the map of the Video page')
    ELSE "~vector" END"""
_LENGTH = f"CASE WHEN {_SETTING.format('unit')} THEN 1 ELSE 0 END"
_VECTOR = "$embedding::DOUBLE[]"

_LABELED = 'SELECT video_id AS "~video_id", name AS "~name", value AS "~value" FROM labels WHERE value IS NOT NULL'
_TAGGED = 'SELECT video_id AS "~video_id", tag AS "~tag" FROM tags'
_SEVERAL = """error('video ' || min("~video_id") || ' has several values of ' || $name || ': ask for one of them, in SQL by has_label(video_id, '''
    || $name || ''', VALUE), in a condition by any_label(''' || $name || ''', VALUE)')"""

FUNCTIONS = {
    function.name: function
    for function in (
        Function(
            "cosine",
            "a, b",
            "FLOAT",
            "cosine of the angle between two embeddings, from -1 to 1",
            "list_cosine_similarity($a::FLOAT[], $b::FLOAT[])",
        ),
        Function(
            "token",
            "clip_id, slice, y, x",
            "FLOAT[]",
            "embedding of a token; NULL where the store holds none. Reads that token alone, where a join with `tokens` reads whole clips",
        ),
        Function(
            "component",
            "basis, embedding, i",
            "DOUBLE",
            "coordinate i, from 0, of an embedding in a linear basis (`pca` or `dimensions`) given by its id; NULL for other bases",
            f"""list_dot_product({_VECTOR}, {_of_basis(_AXIS, "component", "$i")})
  / CASE {_of_basis(_LENGTH, "component", "$i")} WHEN 1 THEN sqrt(list_dot_product({_VECTOR}, {_VECTOR})) ELSE 1 END
  - list_dot_product({_of_basis('"~vector"', "mean", "0")}, {_of_basis('"~vector"', "component", "$i")})""",
        ),
        Function(
            "frame_of",
            "clip_id, slice",
            "INTEGER",
            "first frame of a slice, counted from 0 as decoded",
            _of_clip('("~first_frame" + $slice * "~frame_count" // "~slices" * "~step")::INTEGER'),
        ),
        Function(
            "seconds_of",
            "clip_id, slice",
            "DOUBLE",
            "second of the video at which a slice begins",
            _of_clip('"~start_s" + $slice / "~slices" * ("~stop_s" - "~start_s")'),
        ),
        Function(
            "label_of",
            "video_id, name",
            "VARCHAR",
            "value of a label of a video; NULL where it has none, an error where it has several",
            f"""(SELECT CASE WHEN min("~value") <> max("~value") THEN {_SEVERAL} ELSE min("~value") END
    FROM ({_LABELED}) WHERE "~video_id" = $video_id AND "~name" = $name)""",
        ),
        Function(
            "has_label",
            "video_id, name, value",
            "BOOLEAN",
            "whether a label of a video, or of a stretch of it, has a value",
            f"""($video_id IN (SELECT "~video_id" FROM ({_LABELED}) WHERE "~name" = $name AND "~value" = $value))""",
        ),
        Function(
            "has_tag",
            "video_id, tag",
            "BOOLEAN",
            "whether a video, or a token of it, has a tag",
            f"""($video_id IN (SELECT "~video_id" FROM ({_TAGGED}) WHERE "~tag" = $tag))""",
        ),
    )
}


def create_macro(function: Function) -> str:
    """The statement that has DuckDB know a function, its arguments under names of their own."""
    arguments = ", ".join(f'"${name}"' for name in function.arguments.split(", "))
    body = re.sub(r"\$(\w+)", r'"$\1"', function.macro)
    return f"CREATE MACRO {function.name}({arguments}) AS {body}"


def markdown() -> str:
    """The functions as a Markdown table: what docs/schema.md holds."""
    head = "| function | result | meaning |\n|---|---|---|\n"
    return head + "\n".join(
        f"| `{f.signature}` | {f.returns} | {f.meaning} |" for f in FUNCTIONS.values()
    )
