"""How much of an exact ranking along directions the index finds: measured on directions that pages ask for, over every clip, when the index is written."""

import numpy as np

from tubelet.latent import clips, half, hits, scope
from tubelet.latent.codes import TokenIndex
from tubelet.latent.directions.direction import Direction
from tubelet.latent.directions.naming import find_direction
from tubelet.latent.directions.ranking import find_by_index
from tubelet.latent.hits import Hit, RankingOptions
from tubelet.latent.scope import Scope
from tubelet.store import Store
from tubelet.store.rows import ClipRow

TOP = 20
BETWEEN, STORED = 20, 20  # directions between two sampled tokens, and of those that the store keeps
NAMES = """SELECT direction FROM directions d WHERE encoder_id = $encoder AND vector IS NOT NULL AND NOT unit AND NOT positions
ORDER BY md5(direction) LIMIT $most"""


def measure_direction_recall(
    store: Store, sketch: TokenIndex, rows: list[ClipRow]
) -> tuple[int, float | None]:
    """The number of directions, and the mean share of the 20 largest and 20 smallest tokens that the index finds; None where there is no direction."""
    asked = draw_directions(store, rows[0].encoder_id)
    if not asked:
        return 0, None
    truth = _rank_exactly(store, asked, rows)
    shares = []
    for direction, ends in zip(asked, truth):
        found = find_by_index(store, sketch, direction, RankingOptions(TOP), rows)
        shares += [len(_keys(a) & _keys(b)) / len(b) for a, b in zip(found, ends, strict=True) if b]
    return len(asked), float(np.mean(shares)) if shares else None


def draw_directions(store: Store, encoder_id: str) -> list[Direction]:
    """Differences of sampled tokens, as two picked patches have them, and some directions that the store keeps: the same ones at every call."""
    tokens = scope.gather(store, Scope("corpus", None, encoder_id)).vectors
    sound = tokens[np.isfinite(tokens).all(axis=1)]
    order = np.random.default_rng(0).permutation(len(sound))
    found = []
    for first, second in zip(order[:BETWEEN], order[BETWEEN : 2 * BETWEEN]):
        away = sound[first] - sound[second]
        length = np.linalg.norm(away)
        if length > 0:
            name = f"{first} to {second}"
            found.append(Direction(encoder_id=encoder_id, key=name, name=name, vector=away / length, mean=(sound[first] + sound[second]) / 2))  # fmt: skip
    kept = store.rows(NAMES, {"encoder": encoder_id, "most": STORED})
    return found + [find_direction(store, encoder_id, row["direction"]) for row in kept]


def _rank_exactly(
    store: Store, asked: list[Direction], rows: list[ClipRow]
) -> list[list[list[Hit]]]:
    """Both ends of every direction, each clip read once."""
    vectors = np.stack([direction.vector for direction in asked])
    constants = np.array([one.bias - one.mean @ one.vector for one in asked], np.float32)
    parts: list[list[list[Hit]]] = [[[], []] for _ in asked]
    for row in rows:
        grids = half.slices(clips.read(store, row))
        values = np.concatenate([tokens @ vectors.T + constants for tokens in grids])
        for number, ends in enumerate(parts):
            for end, sign in zip(ends, (1, -1)):
                end.append(hits.best_of(row, sign * values[:, number], TOP))
    return [[hits.rank_hits(end, RankingOptions(TOP)) for end in ends] for ends in parts]


def _keys(found: list[Hit]) -> set[tuple[str, int]]:
    return {(hit.clip.clip_id, int(hit.tokens[0])) for hit in found}
