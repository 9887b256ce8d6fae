"""An area that was drawn on a map: the view it was drawn in, and its outline. As one text for URLs: twelve numbers of the view, ``;``, corners.

area = Area.parse(text)             # None where it is not such a text
area.contains(places)               # (n,): which of the places (n, 3) lie in it as they were seen
"""

import re
from dataclasses import dataclass

import numpy as np

CORNERS = 64  # of an outline, at most
NUMBER = r"-?[0-9]{1,4}(?:\.[0-9]{1,5})?"
NAME = re.compile(rf"({NUMBER}(?:,{NUMBER}){{11}});({NUMBER}(?:,{NUMBER}){{5,{2 * CORNERS - 1}}})")


@dataclass(frozen=True)
class Area:
    """`view` ``(3, 4)``: the rows of the view's matrix that give x, y and w of a place; `outline` ``(n, 2)``: its corners, from -1 to 1."""

    view: np.ndarray
    outline: np.ndarray

    @classmethod
    def parse(cls, text: str) -> "Area | None":
        found = NAME.fullmatch(text)
        if found is None:
            return None
        view, outline = (np.array(part.split(","), float) for part in found.groups())
        return cls(view.reshape(3, 4), outline.reshape(-1, 2)) if len(outline) % 2 == 0 else None

    def contains(self, places: np.ndarray) -> np.ndarray:
        """By the even-odd rule; what lies behind the eye is outside."""
        x, y, w = self.view[:, :3] @ places.T + self.view[:, 3:]  # (n,) each
        seen = w > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            x, y = x / w, y / w
        inside = np.zeros(len(places), bool)
        for (x0, y0), (x1, y1) in zip(self.outline, np.roll(self.outline, -1, axis=0)):
            if y0 == y1:
                continue
            crosses = (y0 > y) != (y1 > y)
            inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
        return inside & seen
