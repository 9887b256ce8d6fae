"""The selected videos: one set that holds on every page, written in the address by what selects it.

tag:odd                       videos that have a tag
label:action=pour             videos of which a label, or a stretch, has a value
ids:3f2a...,9b01...           these videos, up to 40
kept:5c07...                  more videos, which the store keeps under this id
where:duration_s > 60         videos that meet a condition in SQL
"""

import re
from dataclasses import dataclass

from tubelet.store.annotations.kept import name_kept
from tubelet.store.questions.condition import quote_text

TAG, LABEL, IDS, KEPT, WHERE = "tag", "label", "ids", "kept", "where"
IDS_MOST = 40  # that an address carries
ID = re.compile(r"[0-9a-f]{1,64}")


@dataclass(frozen=True)
class VideoChoice:
    """How videos are selected: the kind and its text, as the address has them."""

    kind: str
    text: str

    @classmethod
    def parse(cls, written: str) -> "VideoChoice | None":
        """Read a choice from an address; None where it selects nothing that is known."""
        kind, _, text = written.partition(":")
        if not text or kind not in (TAG, LABEL, IDS, KEPT, WHERE):
            return None
        if kind == LABEL and "=" not in text:
            return None
        if kind == KEPT and not ID.fullmatch(text):
            return None
        if kind == IDS and not all(map(ID.fullmatch, text.split(","))):
            return None
        return cls(kind, text)

    @classmethod
    def of_ids(cls, video_ids: list[str]) -> "VideoChoice":
        return cls(IDS, ",".join(video_ids))

    @property
    def written(self) -> str:
        return f"{self.kind}:{self.text}"

    @property
    def condition(self) -> str:
        """The same as a condition on `videos`."""
        if self.kind == TAG:
            return f"tag({quote_text(self.text)})"
        if self.kind == KEPT:
            return f"tag({quote_text(name_kept(self.text))})"
        if self.kind == LABEL:
            name, _, value = self.text.partition("=")
            return f"any_label({quote_text(name)}, {quote_text(value)})"
        if self.kind == IDS:
            return f"video_id IN ({', '.join(map(quote_text, self.text.split(',')))})"
        return self.text

    @property
    def words(self) -> str:
        """What selects them, for people."""
        if self.kind in (IDS, KEPT):
            return "picked videos"
        if self.kind == LABEL:
            return self.text.replace("=", " = ", 1)
        return self.text if self.kind == WHERE else f"tag {self.text}"
