"""The SQL behind the pictures: questions whose answers are the numbers of the room's own functions, values bound."""

from collections.abc import Sequence

from latent.basis import Basis
from latent.errors import LatentError
from latent.linear import Linear
from store.queries import Question

SCORES = """WITH query AS (
  SELECT embedding FROM tokens
  WHERE clip_id = $query_clip AND list_contains($addresses, concat_ws('/', slice, y, x))
), scores AS (
  SELECT t.slice, t.y, t.x, max(list_cosine_similarity(t.embedding, q.embedding)) AS score
  FROM tokens t, query q WHERE t.clip_id = $clip GROUP BY ALL
)"""

SIMILAR = {"mean": "avg(mean)", "max": "max(max)"}


def heat(query_clip: str, addresses: Sequence[tuple[int, int, int]], clip_id: str) -> Question:
    """One row a token of a clip: its largest cosine to the tokens of `query_clip` at ``(slice, y, x)``."""
    return Question(f"{SCORES}\nSELECT slice, y, x, score FROM scores ORDER BY slice, y, x", _values(query_clip, addresses, clip_id))


def track(query_clip: str, addresses: Sequence[tuple[int, int, int]], clip_id: str) -> Question:
    """One row a slice: the best patch and its score."""
    sql = f"{SCORES}\nSELECT DISTINCT ON (slice) slice, y, x, score FROM scores ORDER BY slice, score DESC, y, x"
    return Question(sql, _values(query_clip, addresses, clip_id))


def tokens(clip_id: str) -> Question:
    """One row a token of a clip, with its embedding: what marks spread over."""
    return Question("SELECT slice, y, x, embedding FROM tokens WHERE clip_id = $clip ORDER BY slice, y, x", {"clip": clip_id})


def similar_clips(encoder_id: str, clip_id: str, by: str = "mean", limit: int = 20) -> Question:
    """One row a clip, the most similar first: the cosine of its vector to that of `clip_id`, after the mean over the encoder's clips is
    subtracted. The vector is the mean, or the maximum, of every dimension over all tokens, from `dim_stats`: no embedding is read.
    Clips that only a pair of windows needs are left out of the answer."""
    if by not in SIMILAR:
        raise LatentError(f"clips are compared by mean or by max, not by {by}")
    sql = f"""WITH vectors AS (
  SELECT clip_id, d.dim, {SIMILAR[by]} AS value FROM dim_stats d JOIN clips USING (clip_id) WHERE encoder_id = $encoder GROUP BY clip_id, d.dim
), centred AS (
  SELECT clip_id, dim, value - avg(value) OVER (PARTITION BY dim) AS value FROM vectors
)
SELECT c.video_id, o.clip_id, c.start_s, c.stop_s,
  sum(o.value * q.value) / nullif(sqrt(sum(o.value ** 2) * sum(q.value ** 2)), 0) AS score
FROM centred q JOIN centred o USING (dim) JOIN clips c ON c.clip_id = o.clip_id
WHERE q.clip_id = $clip AND o.clip_id <> $clip AND c.role IS DISTINCT FROM 'partner'
GROUP BY ALL ORDER BY score DESC NULLS LAST, o.clip_id LIMIT $limit"""
    return Question(sql, {"encoder": encoder_id, "clip": clip_id, "limit": limit})


def coordinates(basis: Basis, clip_id: str) -> Question:
    """One row a token of a clip: its first three coordinates in a linear basis, or its kept ones in a umap basis, or its cluster."""
    if not isinstance(basis.model, Linear):
        table, columns = ("clusters", "cluster") if basis.kind == "kmeans" else ("token_projections", "c1, c2, c3")
        sql = f"SELECT slice, y, x, {columns} FROM {table} WHERE basis_id = $basis AND clip_id = $clip ORDER BY slice, y, x"
        return Question(sql, {"basis": basis.basis_id, "clip": clip_id})
    return Question(_linear(basis), {"basis": basis.basis_id, "clip": clip_id})


def _linear(basis: Basis) -> str:
    """Products with the rows of `basis_vectors`, in double precision; position means and lengths as the basis asks for."""
    positions, unit = basis.preparation.positions, basis.preparation.unit
    shifted = "list_transform(list_zip(embedding, p.vector), lambda pair: pair[1] - pair[2])" if positions is not None else "embedding::DOUBLE[]"
    at = "" if positions is None else f"\n  JOIN basis_vectors p ON p.basis_id = $basis AND p.name = 'position' AND p.number = y * {positions.shape[1]} + x"
    divided = " / sqrt(list_dot_product(t.vector, t.vector))" if unit else ""
    kept = range(min(3, basis.components))
    columns = ",\n  ".join(f"list_dot_product(t.vector, c[{i + 1}]){divided} - list_dot_product(mean, c[{i + 1}]) AS c{i + 1}" for i in kept)
    return f"""WITH tokens_of_clip AS (
  SELECT slice, y, x, {shifted} AS vector
  FROM tokens{at} WHERE clip_id = $clip
), basis AS (
  SELECT list(vector ORDER BY number) FILTER (name = 'component') AS c, any_value(vector) FILTER (name = 'mean') AS mean
  FROM basis_vectors WHERE basis_id = $basis
)
SELECT t.slice, t.y, t.x,
  {columns}
FROM tokens_of_clip t, basis
ORDER BY t.slice, t.y, t.x"""


def _values(query_clip: str, addresses: Sequence[tuple[int, int, int]], clip_id: str) -> dict:
    return {"query_clip": query_clip, "addresses": ["/".join(str(int(n)) for n in address) for address in addresses], "clip": clip_id}
