"""Where the query is in each slice of a clip, and how certain that is.

A patch is found where it scores above the level of unrelated patches and passes the round-trip check: the token of
the query's own slice that is most similar to the match has to be the query, or a patch beside it. Else it is lost.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import ndimage

from tubelet.array_types import Bool, Float32, Int, Int16
from tubelet.latent import half
from tubelet.latent.clips import Clip
from tubelet.latent.null_similarity import Level, NullSimilarity
from tubelet.latent.query import NEAR, TokenQuery
from tubelet.store.notebook import render_rows

EIGHT = np.ones((3, 3), bool)  # neighbors of a patch, diagonals included


@dataclass(frozen=True, kw_only=True)
class Track:
    """The best match of each slice of a clip. Scores are cosines; NaN where a slice has no token with a direction.

    `heat` float32 ``(S, H, W)``; the others are ``(S,)``: `y`, `x` of the best patch (-1 where there is none), its `score`, the `margin` to
    the best patch of any other region, `returned`: whether it passes the round-trip check, `lost`. `level` is what 5% of unrelated slices
    exceed at most, NaN where no other video was available: then only the round trip decides; `measured` says how certain it is.
    """

    clip_id: str
    heat: Float32[np.ndarray, "S H W"]
    y: Int16[np.ndarray, " S"]
    x: Int16[np.ndarray, " S"]
    score: Float32[np.ndarray, " S"]
    margin: Float32[np.ndarray, " S"]
    returned: Bool[np.ndarray, " S"]
    lost: Bool[np.ndarray, " S"]
    measured: Level

    @property
    def level(self) -> float:
        return self.measured.value

    @property
    def table(self) -> pa.Table:
        """One row per slice, as CSV and Parquet show it (`tubelet.store.sandbox.formats`)."""
        count = len(self.score)
        columns = {"clip_id": [self.clip_id] * count, "slice": np.arange(count, dtype=np.int16)}
        columns |= {
            name: pa.array(getattr(self, name), from_pandas=True)
            for name in ("y", "x", "score", "margin", "returned", "lost")
        }
        return pa.table(
            {**columns, "level": pa.array(np.full(count, self.level), from_pandas=True)}
        )

    def _repr_html_(self) -> str:
        """What a notebook shows: where the query is in each slice."""
        names = ("slice", "y", "x", "score", "margin", "lost")
        rows = self.table.select(names).to_pylist()
        level = "no other video to measure it" if np.isnan(self.level) else f"{self.level:.3g}"
        return render_rows(
            f"Track in clip {self.clip_id}; chance level: {level}",
            names,
            [row.values() for row in rows],
        )


def track(query: TokenQuery, clip: Clip, unrelated: NullSimilarity) -> Track:
    """Follow a query through a clip of its encoder: its own, or another of the same video or of any. Raises LatentError."""
    scored = heat(query, clip)
    measured = unrelated.level(query)
    level = measured.value
    flat = np.where(np.isnan(scored), -np.inf, scored).reshape(len(scored), -1)
    best = flat.argmax(axis=1)
    score = flat[np.arange(len(flat)), best]
    seen = np.isfinite(score)
    returned = query.recognizes(_matches(clip, best)) & seen
    y, x = np.where(seen, np.stack(np.unravel_index(best, clip.positions[1:])), -1).astype(np.int16)
    margins = np.array([_margin(one, level) for one in scored], np.float32)
    lost = ~returned | (score < level)
    return Track(
        clip_id=clip.clip_id,
        heat=scored,
        y=y,
        x=x,
        score=np.where(seen, score, np.nan).astype(np.float32),
        margin=margins,
        returned=returned,
        lost=lost,
        measured=measured,
    )


def heat(query: TokenQuery, clip: Clip) -> Float32[np.ndarray, "S H W"]:
    """Largest cosine of every token of a clip to the query, in full dimension: float32 ``(S, H, W)``, NaN where a token has no direction."""
    query.refuse_other(clip.encoder_id)
    return np.stack([query.scores(tokens) for tokens in half.slices(clip.grid)]).reshape(
        clip.positions
    )


def _matches(clip: Clip, best: Int[np.ndarray, " S"]) -> Float32[np.ndarray, "S D"]:
    """Unit vector of one patch of each slice, ``(S, D)``."""
    return half.unit(
        half.widen(
            clip.grid.reshape(len(best), -1, clip.grid.shape[-1])[np.arange(len(best)), best]
        )
    )


def _margin(scored: Float32[np.ndarray, "H W"], level: float) -> float:
    """Best score of a slice ``(H, W)`` minus the best outside its region; NaN where there is nothing outside.

    The region: the patches around the best that score above the middle between it and the level, and those beside them.
    """
    known = np.where(np.isnan(scored), -np.inf, scored)
    best = np.unravel_index(known.argmax(), known.shape)
    floor = (known[best] + level) / 2 if level < known[best] else known[best]
    regions, _ = ndimage.label(known >= floor, EIGHT)
    outside = known[~ndimage.binary_dilation(regions == regions[best], EIGHT, iterations=NEAR)]
    return (
        float(known[best] - outside.max())
        if len(outside) and np.isfinite(outside.max())
        else float("nan")
    )
