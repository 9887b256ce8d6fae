"""Where a dimension is looked at: its picture on the video, and the pair of windows, in which it reacts most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from tubelet.dashboard.parameters import CLIP, ENCODER, PAIR, VIDEO_PAGE, WINDOWS
from tubelet.reports.literal import Markdown

FIRST = 5  # dimensions that are named at the top of the page


@dataclass(frozen=True)
class Leads:
    """By dimension, a row of `strongest_pairs`."""

    of: Mapping[int, Mapping]

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping]) -> "Leads":
        return cls({row["dim"]: row for row in rows})

    def picture(self, dim: int) -> str | None:
        """Address of the dimension as gray on a video; None where it does not vary."""
        row = self.of.get(dim)
        if row is None:
            return None
        shown = {"color": "three dimensions", "dimensions": f"{dim},{dim},{dim}"}
        return (
            f"{VIDEO_PAGE}?{urlencode({ENCODER: row['encoder_id'], CLIP: row['clip_a'], **shown})}"
        )

    def pair(self, dim: int) -> str | None:
        """Address of the pair at that dimension; None where it does not vary."""
        row = self.of.get(dim)
        return (
            row
            and f"{WINDOWS}?{urlencode({ENCODER: row['encoder_id'], PAIR: row['pair_id'], 'dim': dim})}"
        )

    def name(self, dims: Sequence[int]) -> Markdown:
        """The first of these dimensions, each with its two links."""
        known = [dim for dim in dims if dim in self.of][:FIRST]
        return ", ".join(
            f"**{dim:d}** ([picture]({self.picture(dim)}), [pair]({self.pair(dim)}))"
            for dim in known
        )
