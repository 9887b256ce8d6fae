"""SQL functions over labels and tags: macros that every connection has, because a correlated query by hand is long and easily wrong.

Columns of the inner queries have names that no caller uses: a macro's argument would otherwise be read as one of them.
"""

from dataclasses import dataclass

LABELED = "SELECT video_id AS labeled_video, name AS labeled_name, value AS labeled_value FROM labels WHERE value IS NOT NULL"
TAGGED = "SELECT video_id AS tagged_video, tag AS tagged_tag FROM tags"
SEVERAL = (
    "error('video ' || min(labeled_video) || ' has several values of ' || label_name || ': ask for one of them, in SQL by has_label(video_id, '''"
    " || label_name || ''', VALUE), in a condition by any_label(''' || label_name || ''', VALUE)')"
)


@dataclass(frozen=True)
class Function:
    """A macro: how it is called, its type, its meaning, and its body over the parameters."""

    call: str
    type: str
    meaning: str
    parameters: str
    body: str

    @property
    def name(self) -> str:
        return self.call.partition("(")[0]

    @property
    def sql(self) -> str:
        return f"CREATE MACRO {self.name}({self.parameters}) AS ({self.body})"


FUNCTIONS = (
    Function(
        "label_of(video_id, 'action')",
        "VARCHAR",
        "value of a label of a video; NULL where it has none, an error where it has several",
        "of_video, label_name",
        f"SELECT CASE WHEN min(labeled_value) <> max(labeled_value) THEN {SEVERAL} ELSE min(labeled_value) END "
        f"FROM ({LABELED}) WHERE labeled_video = of_video AND labeled_name = label_name",
    ),
    Function(
        "has_label(video_id, 'action', 'pour')",
        "BOOLEAN",
        "whether a label of a video, or of a stretch of it, has a value",
        "of_video, label_name, label_value",
        f"of_video IN (SELECT labeled_video FROM ({LABELED}) WHERE labeled_name = label_name AND labeled_value = label_value)",
    ),
    Function(
        "has_tag(video_id, 'odd')",
        "BOOLEAN",
        "whether a video, or a token of it, has a tag",
        "of_video, tag_name",
        f"of_video IN (SELECT tagged_video FROM ({TAGGED}) WHERE tagged_tag = tag_name)",
    ),
)
