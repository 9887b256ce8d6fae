"""Questions behind a direction: the value of every sampled token, and what is read of one video."""

from dataclasses import dataclass

from tubelet.latent.directions.direction import Direction
from tubelet.latent.directions.naming import PATCHES
from tubelet.latent.scope import CHOSEN, SAMPLES
from tubelet.store.questions.corpus import Question

ALONG = "(SELECT vector FROM directions WHERE direction = $direction)"
CONSTANT = "(SELECT bias - coalesce(list_dot_product(origin, vector), 0) FROM directions WHERE direction = $direction)"
EMBEDDING = "s.embedding::DOUBLE[]"
JOINED = """
LEFT JOIN basis_vectors p ON p.basis_id = $basis AND p.name = 'position' AND p.number = s.y * c.grid_width + s.x"""


@dataclass(frozen=True)
class SampleScope:
    """The sample of a direction's encoder, about `each` tokens per video, of some videos alone, None for all."""

    direction: Direction
    each: int
    videos: list[str] | None = None

    @property
    def chosen(self) -> str:
        among = "" if self.videos is None else "\n  AND c.video_id IN (SELECT unnest($videos::VARCHAR[]))"  # fmt: skip
        return f"{CHOSEN}{among}"

    @property
    def joined(self) -> str:
        return "" if self.direction.preparation.positions is None else JOINED

    @property
    def values(self) -> dict:
        given = {"encoder": self.direction.encoder_id, "each": self.each, "slices": None}
        return given if self.videos is None else given | {"videos": self.videos}


def sampled_addresses(encoder_id: str) -> Question:
    """One row per token of `token_samples` of an encoder's regular windows, with its embedding; figures take about as many of each video."""
    return Question(
        """SELECT c.video_id, s.clip_id, s.slice, s.y, s.x, s.embedding FROM token_samples s JOIN clips c USING (clip_id)
WHERE c.encoder_id = $encoder AND c.role IS DISTINCT FROM 'partner' ORDER BY ALL""",
        {"encoder": encoder_id},
    )


def values(scope: SampleScope) -> Question:
    """One row per token of the sample: its address, and its value along the direction."""
    sql, given = write_value(scope.direction)
    return Question(
        f"SELECT c.video_id, s.clip_id, s.slice, s.y, s.x, {sql} AS value\n{SAMPLES}{scope.joined}\n{scope.chosen}\nORDER BY value DESC, s.clip_id, s.slice, s.y, s.x",
        scope.values | given,
    )


def write_value(direction: Direction) -> tuple[str, dict]:
    """The value of a token `s` in SQL, and what it is asked with; of a basis with position means, those of its place are `p`."""
    if direction.dim is not None:
        return "s.embedding[$dim + 1]::DOUBLE", {"dim": direction.dim}
    if direction.preparation.positions is None:
        return write_component(direction, "s.embedding")
    moved = f"(list_dot_product({EMBEDDING}, {ALONG}) - list_dot_product(p.vector, {ALONG}))"
    if direction.preparation.unit:
        square = f"(list_dot_product({EMBEDDING}, {EMBEDDING}) - 2 * list_dot_product({EMBEDDING}, p.vector) + list_dot_product(p.vector, p.vector))"
        moved = f"{moved} / sqrt({square})"
    return f"{moved} + {CONSTANT}", {"direction": direction.key, "basis": direction.basis_id}


def write_component(direction: Direction, embedding: str) -> tuple[str, dict]:
    """The value of an embedding by the function `component`; the name of one between patches, which are digits and dots, is written out as that asks for."""
    if direction.key.startswith(f"{PATCHES}:"):
        return f"component('{direction.key}', {embedding})", {}
    return f"component($direction, {embedding})", {"direction": direction.key}


def distribution(scope: SampleScope, bins: int) -> Question:
    """One row per bin: how many sampled tokens have a value in it."""
    inner = values(scope)
    sql = f"""WITH measured AS (
{inner.sql}
), known AS (SELECT value FROM measured WHERE isfinite(value)),
ends AS (SELECT min(value) AS low, max(value) AS high FROM known)
SELECT least(floor((value - low) / nullif(high - low, 0) * {bins}), {bins - 1})::INTEGER AS bin, min(value) AS from_value, max(value) AS to_value, count(*) AS tokens
FROM known, ends GROUP BY bin ORDER BY bin"""
    return Question(sql, inner.values)


def places(scope: SampleScope) -> Question:
    """One row per patch of the frame: mean over videos of the value minus the mean of its video."""
    return _deviations(scope, "y, x")


def positions(scope: SampleScope) -> Question:
    """One row per slice of the window: mean over videos of the value minus the mean of its video."""
    return _deviations(scope, "slice")


def _deviations(scope: SampleScope, by: str) -> Question:
    inner = values(scope)
    sql = f"""WITH measured AS (
{inner.sql}
), deviating AS (
  SELECT *, value - avg(value) OVER (PARTITION BY video_id) AS deviation FROM measured WHERE isfinite(value)
), of_videos AS (SELECT video_id, {by}, avg(deviation) AS deviation FROM deviating GROUP BY ALL)
SELECT {by}, avg(deviation) AS deviation, stddev(deviation) / sqrt(count(*)) AS error, count(*) AS videos
FROM of_videos GROUP BY ALL ORDER BY {by}"""
    return Question(sql, inner.values)


def correlations(scope: SampleScope, top: int) -> Question:
    """One row per dimension whose correlation with the direction over the sampled tokens is among the largest, either sign."""
    sql, given = write_value(scope.direction)
    text = f"""WITH measured AS (
  SELECT s.embedding, {sql} AS value
  {SAMPLES}{scope.joined}
  {scope.chosen}
), cells AS (SELECT value, unnest(embedding)::DOUBLE AS other, unnest(range(len(embedding))) AS dim FROM measured WHERE isfinite(value))
SELECT dim, corr(value, other) AS correlation FROM cells GROUP BY dim
HAVING stddev_pop(other) > 0 ORDER BY abs(correlation) DESC, dim LIMIT {top + 1}"""
    return Question(text, scope.values | given)


def curve(video_id: str, direction: Direction) -> Question:
    """One row per slice of the clips of a video, from roll-ups alone: of a dimension its mean, smallest and largest value, of a component its mean."""
    chosen = """FROM dim_stats s JOIN clips c USING (clip_id)
WHERE c.video_id = $video AND c.encoder_id = $encoder AND c.role IS DISTINCT FROM 'partner'"""
    at = "c.start_s + (s.slice + 0.5) / c.slices * (c.stop_s - c.start_s) AS at_s"
    given = {"video": video_id, "encoder": direction.encoder_id}
    if direction.dim is not None:
        sql = f"""SELECT s.clip_id, s.slice, {at}, s.dim_mean AS value, s.dim_min AS low, s.dim_max AS high
{chosen} AND s.dim = $dim ORDER BY at_s, s.clip_id"""
        return Question(sql, given | {"dim": direction.dim})
    value, named = write_component(direction, "mean")
    sql = f"""WITH chosen AS (
  SELECT s.clip_id, s.slice, {at}, list(s.dim_mean::DOUBLE ORDER BY s.dim) AS mean
  {chosen} GROUP BY ALL
)
SELECT clip_id, slice, at_s, {value} AS value, NULL::DOUBLE AS low, NULL::DOUBLE AS high
FROM chosen ORDER BY at_s, clip_id"""
    return Question(sql, given | named)
