"""Categories as colors: clusters, labels and videos, the ten commonest in colors of their own and all others in gray.

found = find_categories(store, encoder_id, "label")
found.of_clip(clip)                     # the color of a clip's tokens, int (S, H, W): a place in `names`, -1 for others
list_clusters(basis)                        # the same of a k-means basis, whose cluster 0 is the largest
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tubelet.latent.basis import Basis, as_clusters
from tubelet.latent.colors import PALETTE
from tubelet.store import Store
from tubelet.store.questions.corpus import Question

LABEL, VIDEO, CLUSTER = "label", "video", "cluster"
NONE = "(no label)"
MOST = len(PALETTE)  # categories with a color of their own
OTHERS = -1


@dataclass(frozen=True, kw_only=True)
class Categories:
    """Names of the commonest categories, the commonest first; how many others there are; and by what a token belongs to one: the id of its
    video (`places`: the place in `names`), or its cluster in a k-means `basis`."""

    kind: str
    names: tuple[str, ...]
    others: int = 0
    places: Mapping[str, int] | None = None
    basis: Basis | None = None

    @property
    def key(self) -> tuple:
        """What is the same for the same colors."""
        fitted = self.basis.basis_id if self.basis else None
        return self.kind, fitted, tuple(sorted((self.places or {}).items()))

    def of_video(self, video_id: str) -> int:
        """The place of a video's category in `names`; -1 for others."""
        return (self.places or {}).get(video_id, OTHERS)

    def of_coordinates(self, coordinates: np.ndarray) -> np.ndarray:
        """The places of tokens by their coordinate ``(..., 1)`` in the k-means basis, ``(...)``."""
        numbers = as_clusters(coordinates).astype(int)
        return np.where(numbers < MOST, numbers, OTHERS)


def find_categories(store: Store, encoder_id: str, kind: str) -> Categories:
    """The labels, or the videos, of an encoder's clips; the commonest have the most tokens."""
    rows = count_categories(encoder_id, kind).answer(store).to_pylist()
    place = {row["category"]: number for number, row in enumerate(rows[:MOST])}
    of_video = videos_of_categories(encoder_id, kind).answer(store).to_pylist()
    return Categories(
        kind=kind,
        names=tuple(NONE if row["name"] is None else row["name"] for row in rows[:MOST]),
        others=max(0, len(rows) - MOST),
        places={row["video_id"]: place.get(row["category"], OTHERS) for row in of_video},
    )


def list_clusters(basis: Basis) -> Categories:
    """The clusters of a k-means basis."""
    count = len(basis.model.arrays["center"])
    names = tuple(f"cluster {number}" for number in range(min(count, MOST)))
    return Categories(kind=CLUSTER, names=names, others=max(0, count - MOST), basis=basis)


def count_categories(encoder_id: str, kind: str) -> Question:
    """One row per label, or per video, of an encoder's clips: the most tokens first."""
    key, name = _columns(kind)
    sql = f"""SELECT {key} AS category, any_value({name}) AS name, count(DISTINCT video_id) AS videos, sum(c.slices * c.grid_height * c.grid_width) AS tokens
FROM clips c JOIN videos v USING (video_id) WHERE c.encoder_id = $encoder
GROUP BY category ORDER BY tokens DESC, category"""
    return Question(sql, {"encoder": encoder_id})


def videos_of_categories(encoder_id: str, kind: str) -> Question:
    """One row per video of an encoder's clips, with its category."""
    sql = f"SELECT DISTINCT video_id, {_columns(kind)[0]} AS category FROM clips c JOIN videos v USING (video_id) WHERE c.encoder_id = $encoder"
    return Question(sql, {"encoder": encoder_id})


def _columns(kind: str) -> tuple[str, str]:
    """What tells categories apart, and what they are called."""
    return ("v.label", "v.label") if kind == LABEL else ("video_id", "v.name")
