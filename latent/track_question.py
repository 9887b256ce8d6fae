"""The SQL behind a track: everything that `tracking.track` returns for a slice, from the embeddings and the measured level."""

from collections.abc import Sequence

from tubelet.latent.query import NEAR
from tubelet.store.questions.corpus import Question


def track_rows(
    asked: tuple[str, Sequence[tuple[int, int, int]]], clip_id: str, level: float
) -> Question:
    """One row per slice of a clip: the best patch for tokens ``(clip_id, addresses)``, its score and margin, whether it passes the round-trip
    check, whether it is lost, and the level. NaN says that no level is known; slices without a direction have no row."""
    query_clip, addresses = asked
    values = {
        "query_clip": query_clip,
        "addresses": ["/".join(str(int(n)) for n in address) for address in addresses],
        "clip": clip_id,
        "level": None if level != level else float(level),
        "near": NEAR,
    }
    return Question(SQL, values)


SQL = """WITH RECURSIVE query AS (
  SELECT slice, y, x, embedding FROM tokens
  WHERE clip_id = $query_clip AND list_contains($addresses, concat_ws('/', slice, y, x))
), scores AS MATERIALIZED (
  SELECT t.slice, t.y, t.x, any_value(t.embedding) AS embedding, max(list_cosine_similarity(t.embedding, q.embedding)) AS score
  FROM tokens t, query q WHERE t.clip_id = $clip GROUP BY t.slice, t.y, t.x HAVING isfinite(score)
), best AS MATERIALIZED (
  SELECT DISTINCT ON (slice) slice, y, x, score, embedding FROM scores ORDER BY slice, score DESC, y, x
), bright AS (
  SELECT s.slice, s.y, s.x FROM scores s JOIN best b USING (slice)
  WHERE s.score >= CASE WHEN $level < b.score THEN (b.score + $level) / 2 ELSE b.score END
), region AS (
  SELECT slice, y, x FROM best
  UNION
  SELECT p.slice, p.y, p.x FROM region r JOIN bright p ON p.slice = r.slice AND abs(p.y - r.y) <= 1 AND abs(p.x - r.x) <= 1
), margins AS (
  SELECT slice, any_value(b.score) - max(s.score) AS margin FROM best b JOIN scores s USING (slice)
  WHERE NOT EXISTS (FROM region r WHERE r.slice = s.slice AND abs(r.y - s.y) <= $near AND abs(r.x - s.x) <= $near)
  GROUP BY slice
), home AS (
  SELECT b.slice AS of_slice, t.slice, t.y, t.x FROM best b, tokens t
  WHERE t.clip_id = $query_clip AND t.slice IN (SELECT slice FROM query)
  QUALIFY row_number() OVER (PARTITION BY b.slice, t.slice ORDER BY list_cosine_similarity(b.embedding, t.embedding) DESC, t.y, t.x) = 1
), checked AS (
  SELECT of_slice AS slice, bool_or(abs(q.y - h.y) <= $near AND abs(q.x - h.x) <= $near) AS returned
  FROM home h JOIN query q USING (slice) GROUP BY of_slice
)
SELECT slice, b.y, b.x, b.score, m.margin, c.returned, NOT c.returned OR coalesce(b.score < $level, false) AS lost, $level::FLOAT AS level
FROM best b JOIN checked c USING (slice) LEFT JOIN margins m USING (slice) ORDER BY slice"""
