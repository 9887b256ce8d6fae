"""Questions about window sensitivity: over the roll-ups only, so their cost does not depend on the size of `sensitivity`.

    scope = Scope(encoder_id, frames=40, shift=1, setting="step 1, crop 384 x 384, float32, live")
    dimension_ranking(scope).answer(store)

The video is the unit: several pairs of a video are averaged first, or weighted to count as one. Where videos belong together, the unit is
a group of them: `Scope.units` names the groups, and a group takes the place of a video. A difference is relative
where it is divided by the dimension's standard deviation in its pair; a dimension that is constant there has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from tubelet.store.pairs.rows import ROUNDING
from tubelet.store.questions.corpus import UNTRAINED, WEIGHTLESS, Question, VideoSelection


def _setting(clip: str, pair: str) -> str:
    """A setting in SQL but for its source, from columns of clips and pairs behind these names."""
    pace = (
        f"if({clip}sample_fps IS NULL, 'step ' || {clip}step, printf('%g fps', {clip}sample_fps))"
    )
    return f"({pace} || ', ' || {clip}geometry || ' ' || {clip}crop_height || ' x ' || {clip}crop_width || ', ' || {pair}precision || ',')"


# What pairs must have in common to be averaged, besides encoder, window length and shift.
SETTING_COLUMNS = (
    "a.sample_fps, a.step, a.geometry, a.crop_height, a.crop_width, p.precision, p.source"
)
WITHOUT_SOURCE = _setting("a.", "p.")
SETTING = f"({WITHOUT_SOURCE} || ' ' || p.source)"
SETTING_OF_CHOSEN = f"({_setting('', '')} || ' ' || source)"
# Rounding counts for the precisions in which shifts were measured.
ROUNDED_ALIKE = """EXISTS (FROM pairs o JOIN clips oc ON oc.clip_id = o.clip_a
      WHERE o.kind = 'shifted' AND o.encoder_id = $encoder AND oc.frame_count = $frames AND o.precision = p.precision)"""
HELD = "chosen_pairs"  # what queries call pairs that were found before
MAP_VIDEOS = 1000  # averaged into a map over the frame
MOST_VIDEOS = 10_000  # ids are hashes of content, so the first ones are a sample drawn by chance


@dataclass(frozen=True)
class Units:
    """Groups that count once instead of each of their videos: ids of videos, and the group of each; a video that is not listed is its own group."""

    members: list[str]
    groups: list[str]


@dataclass(frozen=True, kw_only=True)
class PairScope:
    """Which pairs: one encoder, window length in frames, shift in slices; one setting or, where None, all; all videos or those chosen.

    `held` are these pairs, as `chosen_pairs` answers: questions then take them as they are instead of finding them once more.
    """

    encoder_id: str
    frames: int
    shift: int
    setting: str | None = None
    videos: VideoSelection | None = None
    units: Units | None = None
    held: pa.Table | None = field(default=None, compare=False, repr=False)

    @property
    def unit(self) -> str:
        """What a pair belongs to, in SQL."""
        return "coalesce(m.unit, p.video_id)" if self.units else "p.video_id"

    @property
    def values(self) -> dict:
        """The values that `chosen` names."""
        return self.values_of("shifted") if self.held is None else {}

    @property
    def tables(self) -> Mapping[str, pa.Table]:
        """The tables that `chosen` names, beside those of the store."""
        return {} if self.held is None else {HELD: self.held}

    def values_of(self, kind: str) -> dict:
        """The values that `chosen` names for pairs of this kind; controls have shifts of their own."""
        shift = self.shift if kind == "shifted" else None
        given = {
            "encoder": self.encoder_id,
            "frames": self.frames,
            "kind": kind,
            "shift": shift,
            "setting": self.setting,
            "videos": self.videos,
            "members": self.units and self.units.members,
            "units": self.units and self.units.groups,
        }
        return {name: value for name, value in given.items() if value is not None}

    def select_pairs(self, kind: str = "shifted") -> str:
        """A common table expression `chosen`: the pairs of at most MOST_VIDEOS videos, with what tells their setting, `of_videos` (how many videos have
        such pairs), `unit` (the video, or its group) and `weight`, which sums to 1 in a unit: one over the pairs of the video, and over the videos of the group.
        """
        if self.held is not None and kind == "shifted":
            return f"WITH chosen AS (FROM {HELD})"
        conditions = [
            "p.encoder_id = $encoder AND a.frame_count = $frames AND p.kind = $kind",
            "p.shift = $shift" if kind == "shifted" else None,
            self._of_setting(kind) if self.setting else None,
            ROUNDED_ALIKE if kind == ROUNDING else None,
            "p.video_id IN (SELECT unnest($videos::VARCHAR[]))"
            if self.videos is not None
            else None,
        ]
        where = "\n    AND ".join(filter(None, conditions))
        members = (
            "members AS (SELECT unnest($members::VARCHAR[]) AS video_id, unnest($units::VARCHAR[]) AS unit), "
            if self.units
            else ""
        )
        joined = " LEFT JOIN members m ON m.video_id = p.video_id" if self.units else ""
        share = " / count(DISTINCT video_id) OVER (PARTITION BY unit)" if self.units else ""
        return f"""WITH {members}matching AS (
  SELECT p.pair_id, p.video_id, {self.unit} AS unit, p.shared_slices, p.measured_at, a.slices, a.grid_height, a.grid_width,
    {SETTING_COLUMNS}
  FROM pairs p JOIN clips a ON a.clip_id = p.clip_a{joined}
  WHERE {where}
), chosen AS (
  SELECT *, (SELECT count(DISTINCT video_id) FROM matching) AS of_videos, 1.0::DOUBLE / count(*) OVER (PARTITION BY video_id){share} AS weight
  FROM matching
  WHERE video_id <= (SELECT max(video_id) FROM (SELECT DISTINCT video_id FROM matching ORDER BY video_id LIMIT {MOST_VIDEOS}))
)"""

    def _of_setting(self, kind: str) -> str:
        """The setting in SQL; rounding is always measured from stored clips, whatever the pairs it is compared with."""
        return (
            f"starts_with($setting, {WITHOUT_SOURCE})"
            if kind == ROUNDING
            else f"{SETTING} = $setting"
        )


def scopes() -> Question:
    """One row per encoder, window length, shift and setting in which pairs were measured, in the order of `encoders`; those of the most videos first."""
    return Question(f"""WITH measured AS (
  SELECT p.encoder_id, a.frame_count, p.shift, if(a.sample_fps IS NULL, a.step, NULL) AS step, printf('%g', a.sample_fps)::DOUBLE AS sample_fps,
    a.geometry, a.crop_height, a.crop_width, p.precision, p.source, count(DISTINCT p.video_id) AS videos, count(*) AS pairs
  FROM pairs p JOIN clips a ON a.clip_id = p.clip_a
  WHERE p.kind = 'shifted'
  GROUP BY ALL
)
SELECT m.encoder_id, e.name AS encoder, m.frame_count, m.shift, {SETTING_OF_CHOSEN} AS setting, m.videos, m.pairs
FROM measured m JOIN encoders e USING (encoder_id)
ORDER BY {UNTRAINED}, videos DESC, pairs DESC, {WEIGHTLESS}, encoder_id, frame_count, shift, setting""")


def chosen_pairs(scope: PairScope) -> Question:
    """One row per pair of the scope: what all other questions begin with."""
    return Question(f"{scope.select_pairs()}\nFROM chosen", scope.values, scope.tables)


def settings(scope: PairScope) -> Question:
    """One row per setting of the scope's videos, those of the most videos first."""
    sql = f"""{scope.select_pairs()}
SELECT {SETTING_OF_CHOSEN} AS setting, count(DISTINCT video_id) AS videos, count(*) AS pairs
FROM chosen
GROUP BY ALL ORDER BY videos DESC, setting"""
    return Question(sql, scope.values, scope.tables)


def foundations(scope: PairScope) -> Question:
    """One row: how much data the report rests on, how many videos have such pairs (`of_videos`), and how long one slice lasts."""
    sql = f"""{scope.select_pairs()}
SELECT count(DISTINCT c.unit) AS units, count(DISTINCT c.video_id) AS videos, any_value(c.of_videos) AS of_videos, count(*) AS pairs,
  min(c.shared_slices) AS fewest_slices, max(c.shared_slices) AS most_slices,
  any_value(c.slices) AS slices, min(c.step) AS step, max(c.step) AS longest_step, any_value(e.tubelet) AS tubelet, any_value(e.embed_dim) AS embed_dim,
  any_value(e.name) AS encoder, any_value(e.layer) AS layer, any_value(e.weights_sha256) AS weights_sha256,
  any_value(e.weights_source) AS weights_source,
  string_agg(DISTINCT c.precision, ', ' ORDER BY c.precision) AS precision, string_agg(DISTINCT c.source, ', ' ORDER BY c.source) AS source,
  median(e.tubelet / coalesce(c.sample_fps, v.fps / c.step)) AS slice_s,
  min(e.tubelet / coalesce(c.sample_fps, v.fps / c.step)) AS shortest_slice_s, max(e.tubelet / coalesce(c.sample_fps, v.fps / c.step)) AS longest_slice_s,
  min(c.measured_at) AS first_measured, max(c.measured_at) AS last_measured
FROM chosen c JOIN videos v USING (video_id) JOIN encoders e ON e.encoder_id = $encoder
HAVING count(*) > 0"""
    return Question(sql, {**scope.values, "encoder": scope.encoder_id}, scope.tables)


def videos_measured(scope: PairScope) -> Question:
    """One row per video, in the order of `by_video`: its name, its pairs, and one of them to look at; of groups, one row per group."""
    name = "if(count(DISTINCT c.video_id) > 1, c.unit, min(v.name))"
    label = "if(count(DISTINCT v.label) > 1, NULL, min(v.label))"
    sql = f"""{scope.select_pairs()}
SELECT c.unit AS video_id, {name} AS name, {label} AS label, count(DISTINCT c.video_id) AS videos, count(*) AS pairs, min(c.pair_id) AS pair_id
FROM chosen c JOIN videos v USING (video_id)
GROUP BY c.unit ORDER BY c.unit"""
    return Question(sql, scope.values, scope.tables)


def curve_band(scope: PairScope) -> Question:
    """One row per shared slice: median and quartiles over videos of the curve, relative and absolute."""
    sql = f"""{_curves_of_videos(scope)}
SELECT shared_slice, count(*) AS videos,
  quantile_cont(relative, 0.25) AS relative_q25, median(relative) AS relative_median, quantile_cont(relative, 0.75) AS relative_q75,
  quantile_cont(mean_abs, 0.25) AS absolute_q25, median(mean_abs) AS absolute_median, quantile_cont(mean_abs, 0.75) AS absolute_q75
FROM curves GROUP BY shared_slice ORDER BY shared_slice"""
    return Question(sql, scope.values, scope.tables)


def curves(scope: PairScope) -> Question:
    """One row per video and shared slice, in order: what the band is made of."""
    sql = f"{_curves_of_videos(scope)}\nSELECT unit AS video_id, shared_slice, relative, mean_abs FROM curves ORDER BY unit, shared_slice"
    return Question(sql, scope.values, scope.tables)


def control_levels(scope: PairScope, kind: str) -> Question:
    """One row for a control: the median over videos of the mean over slices, and the largest value; no row where none was measured."""
    sql = f"""{scope.select_pairs(kind)}, levels AS (
  SELECT c.unit, {_mean("s.relative")} AS relative, {_mean("s.mean_abs")} AS mean_abs, max(s.mean_abs) AS largest
  FROM chosen c JOIN slice_sensitivity s USING (pair_id) GROUP BY c.unit
)
SELECT count(*) AS videos, median(relative) AS relative, median(mean_abs) AS absolute, max(largest) AS largest
FROM levels HAVING count(*) > 0"""
    return Question(sql, scope.values_of(kind))


def dimension_ranking(scope: PairScope) -> Question:
    """One row per dimension, by relative edge sensitivity, the constant ones last: means over videos.

    `ratio` is the mean edge over the mean middle; `varying` the share of videos in which the dimension varies. `pair_id` is the pair in which
    it reacts most, `relative_edge` how much, with the first of that pair's clips; NULL where it never varies.
    """
    sql = f"""{scope.select_pairs()}, ranked AS (
  SELECT s.dim, sum(c.weight * s.relative_edge) / sum(c.weight) FILTER (s.relative_edge IS NOT NULL) AS relative,
    sum(c.weight * s.edge) / sum(c.weight) AS edge, sum(c.weight * s.middle) / sum(c.weight) AS middle,
    sum(c.weight * s.edge) / nullif(sum(c.weight * s.middle), 0) AS ratio,
    coalesce(sum(c.weight) FILTER (s.pair_std > 0), 0) / sum(c.weight) AS varying,
    arg_max(c.pair_id, s.relative_edge) AS pair_id, max(s.relative_edge) AS relative_edge
  FROM chosen c JOIN dim_sensitivity s USING (pair_id) GROUP BY s.dim
)
SELECT r.*, p.video_id, p.clip_a, p.encoder_id
FROM ranked r LEFT JOIN pairs p USING (pair_id) ORDER BY r.relative DESC NULLS LAST, r.dim"""
    return Question(sql, scope.values, scope.tables)


def by_video(scope: PairScope, several: bool) -> Question:
    """One row per video (or group), as its place in the order of ids, and dimension: the numbers that all statistics are computed from.

    `several` averages the pairs of a video, which takes ten times as long and changes nothing where no video has more than one.
    """
    relative, signed, varying = "s.relative_edge", "s.edge_signed", "(s.pair_std > 0)::FLOAT"
    if several:
        relative, signed, varying = (_mean(value, "n") for value in (relative, signed, varying))
    group = "\nGROUP BY n.video, s.dim" if several else ""
    sql = f"""{scope.select_pairs()}, numbered AS (
  SELECT pair_id, weight, (dense_rank() OVER (ORDER BY unit) - 1)::INTEGER AS video FROM chosen
)
SELECT n.video, s.dim, ({relative})::FLOAT AS relative, ({signed})::FLOAT AS signed,
  ({varying})::FLOAT AS varying
FROM numbered n JOIN dim_sensitivity s USING (pair_id){group}"""
    return Question(sql, scope.values, scope.tables)


def frame_map(scope: PairScope) -> Question:
    """One row per patch of the grid that most pairs have: mean distance and cosine over shared slices, then over the pairs of a video, then over
    a sample of at most 1,000 videos.
    """
    sql = f"""{scope.select_pairs()}, grid AS (
  SELECT grid_height, grid_width FROM chosen GROUP BY ALL ORDER BY count(*) DESC, grid_height, grid_width LIMIT 1
), drawn AS (
  SELECT pair_id, unit, 1.0::DOUBLE / count(*) OVER (PARTITION BY unit) AS weight FROM chosen JOIN grid USING (grid_height, grid_width)
  QUALIFY dense_rank() OVER (ORDER BY unit) <= {MAP_VIDEOS}
)
SELECT s.y, s.x, {_mean("s.l2", "d")} AS l2, {_mean("s.cosine", "d")} AS cosine, (SELECT count(*) FROM drawn) AS pairs,
  (SELECT count(DISTINCT unit) FROM drawn) AS videos
FROM drawn d JOIN token_sensitivity s USING (pair_id)
GROUP BY s.y, s.x ORDER BY s.y, s.x"""
    return Question(sql, scope.values, scope.tables)


def _curves_of_videos(scope: PairScope) -> str:
    return f"""{scope.select_pairs()}, curves AS (
  SELECT c.unit, s.shared_slice, {_mean("s.relative")} AS relative, {_mean("s.mean_abs")} AS mean_abs
  FROM chosen c JOIN slice_sensitivity s USING (pair_id) GROUP BY c.unit, s.shared_slice
)"""


def _mean(value: str, weighted: str = "c") -> str:
    """The weighted mean of a value over the pairs of a unit that have one."""
    return f"sum({weighted}.weight * ({value})) / sum({weighted}.weight) FILTER (({value}) IS NOT NULL)"
