"""The tokens with the largest and smallest values along a direction, of every clip with embeddings and not of the sample alone.

roll-ups   a dimension: `dim_stats` bounds every slice, so that few slices are read and the answer is exact
embeddings of a small corpus, all are read
index      the codes of `tubelet index` rank all tokens, embeddings the best 3,000 again; what it finds was measured when it was written
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tubelet.array_types import Float32
from tubelet.latent import clips, half, hits, search_index
from tubelet.latent.code_search import CANDIDATES, EACH
from tubelet.latent.codes import TokenIndex
from tubelet.latent.directions.direction import Direction
from tubelet.latent.hits import Hit, RankingOptions
from tubelet.latent.search_index import Recall
from tubelet.store import Store
from tubelet.store.disk import embeddings
from tubelet.store.questions.dimensions import slice_bounds
from tubelet.store.rows import ClipRow

ROLL_UPS, EMBEDDINGS, INDEX = "roll-ups", "embeddings", "index"
LARGE = 500_000_000  # bytes of embeddings: about a second of reading them all
ROUNDING = 2.0**-11  # of a value, to half precision


@dataclass(frozen=True, kw_only=True)
class Extremes:
    """`largest` and `smallest`: clip_id, slice, y, x, value, video_id, the most extreme first; `way`: how they were found, with the index's `recall`."""

    largest: pa.Table
    smallest: pa.Table
    way: str
    clips: int
    recall: Recall | None = None


def rank_corpus(
    store: Store, direction: Direction, ranking: RankingOptions, videos: Sequence[str] | None = None
) -> Extremes | None:
    """The tokens at both ends, of some videos only, if given; None where only the sample can tell: no embeddings, or a large corpus without an index."""
    rows = clips.with_embeddings(store, direction.encoder_id, videos)
    if not rows:
        return None
    if direction.dim is not None:
        ends = [_by_bounds(store, direction, ranking, (rows, sign)) for sign in (1, -1)]
        return _answer(ends, ROLL_UPS, rows)
    if sum(row.tokens * row.embed_dim * 2 for row in rows) < LARGE:
        return _answer(_exactly(store, direction, ranking, rows), EMBEDDINGS, rows)
    known = search_index.newest(store, direction.encoder_id)
    if known is None or known.direction_recall is None or direction.preparation.positions is not None:  # fmt: skip
        return None
    sketch = search_index.open_index(store, direction.encoder_id)
    return _answer(find_by_index(store, sketch, direction, ranking, rows), INDEX, rows, known)


def _answer(
    ends: Sequence[list[Hit]], way: str, rows: list[ClipRow], recall: Recall | None = None
) -> Extremes:
    largest, smallest = (_list_hits(found, sign) for found, sign in zip(ends, (1, -1), strict=True))
    return Extremes(largest=largest, smallest=smallest, way=way, clips=len(rows), recall=recall)


def _list_hits(found: list[Hit], sign: int) -> pa.Table:
    """Hits whose scores are values times a sign."""
    table = hits.table(found)
    values = pa.array(sign * table["score"].to_numpy())
    columns = {name: table[name] for name in ("clip_id", "slice", "y", "x")}
    return pa.table({**columns, "value": values, "video_id": table["video_id"]})


def measure_tokens(
    direction: Direction, clip: ClipRow, tokens: Float32[np.ndarray, "n D"], numbers: np.ndarray
) -> Float32[np.ndarray, " n"]:
    """Values of a clip's tokens, which have numbers in the order of addresses."""
    _, y, x = np.unravel_index(numbers, clip.positions)
    return direction.measure(tokens, y, x)


def _by_bounds(
    store: Store, direction: Direction, ranking: RankingOptions, asked: tuple[list[ClipRow], int]
) -> list[Hit]:
    """Slices by the largest value that they hold, read until no other can hold one of the hits; `asked`: the clips, and 1 or -1 for which end."""
    rows, sign = asked
    known = {row.clip_id: row for row in rows}
    bounds = store.query(*_ask_bounds(direction, sign))
    found: list[Hit] = []
    kept: list[Hit] = []
    for clip_id, slice_, bound in zip(*(bounds[name].to_pylist() for name in ("clip_id", "slice", "bound"))):  # fmt: skip
        clip = known.get(clip_id)
        if clip is None:
            continue
        reach = np.inf if bound is None or np.isnan(bound) else bound + abs(bound) * ROUNDING
        if len(kept) == ranking.top and kept[-1].scores[0] >= reach:
            break
        if _is_full(kept, clip.video_id, ranking, reach):
            continue
        found.append(_read_slice(store, direction, (clip, slice_, sign), ranking))
        kept = hits.rank_hits(found, ranking)
        found = kept
    return kept


def _ask_bounds(direction: Direction, sign: int) -> tuple[str, dict]:
    asked = slice_bounds(direction.encoder_id, direction.dim or 0, sign > 0)
    return asked.sql, dict(asked.values)


def _is_full(kept: list[Hit], video_id: str, ranking: RankingOptions, reach: float) -> bool:
    """Whether a video already has as many hits as it may have, all of them beyond `reach`."""
    own = [hit.scores[0] for hit in kept if hit.clip.video_id == video_id]
    return ranking.per_video is not None and len(own) >= ranking.per_video and min(own) >= reach


def _read_slice(
    store: Store, direction: Direction, asked: tuple[ClipRow, int, int], ranking: RankingOptions
) -> Hit:
    clip, slice_, sign = asked
    grid = clips.read(store, clip, slice_, slice_ + 1)
    tokens = half.widen(grid.reshape(-1, clip.embed_dim))
    first = slice_ * len(tokens)
    numbers = np.arange(first, first + len(tokens))
    best = hits.best_of(clip, sign * measure_tokens(direction, clip, tokens, numbers), ranking.of_a_clip)  # fmt: skip
    return Hit(clip, best.tokens + first, best.scores)


def _exactly(
    store: Store, direction: Direction, ranking: RankingOptions, rows: list[ClipRow]
) -> list[list[Hit]]:
    """Both ends from every embedding; clips of another grid than that of the position means have no values."""
    positions = direction.preparation.positions
    parts: list[list[Hit]] = [[], []]
    for row in rows:
        if positions is not None and positions.shape[:2] != row.positions[1:]:
            continue
        y, x = np.indices(row.positions[1:]).reshape(2, -1)
        found = [direction.measure(tokens, y, x) for tokens in half.slices(clips.read(store, row))]
        values = np.concatenate(found)
        for part, sign in zip(parts, (1, -1)):
            part.append(hits.best_of(row, sign * values, ranking.of_a_clip))
    return [hits.rank_hits(part, ranking) for part in parts]


def find_by_index(
    store: Store,
    sketch: TokenIndex,
    direction: Direction,
    ranking: RankingOptions,
    rows: list[ClipRow],
) -> list[list[Hit]]:
    """Both ends by the codes, the candidates measured again exactly; clips without codes, or without lengths beside them, exactly."""
    wide = RankingOptions(
        CANDIDATES, None if ranking.per_video is None else ranking.per_video * EACH
    )
    ends: list[list[Hit]] = [[], []]
    for row in rows:
        scores = _score_clip(store, sketch, direction, row)
        for part, sign in zip(ends, (1, -1)):
            part.append(hits.best_of(row, sign * scores, wide.of_a_clip))
    return [
        hits.rank_hits(_measure_again(store, direction, hits.by_clip(part, wide), sign), ranking)
        for part, sign in zip(ends, (1, -1))
    ]


def _score_clip(
    store: Store, sketch: TokenIndex, direction: Direction, row: ClipRow
) -> Float32[np.ndarray, " n"]:
    """Values of all tokens of a clip according to the codes, but for what is the same for all of them."""
    held = sketch.load(store, row)
    if held is None or held.lengths is None:
        vectors = half.widen(clips.read(store, row).reshape(-1, row.embed_dim))
        return measure_tokens(direction, row, vectors, np.arange(len(vectors)))
    cosines = sketch.multiply(held.codes, direction.vector[None])
    if direction.preparation.unit:
        return cosines
    return cosines * held.lengths - np.float32(direction.mean @ direction.vector - direction.bias)


def _measure_again(
    store: Store, direction: Direction, found: list[Hit], sign: int
) -> Iterator[Hit]:
    for hit in found:
        tokens = embeddings.read_tokens(clips.find_file(store, hit.clip), hit.tokens.tolist())
        values = measure_tokens(direction, hit.clip, half.widen(tokens), hit.tokens)
        yield Hit(hit.clip, hit.tokens, sign * values)
