"""Questions about where the variance of each dimension lies: over roll-ups by slice alone, no embedding is read.

    scope = StateScope(encoder_id=encoder_id, frames=16, slices=8, layer="last", pooled=False)
    shares(scope).answer(store)

A roll-up by slice is a row of `dim_stats`, or of `pooled` for a layer that it holds. Clips that only pairs need are left out. The unit of all
statistics is the video, or the group of videos that the label `group` names.
"""

from dataclasses import dataclass, replace

from tubelet.store.questions.corpus import OF_GRID, Question, VideoSelection

FROM_STATISTICS = """SELECT clip_id, slice, dim, dim_mean::DOUBLE AS mean, dim_std::DOUBLE AS std FROM dim_stats"""
FROM_POOLED = """SELECT clip_id, slice, unnest(range(len(pooled_mean))) AS dim, unnest(pooled_mean)::DOUBLE AS mean, unnest(pooled_std)::DOUBLE AS std
  FROM pooled WHERE layer = $layer"""

WEIGHTS = """videos AS (
  SELECT (row_number() OVER (ORDER BY unit, video_id) - 1)::INTEGER AS video,
    1.0::DOUBLE / count(*) OVER (PARTITION BY unit) / (SELECT count(DISTINCT unit) FROM chosen) AS weight
  FROM (SELECT DISTINCT unit, video_id FROM chosen)
)"""  # of a unit they sum to the same


def slice_bounds(encoder_id: str, dim: int, largest: bool) -> Question:
    """One row per slice of the clips with embeddings: the largest value of a dimension in it, or the smallest with its sign turned; the most extreme first."""
    value = "s.dim_max" if largest else "-s.dim_min"
    return Question(
        f"""SELECT c.video_id, s.clip_id, s.slice, {value}::DOUBLE AS bound
FROM dim_stats s JOIN clips c USING (clip_id)
WHERE s.dim = $dim AND c.encoder_id = $encoder AND c.embedding_path IS NOT NULL AND c.role IS DISTINCT FROM 'partner'
ORDER BY isfinite({value}) IS TRUE, {value} DESC, s.clip_id, s.slice""",
        {"dim": dim, "encoder": encoder_id},
    )


@dataclass(frozen=True, kw_only=True)
class StateScope:
    """One encoder, window length in frames and slices, and layer, from `pooled` or `dim_stats`; all videos or those chosen, at most `most` by hash."""

    encoder_id: str
    frames: int
    slices: int
    layer: str
    pooled: bool
    videos: VideoSelection | None = None
    most: int = 1_000_000

    @property
    def values(self) -> dict:
        given = {
            "encoder": self.encoder_id,
            "frames": self.frames,
            "slices": self.slices,
            "layer": self.layer if self.pooled else None,
            "videos": self.videos,
            "most": self.most,
        }
        return {name: value for name, value in given.items() if value is not None}

    @property
    def chosen(self) -> str:
        """A common table expression `chosen`: clip_id, video_id and `unit`, the video or its group."""
        held = "c.clip_id IN (SELECT clip_id FROM dim_stats)"
        if self.pooled:
            held = "c.clip_id IN (SELECT clip_id FROM pooled WHERE layer = $layer)"
        among = "" if self.videos is None else "\n    AND c.video_id IN (SELECT unnest($videos::VARCHAR[]))"  # fmt: skip
        return f"""WITH chosen AS (
  SELECT c.*, coalesce(g.name, c.video_id) AS unit
  FROM clips c LEFT JOIN (SELECT video_id, 'group ' || min(value) AS name FROM labels WHERE name = 'group' GROUP BY video_id) g USING (video_id)
  WHERE c.encoder_id = $encoder AND c.frame_count = $frames AND c.slices = $slices AND {OF_GRID}
    AND {held}{among}
  QUALIFY dense_rank() OVER (ORDER BY c.video_id) <= $most
)"""

    @property
    def by_slice(self) -> str:
        """`chosen`, and `by_slice` with a row per video, slice and dimension: means over the video's clips."""
        return f"""{self.chosen}, numbered AS (
  SELECT clip_id, (dense_rank() OVER (ORDER BY unit, video_id) - 1)::INTEGER AS video FROM chosen
), by_slice AS (
  SELECT n.video, s.slice, s.dim, avg(s.mean) AS mean, var_pop(s.mean) AS clip_variance, avg(s.std * s.std) AS patch_variance
  FROM ({FROM_POOLED if self.pooled else FROM_STATISTICS}) s JOIN numbered n USING (clip_id)
  GROUP BY ALL
)"""


def state_scopes() -> Question:
    """One row per encoder, window length and layer whose roll-ups by slice are stored; those of the most videos first."""
    key = "c.encoder_id, e.name AS encoder, e.tubelet, c.frame_count, c.slices"
    most = "count(DISTINCT c.video_id) AS videos, count(*) AS clips"
    return Question(f"""SELECT {key}, e.layer AS layer, false AS pooled, {most}
FROM clips c JOIN encoders e USING (encoder_id) WHERE {OF_GRID}
  AND c.clip_id IN (SELECT clip_id FROM dim_stats) GROUP BY ALL
UNION ALL
SELECT {key}, p.layer, true AS pooled, {most}
FROM clips c JOIN encoders e USING (encoder_id) JOIN (SELECT DISTINCT clip_id, layer FROM pooled) p USING (clip_id)
WHERE {OF_GRID} GROUP BY ALL
ORDER BY videos DESC, clips DESC, encoder_id, frame_count, slices, pooled, try_cast(regexp_extract(layer, '[0-9]+') AS INTEGER), layer""")


def slice_means(scope: StateScope) -> Question:
    """One row per video, as its place in the order of units and ids, slice and dimension: what all shares are computed from."""
    return Question(
        f"""{scope.by_slice}
SELECT video, slice::INTEGER AS slice, dim::INTEGER AS dim, mean::FLOAT AS mean, clip_variance::FLOAT AS clip_variance,
  patch_variance::FLOAT AS patch_variance FROM by_slice""",
        scope.values,
    )


def state_videos(scope: StateScope) -> Question:
    """One row per video, in the order of `slice_means`: its unit, its clips, and where in the video they begin."""
    return Question(
        f"""{scope.chosen}
SELECT c.video_id, any_value(v.name) AS name, any_value(c.unit) AS unit, count(*) AS clips, count(DISTINCT c.first_frame) AS starts,
  any_value(c.embed_dim) AS embed_dim, count(DISTINCT (c.step, c.sample_fps, c.geometry, c.crop_height, c.crop_width, c.precision)) AS settings
FROM chosen c JOIN videos v USING (video_id) GROUP BY c.video_id, c.unit ORDER BY c.unit, c.video_id""",
        scope.values,
    )


def shares(scope: StateScope) -> Question:
    """One row per dimension: its mean and standard deviation over all tokens, and the shares of its variance, which sum to 1."""
    return Question(
        f"""{scope.by_slice}, {WEIGHTS}, of_videos AS (
  SELECT video, dim, avg(mean) AS mean, var_pop(mean) AS over_slices, avg(clip_variance) AS clips, avg(patch_variance) AS patch
  FROM by_slice GROUP BY video, dim
), of_slices AS (
  SELECT dim, var_pop(mean) AS variance FROM (
    SELECT dim, slice, sum(weight * mean) AS mean FROM by_slice JOIN videos USING (video) GROUP BY dim, slice
  ) GROUP BY dim
), centers AS (
  SELECT dim, sum(weight * mean) AS center FROM of_videos JOIN videos USING (video) GROUP BY dim
), parts AS (
  SELECT dim, any_value(center) AS mean, sum(weight * (o.mean - center) ** 2) AS video, any_value(s.variance) AS slice,
    greatest(sum(weight * (over_slices + clips)) - any_value(s.variance), 0) AS moment, sum(weight * patch) AS patch
  FROM of_videos o JOIN videos USING (video) JOIN centers USING (dim) JOIN of_slices s USING (dim) GROUP BY dim
)
SELECT dim::INTEGER AS dim, mean, sqrt(video + slice + moment + patch) AS std, {_over_total("video", "slice", "moment", "patch")}
FROM parts ORDER BY dim""",
        scope.values,
    )


def profiles(scope: StateScope) -> Question:
    """One row per slice and dimension: its mean at that position of the window, minus that over all positions."""
    return Question(
        f"""{scope.by_slice}, {WEIGHTS}
SELECT slice::INTEGER AS slice, dim::INTEGER AS dim, sum(weight * mean) - avg(sum(weight * mean)) OVER (PARTITION BY dim) AS mean
FROM by_slice JOIN videos USING (video) GROUP BY slice, dim ORDER BY dim, slice""",
        scope.values,
    )


def place_variances(encoder_id: str) -> Question:
    """One row per dimension: variance between places, rows and columns of the position means that the encoder's newest basis stores; none where none does.

    Only a fit with `--remove-position-mean` stores them; no other roll-up holds a mean by place.
    """
    return Question(
        """WITH chosen AS (
  SELECT basis_id, CAST(settings->'$.grid[1]' AS INTEGER) AS width FROM bases b
  WHERE encoder_id = $encoder AND EXISTS (FROM basis_vectors v WHERE v.basis_id = b.basis_id AND v.name = 'position')
  ORDER BY created_at DESC, basis_id LIMIT 1
), means AS (
  SELECT basis_id, number // width AS y, number % width AS x, unnest(range(len(vector)))::INTEGER AS dim, unnest(vector) AS mean
  FROM basis_vectors JOIN chosen USING (basis_id) WHERE name = 'position'
), by_row AS (SELECT dim, var_pop(mean) AS variance FROM (SELECT dim, avg(mean) AS mean FROM means GROUP BY dim, y) GROUP BY dim),
by_column AS (SELECT dim, var_pop(mean) AS variance FROM (SELECT dim, avg(mean) AS mean FROM means GROUP BY dim, x) GROUP BY dim)
SELECT m.dim, any_value(m.basis_id) AS basis_id, var_pop(m.mean) AS place, any_value(r.variance) AS row, any_value(c.variance) AS column
FROM means m JOIN by_row r USING (dim) JOIN by_column c USING (dim) GROUP BY m.dim ORDER BY m.dim""",
        {"encoder": encoder_id},
    )


def sample_of(scope: StateScope, most: int) -> StateScope:
    """The scope with at most `most` videos, the first by their ids, which are hashes of content."""
    return replace(scope, most=most)


def _over_total(*parts: str) -> str:
    total = " + ".join(parts)
    return ", ".join(f"{part} / nullif({total}, 0) AS {part}" for part in parts)


def ambiguous_groups() -> Question:
    """One row per video with several values of the label `group`, which then says nothing about what counts once."""
    return Question("""SELECT video_id FROM labels WHERE name = 'group' GROUP BY video_id
HAVING count(DISTINCT value) > 1 ORDER BY video_id""")
