"""Maintains the index in the store: fits the basis of the codes once, codes the clips that have none, and measures what the codes miss."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Event

import numpy as np
import pyarrow as pa

from tubelet.latent import bases, clips, code_search, fitting, half, hits, scope
from tubelet.latent.codes import COMPONENTS, TokenIndex
from tubelet.latent.errors import LatentError
from tubelet.latent.fitting import BasisSpec
from tubelet.latent.hits import Hit, RankingOptions
from tubelet.latent.query import TokenAddress, TokenQuery
from tubelet.latent.scope import Scope
from tubelet.store import Store, ids
from tubelet.store.clock import now
from tubelet.store.outcome import Outcome
from tubelet.store.questions.corpus import Question
from tubelet.store.rows import ClipRow
from tubelet.store.schema import SKETCHES

TOP = 20
QUERIES = 50  # sampled tokens

MeasureDirections = Callable[[Store, TokenIndex, list[ClipRow]], tuple[int, float | None]]


@dataclass(kw_only=True)
class CodingOutcome(Outcome):
    """What one call did."""

    counted = ("coded",)

    coded: int = 0  # clips


@dataclass(frozen=True, kw_only=True)
class Recall:
    """How many of the 20 tokens of exact search that the index found, over all queries."""

    basis_id: str
    encoder_id: str
    clips: int
    queries: int
    recall: float
    directions: int | None = None
    direction_recall: float | None = None


def measured_recall(encoder_id: str) -> Question:
    """One row: what was measured of the newest index of an encoder; none where there is none."""
    sql = """SELECT basis_id, encoder_id, clips, queries, recall, directions, direction_recall FROM sketches
WHERE encoder_id = $encoder ORDER BY measured_at DESC, sketch_id LIMIT 1"""
    return Question(sql, {"encoder": encoder_id})


def newest(store: Store, encoder_id: str) -> Recall | None:
    """What was measured of the newest index of an encoder; None where there is none."""
    found = measured_recall(encoder_id).answer(store).to_pylist()
    return Recall(**found[0]) if found else None


def open_index(store: Store, encoder_id: str) -> TokenIndex:
    """The newest index of an encoder. Raises LatentError where there is none."""
    found = newest(store, encoder_id)
    if found is None:
        raise LatentError(
            f"{store.name} holds no index for {encoder_id}: run `tubelet index --store {store.shell_name}`, or search exactly"
        )
    return TokenIndex(bases.load_basis(store, found.basis_id))


def write_index(
    store: Store, encoder_id: str, anew: bool = False, measure: MeasureDirections | None = None
) -> Recall:
    """Code every clip that has no codes, with the newest index or with one fitted `anew`, then measure and commit the recall; `measure` adds that of directions."""
    sketch = prepare_index(store, encoder_id, anew)
    write_codes(store, sketch, find_uncoded(store, sketch))
    return record_recall(store, sketch, measure)


def prepare_index(store: Store, encoder_id: str, anew: bool = False) -> TokenIndex:
    """The newest index of an encoder, or one that is fitted here: where there is none, and where it is wanted `anew`. Raises LatentError where there are no embeddings."""
    _list_clips(store, encoder_id)
    if newest(store, encoder_id) and not anew:
        return open_index(store, encoder_id)
    return _fit_index(store, encoder_id)


def find_uncoded(store: Store, sketch: TokenIndex) -> list[ClipRow]:
    """Clips without codes, or with codes of before 0.2.0."""
    held = ((row, sketch.load(store, row)) for row in _list_clips(store, sketch.basis.encoder_id))
    return [row for row, codes in held if codes is None or codes.lengths is None]


def write_codes(
    store: Store,
    sketch: TokenIndex,
    rows: Sequence[ClipRow],
    stopping: Event | None = None,
    show: Callable[[int], None] = lambda done: None,
) -> CodingOutcome:
    """Code clips; `show` receives how many are done. Once `stopping` is set, the current clip is finished, and the outcome says so."""
    outcome = CodingOutcome()
    for row in rows:
        if stopping is not None and stopping.is_set():
            outcome.interrupted = True
            break
        sketch.write(store, row)
        outcome.coded += 1
        show(outcome.coded)
    return outcome


def record_recall(
    store: Store, sketch: TokenIndex, measure: MeasureDirections | None = None
) -> Recall:
    """Measure what the codes of all clips miss, and commit it; `measure` adds that of directions."""
    rows = _list_clips(store, sketch.basis.encoder_id)
    recall = measure_recall(store, sketch, rows)
    if measure is not None:
        found = measure(store, sketch, rows)
        recall = replace(recall, directions=found[0], direction_recall=found[1])
    store.commit({SKETCHES.name: pa.Table.from_pylist([_row(recall, rows)], SKETCHES.arrow)})
    return recall


def _list_clips(store: Store, encoder_id: str) -> list[ClipRow]:
    return clips.require_embeddings(clips.with_embeddings(store, encoder_id), encoder_id)


def measure_recall(store: Store, sketch: TokenIndex, rows: list[ClipRow]) -> Recall:
    """Search for sampled tokens by index and exactly, in the clips given."""
    asked = _queries(store, sketch.basis.encoder_id)
    truth = _exact(store, asked, rows)
    videos = sorted({row.video_id for row in rows})
    found = [code_search.find(store, sketch, query, RankingOptions(TOP), videos) for query in asked]
    shares = [len(_keys(a) & _keys(b)) / len(b) for a, b in zip(found, truth) if b]
    return Recall(
        basis_id=sketch.basis.basis_id,
        encoder_id=sketch.basis.encoder_id,
        clips=len(rows),
        queries=len(shares),
        recall=float(np.mean(shares)),
    )


def _fit_index(store: Store, encoder_id: str) -> TokenIndex:
    basis = fitting.fit_basis(
        store, Scope("corpus", None, encoder_id), BasisSpec(components=COMPONENTS, unit=True)
    )
    bases.save_basis(store, basis)
    return TokenIndex(basis)


def _queries(store: Store, encoder_id: str) -> list[TokenQuery]:
    """Sampled tokens of the corpus, evenly drawn, each a query."""
    tokens = scope.gather(store, Scope("corpus", None, encoder_id))
    sound = np.flatnonzero(np.isfinite(half.lengths(tokens.vectors)))
    chosen = sound[clips.spread_evenly(len(sound), QUERIES)]
    unit = half.unit(tokens.vectors[chosen])
    addresses = [
        TokenAddress(*(int(values[i]) for values in (tokens.slice, tokens.y, tokens.x)))
        for i in chosen
    ]
    owners = [tokens.clip_ids[tokens.clip[i]] for i in chosen]
    return [
        TokenQuery(
            clip_id=owner,
            video_id="",
            encoder_id=encoder_id,
            addresses=(address,),
            vectors=vector[None],
            slices={},
            grid=(1, 1),
        )
        for owner, address, vector in zip(owners, addresses, unit)
    ]


def _exact(store: Store, asked: list[TokenQuery], rows: list[ClipRow]) -> list[list[Hit]]:
    """Exact hits of many queries, each clip read once."""
    vectors = np.concatenate([query.vectors for query in asked])  # (q, D)
    parts: list[list[Hit]] = [[] for _ in asked]
    for row in rows:
        scores = np.concatenate(
            [
                tokens @ vectors.T / half.lengths(tokens)[:, None]
                for tokens in half.slices(clips.read(store, row))
            ]
        )
        for i, part in enumerate(parts):
            part.append(hits.best_of(row, scores[:, i], TOP))
    return [hits.rank_hits(part, RankingOptions(TOP)) for part in parts]


def _keys(found: list[Hit]) -> set[tuple[str, int]]:
    return {(hit.clip.clip_id, int(hit.tokens[0])) for hit in found}


def _row(recall: Recall, rows: list[ClipRow]) -> dict:
    clip_ids = sorted(row.clip_id for row in rows)
    return {
        "sketch_id": ids.hash_parts(
            recall.basis_id,
            clip_ids,
            recall.queries,
            code_search.CANDIDATES,
            *filter(None, [recall.directions]),
        ),
        "basis_id": recall.basis_id,
        "encoder_id": recall.encoder_id,
        "clips": recall.clips,
        "queries": recall.queries,
        "candidates": code_search.CANDIDATES,
        "recall": recall.recall,
        "directions": recall.directions,
        "direction_recall": recall.direction_recall,
        "measured_at": now(),
    }
