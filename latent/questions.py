"""The SQL behind the pictures: questions whose answers are the numbers of the room's own functions, values bound."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tubelet.latent.basis import Basis
from tubelet.latent.errors import LatentError
from tubelet.latent.hits import RankingOptions
from tubelet.latent.linear import Linear
from tubelet.latent.scope import CHOSEN, SAMPLES
from tubelet.store.questions.corpus import Question, VideoSelection
from tubelet.store.rows import Row

SCORES = """WITH query AS (
  SELECT embedding FROM tokens
  WHERE clip_id = $query_clip AND list_contains($addresses, concat_ws('/', slice, y, x))
), scores AS (
  SELECT t.slice, t.y, t.x, max(list_cosine_similarity(t.embedding, q.embedding)) AS score
  FROM tokens t, query q WHERE t.clip_id = $clip GROUP BY ALL
)"""

SIMILAR = {"mean": "avg(dim_mean)", "max": "max(dim_max)"}


def heat(query_clip: str, addresses: Sequence[tuple[int, int, int]], clip_id: str) -> Question:
    """One row per token of a clip: its largest cosine to the tokens of `query_clip` at ``(slice, y, x)``."""
    return Question(
        f"{SCORES}\nSELECT slice, y, x, score FROM scores ORDER BY slice, y, x",
        _values(query_clip, addresses) | {"clip": clip_id},
    )


def track(query_clip: str, addresses: Sequence[tuple[int, int, int]], clip_id: str) -> Question:
    """One row per slice: the best patch and its score."""
    sql = f"{SCORES}\nSELECT DISTINCT ON (slice) slice, y, x, score FROM scores ORDER BY slice, score DESC, y, x"
    return Question(sql, _values(query_clip, addresses) | {"clip": clip_id})


def search(
    asked: tuple[str, Sequence[tuple[int, int, int]]],
    encoder_id: str,
    ranking: RankingOptions,
    videos: VideoSelection | None = None,
) -> Question:
    """One row per hit of exact search for tokens of a clip ``(clip_id, addresses)``, the best first; equal scores in the order of clip and
    address. Reads every embedding of the encoder, or those of the chosen videos. Hits close in time are not thinned out."""
    among = "" if videos is None else " AND t.video_id IN (SELECT unnest($videos::VARCHAR[]))"
    if ranking.elsewhere:
        among += " AND t.video_id <> (SELECT video_id FROM clips WHERE clip_id = $query_clip)"
    kept = (
        ""
        if ranking.per_video is None
        else "\nQUALIFY row_number() OVER (PARTITION BY video_id ORDER BY score DESC, clip_id, slice, y, x) <= $per_video"
    )
    sql = f"""WITH query AS (
  SELECT embedding FROM tokens
  WHERE clip_id = $query_clip AND list_contains($addresses, concat_ws('/', slice, y, x))
), scores AS (
  SELECT t.video_id, t.clip_id, t.slice, t.y, t.x, max(list_cosine_similarity(t.embedding, q.embedding)) AS score
  FROM tokens t JOIN clips c ON c.clip_id = t.clip_id, query q
  WHERE t.encoder_id = $encoder AND c.role IS DISTINCT FROM 'partner'{among} GROUP BY ALL
)
SELECT * FROM scores WHERE isfinite(score){kept}
ORDER BY score DESC, clip_id, slice, y, x LIMIT $top"""
    optional = {"per_video": ranking.per_video, "videos": videos}
    values = _values(*asked) | {"encoder": encoder_id, "top": ranking.top}
    return Question(
        sql, values | {name: value for name, value in optional.items() if value is not None}
    )


def tokens(clip_id: str) -> Question:
    """One row per token of a clip, with its embedding: the input of segmentation."""
    return Question(
        "SELECT slice, y, x, embedding FROM tokens WHERE clip_id = $clip ORDER BY slice, y, x",
        {"clip": clip_id},
    )


def similar_clips(encoder_id: str, clip_id: str, by: str = "mean", limit: int = 20) -> Question:
    """One row per clip, the most similar first: the cosine of its vector to that of `clip_id`, after the mean over the encoder's clips is
    subtracted. The vector is the mean, or the maximum, of every dimension over all tokens, from `dim_stats`: no embedding is read.
    Clips that only a pair of windows needs are left out of the answer."""
    sql = f"{_alike(by)}\nSELECT * FROM alike ORDER BY score DESC NULLS LAST, clip_id LIMIT $limit"
    return Question(sql, {"encoder": encoder_id, "clip": clip_id, "limit": limit})


@dataclass(frozen=True, kw_only=True)
class SimilarVideo(Row):
    """A row of `similar_videos`: the clip of a video that is most similar; `score` None where a vector is zero."""

    video_id: str
    clip_id: str
    start_s: float
    stop_s: float
    score: float | None


def similar_videos(encoder_id: str, clip_id: str, by: str = "mean", limit: int = 20) -> Question:
    """One row per video other than that of `clip_id`, with the clip of it that is most similar, as `similar_clips` says."""
    sql = f"""{_alike(by)}
SELECT video_id, clip_id, start_s, stop_s, score FROM alike WHERE video_id <> (SELECT video_id FROM clips WHERE clip_id = $clip)
QUALIFY row_number() OVER (PARTITION BY video_id ORDER BY score DESC NULLS LAST, clip_id) = 1
ORDER BY score DESC NULLS LAST, clip_id LIMIT $limit"""
    return Question(sql, {"encoder": encoder_id, "clip": clip_id, "limit": limit})


def _alike(by: str) -> str:
    """One row per clip other than `$clip`: how similar their vectors are."""
    if by not in SIMILAR:
        raise LatentError(f"clips are compared by mean or by max, not by {by}")
    return f"""WITH vectors AS (
  SELECT clip_id, d.dim, {SIMILAR[by]} AS value FROM dim_stats d JOIN clips USING (clip_id) WHERE encoder_id = $encoder GROUP BY clip_id, d.dim
), centered AS (
  SELECT clip_id, dim, value - avg(value) OVER (PARTITION BY dim) AS value FROM vectors
), alike AS (
  SELECT c.video_id, o.clip_id, c.start_s, c.stop_s,
    sum(o.value * q.value) / nullif(sqrt(sum(o.value ** 2) * sum(q.value ** 2)), 0) AS score
  FROM centered q JOIN centered o USING (dim) JOIN clips c ON c.clip_id = o.clip_id
  WHERE q.clip_id = $clip AND o.clip_id <> $clip AND c.role IS DISTINCT FROM 'partner'
  GROUP BY ALL
)"""


def coordinates(basis: Basis, clip_id: str) -> Question:
    """One row per token of a clip: its first three coordinates in a linear basis, or its stored ones in a umap basis, or its cluster."""
    if not isinstance(basis.model, Linear):
        table, columns = (
            ("clusters", "cluster")
            if basis.kind == "kmeans"
            else ("token_projections", "c1, c2, c3")
        )
        sql = f"SELECT slice, y, x, {columns} FROM {table} WHERE basis_id = $basis AND clip_id = $clip ORDER BY slice, y, x"
        return Question(sql, {"basis": basis.basis_id, "clip": clip_id})
    return Question(
        _linear(basis, ("slice", "y", "x"), "FROM tokens s", "WHERE s.clip_id = $clip"),
        {"basis": basis.basis_id, "clip": clip_id},
    )


def sample_coordinates(basis: Basis, values: Mapping) -> Question | None:
    """One row per token of the sample given by the bound values (`Sample.values`): its first three coordinates in a linear basis; None for others,
    whose coordinates of a sample are not rows."""
    if not isinstance(basis.model, Linear):
        return None
    positions = basis.preparation.positions
    chosen = (
        CHOSEN
        if positions is None
        else f"{CHOSEN} AND (c.grid_height, c.grid_width) = {positions.shape[:2]}"
    )
    return Question(
        _linear(basis, ("clip_id", "slice", "y", "x"), SAMPLES, chosen),
        {"basis": basis.basis_id, **values},
    )


def _linear(basis: Basis, address: Sequence[str], tables: str, chosen: str) -> str:
    """Products of the tokens `s` of some tables with the rows of `basis_vectors`, in double precision; position means and lengths as the
    basis asks for."""
    vector = "s.embedding::DOUBLE[]"
    if (positions := basis.preparation.positions) is not None:
        vector = "list_transform(list_zip(s.embedding, p.vector), lambda pair: pair[1] - pair[2])"
        tables += f"\n  JOIN basis_vectors p ON p.basis_id = $basis AND p.name = 'position' AND p.number = s.y * {positions.shape[1]} + s.x"
    divided = " / sqrt(list_dot_product(t.vector, t.vector))" if basis.preparation.unit else ""
    kept = range(min(3, basis.components))
    columns = ",\n  ".join(
        f"list_dot_product(t.vector, c[{i + 1}]){divided} - list_dot_product(mean, c[{i + 1}]) AS c{i + 1}"
        for i in kept
    )
    named = ", ".join(f"t.{name}" for name in address)
    return f"""WITH wanted AS (
  SELECT {", ".join(f"s.{name}" for name in address)}, {vector} AS vector
  {tables}
  {chosen}
), basis AS (
  SELECT list(vector ORDER BY number) FILTER (name = 'component') AS c, any_value(vector) FILTER (name = 'mean') AS mean
  FROM basis_vectors WHERE basis_id = $basis
)
SELECT {named},
  {columns}
FROM wanted t, basis
ORDER BY {named}"""


def _values(query_clip: str, addresses: Sequence[tuple[int, int, int]]) -> dict:
    return {
        "query_clip": query_clip,
        "addresses": ["/".join(str(int(n)) for n in address) for address in addresses],
    }
