"""Everything that is said of a direction from the sample, as small tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tubelet.latent.directions import figures
from tubelet.latent.directions.direction import Direction
from tubelet.latent.directions.figures import FROM_END, Correlated
from tubelet.latent.directions.sample import ROUNDING, DirectionSample, MeasuredTokens
from tubelet.latent.errors import LatentError

TOP, PER_VIDEO = 8, 2  # tokens of each kind, and of a video
GO_ALONG = 10  # dimensions


@dataclass(frozen=True, kw_only=True)
class Description:
    """`tokens` sampled of `videos`, about `each` per video; `picked` has clip_id, slice, y, x, value by LARGEST, MIDDLE and SMALLEST."""

    each: int
    tokens: int
    videos: int
    mean: float
    std: float
    histogram: pa.Table
    picked: Mapping[str, pa.Table]
    frame: pa.Table
    profile: pa.Table
    correlated: Correlated

    @property
    def constant(self) -> bool:
        return not self.std > ROUNDING * abs(self.mean)


def describe_direction(
    direction: Direction, sample: DirectionSample, videos: Sequence[str] | None = None
) -> Description:
    """Describe a direction over the sampled tokens of some videos, None for all. Raises LatentError where none has a value."""
    measured = sample.among(videos).measure(direction)
    if not len(measured):
        which = "" if videos is None else " of the selected videos"
        raise LatentError(f"no sampled token{which} has a value along {direction.name}")
    values = measured.values.astype(np.float64)
    return Description(
        each=sample.each,
        tokens=len(measured),
        videos=measured.tokens.videos,
        mean=float(values.mean()),
        std=float(values.std()),
        histogram=figures.count_values(values),
        picked={which: _pick(measured, which) for which in FROM_END},
        frame=figures.map_frame(measured),
        profile=figures.profile_window(measured),
        correlated=figures.correlate(measured, GO_ALONG, direction.dim),
    )


def _pick(measured: MeasuredTokens, which: str) -> pa.Table:
    chosen, tokens = figures.pick_tokens(measured, which, TOP, PER_VIDEO), measured.tokens
    address = {name: getattr(tokens, name)[chosen] for name in ("slice", "y", "x")}
    return pa.table(
        {
            "clip_id": [tokens.clip_ids[number] for number in tokens.clip[chosen]],
            **address,
            "value": measured.values[chosen],
            "video_id": [tokens.video_ids[number] for number in tokens.video[chosen]],
        }
    )
