"""Questions about changed windows: how far the tokens of a window move when its pixels are changed, by video and by dimension, beside shifts and controls.

A window shift counts as a change whose strength is in slices; windows that share no frame are the change `disjoint`. Pairs of a video are averaged
first, so that the video is the unit; where the label `group` names videos that belong together, the group is.
"""

from dataclasses import dataclass

from tubelet.store.questions.corpus import UNTRAINED, WEIGHTLESS, Question
from tubelet.store.questions.sensitivity import SETTING

KINDS = "('changed', 'nested', 'shifted', 'disjoint')"
MOST = 1_000_000  # units, where nothing else bounds them


@dataclass(frozen=True, kw_only=True)
class ReactionScope:
    """Which pairs: one encoder, window length and setting; the first `most` units by id, where ids are hashes of content."""

    encoder_id: str
    frames: int
    setting: str
    most: int = MOST

    @property
    def values(self) -> dict:
        return {
            "encoder": self.encoder_id,
            "frames": self.frames,
            "setting": self.setting,
            "most": self.most,
        }

    @property
    def chosen(self) -> str:
        """A common table expression `chosen`: the pairs, their `change` and `strength`, `unit` (the video, or its group) and `weight` in the unit."""
        return f"""WITH changed AS (
  SELECT p.pair_id, p.video_id, coalesce(g.name, p.video_id) AS unit, p.pixel_change, p.shared_slices, a.embed_dim,
    CASE p.kind WHEN 'shifted' THEN 'shift' ELSE coalesce(p.change, p.kind) END AS change,
    CASE p.kind WHEN 'shifted' THEN p.shift ELSE p.strength END AS strength
  FROM pairs p JOIN clips a ON a.clip_id = p.clip_a
  LEFT JOIN (SELECT video_id, 'group ' || min(value) AS name FROM labels WHERE name = 'group' GROUP BY video_id) g ON g.video_id = p.video_id
  WHERE p.encoder_id = $encoder AND a.frame_count = $frames AND {SETTING} = $setting AND p.kind IN {KINDS}
), chosen AS (
  SELECT *, 1.0::DOUBLE / count(*) OVER (PARTITION BY video_id, change, strength) AS weight
  FROM changed QUALIFY dense_rank() OVER (ORDER BY unit) <= $most
)"""


def change_scopes() -> Question:
    """One row per encoder, window length and setting in which changed windows were measured; those of the most videos first."""
    return Question(f"""SELECT p.encoder_id, e.name AS encoder, a.frame_count, {SETTING} AS setting, count(DISTINCT p.video_id) AS videos
FROM pairs p JOIN clips a ON a.clip_id = p.clip_a JOIN encoders e ON e.encoder_id = p.encoder_id
WHERE p.kind IN ('changed', 'nested')
GROUP BY ALL ORDER BY bool_or({UNTRAINED}), videos DESC, bool_or({WEIGHTLESS}), encoder_id, frame_count, setting""")


def reactions(scope: ReactionScope) -> Question:
    """One row per change, strength and video (or group): how far its tokens moved, mean over slices, and its pixels."""
    sql = f"""{scope.chosen}, measured AS (
  SELECT pair_id, avg(relative) AS relative, avg(token_cosine) AS token_cosine FROM slice_sensitivity GROUP BY pair_id
)
SELECT c.change, c.strength, c.unit AS video_id, {_mean("m.relative")} AS relative, {_mean("m.token_cosine")} AS token_cosine,
  {_mean("c.pixel_change")} AS pixel_change
FROM chosen c JOIN measured m USING (pair_id)
GROUP BY ALL ORDER BY c.change, c.strength, c.unit"""
    return Question(sql, scope.values)


def measured_changes(scope: ReactionScope) -> Question:
    """One row per change and strength, in the order of `dimension_reactions`: its videos (or groups), its pairs, and the number of dimensions."""
    sql = f"""{scope.chosen}
SELECT change, strength, count(DISTINCT unit) AS units, count(DISTINCT video_id) AS videos, count(*) AS pairs, max(embed_dim) AS embed_dim
FROM chosen GROUP BY ALL ORDER BY change, strength NULLS FIRST"""
    return Question(sql, scope.values)


def dimension_reactions(scope: ReactionScope, several: bool) -> Question:
    """One row per change and video (or group), each as its place in order, and dimension: mean absolute difference over the dimension's standard deviation.

    `several` averages the pairs of a unit, which takes longer and changes nothing where none has more than one under a change.
    """
    value = "(s.overall / nullif(s.pair_std, 0))"
    value, group = (
        (_mean(value, "n"), "\nGROUP BY n.number, n.unit, s.dim") if several else (value, "")
    )
    sql = f"""{scope.chosen}, numbered AS (
  SELECT pair_id, weight, (dense_rank() OVER (ORDER BY change, strength NULLS FIRST) - 1)::SMALLINT AS number,
    (dense_rank() OVER (ORDER BY unit) - 1)::INTEGER AS unit
  FROM chosen
)
SELECT n.number, n.unit, s.dim, ({value})::FLOAT AS relative
FROM numbered n JOIN dim_sensitivity s USING (pair_id){group}"""
    return Question(sql, scope.values)


def prefix_reactions(scope: ReactionScope) -> Question:
    """One row per distance in slices from the end of a prefix, and video (or group): how far tokens differ from those of the same frames in the whole window."""
    sql = f"""{scope.chosen}
SELECT c.shared_slices - 1 - s.shared_slice AS distance, c.unit AS video_id, {_mean("s.relative")} AS relative
FROM chosen c JOIN slice_sensitivity s USING (pair_id) WHERE c.change = 'prefix'
GROUP BY ALL ORDER BY distance, video_id"""
    return Question(sql, scope.values)


def prefix_dimensions(scope: ReactionScope) -> Question:
    """One row per dimension and video (or group): how far its values on the last slice of a prefix differ from those of the same frames in the whole window."""
    sql = f"""{scope.chosen}
SELECT s.dim, c.unit AS video_id, {_mean("(s.last / nullif(s.pair_std, 0))")} AS relative
FROM chosen c JOIN dim_sensitivity s USING (pair_id) WHERE c.change = 'prefix'
GROUP BY ALL ORDER BY s.dim, video_id"""
    return Question(sql, scope.values)


def reaction_scopes(encoder_id: str) -> Question:
    """One row per window length and setting in which pairs of an encoder were measured: those with changed windows first, then by videos."""
    return Question(
        f"""SELECT p.encoder_id, e.name AS encoder, a.frame_count, {SETTING} AS setting, count(DISTINCT p.video_id) AS videos
FROM pairs p JOIN clips a ON a.clip_id = p.clip_a JOIN encoders e ON e.encoder_id = p.encoder_id
WHERE p.encoder_id = $encoder AND p.kind IN {KINDS}
GROUP BY ALL ORDER BY bool_or(p.kind IN ('changed', 'nested')) DESC, videos DESC, frame_count, setting""",
        {"encoder": encoder_id},
    )


def reactions_of_dimension(scope: ReactionScope, dim: int) -> Question:
    """One row per change, strength and video (or group): how far a dimension moved, in its standard deviations, and the mean dimension beside it."""
    sql = f"""{scope.chosen}, level AS (SELECT pair_id, avg(relative) AS level FROM slice_sensitivity GROUP BY pair_id)
SELECT c.change, c.strength, c.unit AS video_id, {_mean("(s.overall / nullif(s.pair_std, 0))")} AS relative, {_mean("l.level")} AS mean_dimension
FROM chosen c JOIN dim_sensitivity s USING (pair_id) JOIN level l USING (pair_id)
WHERE s.dim = $dim
GROUP BY ALL ORDER BY c.change, c.strength, c.unit"""
    return Question(sql, scope.values | {"dim": dim})


def _mean(value: str, of: str = "c") -> str:
    """The weighted mean of a value over the pairs of a unit that have one."""
    return f"sum({of}.weight * {value}) / sum({of}.weight) FILTER ({value} IS NOT NULL)"
