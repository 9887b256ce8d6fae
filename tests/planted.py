"""Stores whose measurements have a structure that was planted, so that a report can be held to it.

    store = planted_store(tmp_path / "store", videos=40, specialists=(3, 17), context=2)

Rows follow the schema's definitions: edge is the mean of first and last, the mean is that of the curve; with ``full=True``
the rows of `sensitivity` sum up to the others. Only the quartiles over dimensions are interpolated between the ends and
the middle. 1,000 videos of 768 dimensions take 3 s.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.compared import add_pooled
from tests.measured import middle_third, pair_row
from tests.planted_changes import plant_changes
from tests.planted_dimensions import plant_slice_number
from tests.planted_probes import keep_planted_run
from tests.planted_scores import plant_scores
from tests.planted_surprise import plant_surprise
from tests.planted_transitions import plant_transitions
from tests.stores import Recipe, _clip_row, _table, _video_row, encoder_row
from tubelet.store import Store
from tubelet.store.schema import TABLES

BATCH = 500  # videos in one commit
EDGE, MIDDLE = 0.4, 0.08  # relative differences of a dimension that is not a specialist
FLIPPED = (
    0.3  # how often the sign of a dimension that is not a specialist differs from its usual one
)


@dataclass(frozen=True)
class Planted:
    """What is planted, and how loud the rest is. Spreads are standard deviations of logarithms."""

    videos: int = 40
    pairs: int = 1  # a video
    dim: int = 64
    shared: int = 19  # slices
    shift: int = 1
    side: int = 4
    specialists: tuple[int, ...] = (3, 17, 40)
    strength: float = 3.0  # of a specialist's edge against another dimension's
    context: int = 2  # slices in from the edge where its excess is below a half for the first time
    video_spread: float = 0.3  # of a video's level, the same for all of its dimensions
    noise: float = 0.25  # of one dimension in one video
    stable: float = 0.0  # of a dimension's level, the same in all videos
    flat: bool = False  # no edge: the curve is noise around one level
    constant: tuple[int, ...] = ()  # dimensions that never vary
    outliers: tuple[int, ...] = ()  # videos whose dimensions react in an order of their own
    controls: int = 0  # videos in which both controls were measured
    full: bool = False  # rows of `sensitivity` too: 19 times as many as of `dim_sensitivity`
    source: str = "live"
    seed: int = 0

    @property
    def recipe(self) -> Recipe:
        slices = self.shared + self.shift
        clips = self.pairs + 1 + (-(-slices // self.shift) if self.controls else 0)
        return Recipe(
            self.videos, clips, slices, self.side, self.dim, self.seed, 0, False, self.shift
        )

    @property
    def profile(self) -> np.ndarray:
        """Of the edge's excess over the shared slices: 1 at both ends, 0 on average over the middle third."""
        inward = np.minimum(np.arange(self.shared), np.arange(self.shared)[::-1])
        raw = np.zeros(self.shared) if self.flat else 0.5 ** (inward / (self.context - 0.3))
        middle = raw[middle_third(self.shared)].mean()
        return (raw - middle) / max(1 - middle, 1e-9)


@pytest.fixture(scope="session")
def planted_everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that has something for every section of the report; several modules share it, and a test leaves it as it was."""
    found = {
        "specialists": (3, 17, 40),
        "context": 2,
        "controls": 3,
        "outliers": (5,),
        "constant": (9,),
        "full": True,
    }
    made = planted_store(tmp_path_factory.mktemp("planted") / "store", videos=40, dim=64, **found)
    keep_planted_run(made)
    plant_slice_number(made, dim=64)
    states = np.random.default_rng(1).standard_normal((40, 8))
    (encoder,) = made.query("SELECT encoder_id FROM encoders")["encoder_id"].to_pylist()
    add_pooled(made, encoder, {"block:0": states, "block:1": states[:, ::-1] + 1})
    plant_changes(made, {("flip", None): 0.2, ("noise", 0.1): 0.1, ("noise", 0.3): 0.3})
    plant_surprise(made)
    plant_transitions(made)
    plant_scores(made)
    yield made
    made.close()


def planted_store(path: Path, **planted) -> Store:
    """A store with the videos of ``Planted(**planted)``; the caller closes it."""
    made, store = Planted(**planted), Store.create(path)
    add_planted(store, made)
    return store


def add_planted(store: Store, made: Planted, first: int = 0) -> None:
    """Commit videos number ``[first, first + made.videos)`` with their clips and pairs, many in a commit."""
    store.commit({"encoders": _table("encoders", [encoder_row(made.recipe)])})
    for start in range(first, first + made.videos, BATCH):
        store.commit(rows(store, made, range(start, min(start + BATCH, first + made.videos))))


def rows(store: Store, made: Planted, numbers: range) -> dict[str, pa.Table]:
    """The rows of these videos, by table."""
    recipe = made.recipe
    videos = [_video_row(store, recipe, number) | {"thumbnail": None} for number in numbers]
    clips = [_clip_row(recipe, number, clip) for number in numbers for clip in range(recipe.clips)]
    shifted = [
        pair_row(clips[at], clips[at + 1], made.shift, made.source)
        for n in range(len(numbers)) for at in range(n * recipe.clips, n * recipe.clips + made.pairs)
    ]  # fmt: skip
    tables = {"videos": _table("videos", videos), "clips": _table("clips", clips)}
    parts = [_shifted(made, shifted, numbers), *_controls(made, clips, numbers)]
    names = {name for part in parts for name in part}
    return tables | {
        name: pa.concat_tables(part[name] for part in parts if name in part) for name in names
    }


def relative_edges(made: Planted, numbers: range) -> np.ndarray:
    """Relative edge sensitivity ``(pairs of these videos, D)`` as planted, NaN where a dimension is constant."""
    return _draw(made, numbers)["edge"]


def _draw(made: Planted, numbers: range) -> dict[str, np.ndarray]:
    rng, fixed = (
        np.random.default_rng([made.seed, 1, numbers.start]),
        np.random.default_rng([made.seed, 0]),
    )
    count, dims = len(numbers) * made.pairs, made.dim
    effect = fixed.lognormal(0, made.stable, dims)
    effect[list(made.specialists)] *= made.strength
    effects = np.repeat(effect[None], count, 0)
    for row, number in enumerate(np.repeat(numbers, made.pairs)):
        if number in made.outliers:
            effects[row] = rng.permutation(effect) if made.stable or made.specialists else effect
    level = np.repeat(rng.lognormal(0, made.video_spread, len(numbers)), made.pairs)[:, None]
    noise = np.exp(made.noise * rng.standard_normal((count, dims), np.float32))
    edge = EDGE * level * effects * noise
    tilt = 1 + 0.1 * rng.uniform(-1, 1, (count, 1))
    middle = MIDDLE * level * np.exp(0.1 * rng.standard_normal((count, dims), np.float32))
    sign = np.where(fixed.random(dims) < 0.5, -1, 1) * np.where(
        rng.random((count, dims)) < FLIPPED, -1, 1
    )
    sign[:, list(made.specialists)] = np.where(np.arange(len(made.specialists)) % 2, 1, -1)
    std = fixed.lognormal(0, 0.5, dims) * np.ones((count, 1))
    edge = middle.copy() if made.flat else edge
    for values, constant in ((edge, np.nan), (middle, np.nan), (std, 0)):
        values[:, list(made.constant)] = constant
    return {
        "edge": edge,
        "first": edge * tilt,
        "last": edge * (2 - tilt),
        "middle": middle,
        "sign": sign,
        "std": std,
    }


def _shifted(made: Planted, pairs: list[dict], numbers: range) -> dict[str, pa.Table]:
    drawn, profile = _draw(made, numbers), made.profile
    absolute = {
        name: np.nan_to_num(drawn[name]) * drawn["std"]
        for name in ("first", "last", "edge", "middle")
    }
    left = np.arange(made.shared) < made.shared / 2
    weights = (profile * left).mean(), (profile * ~left).mean()
    mean = absolute["middle"] + sum(
        w * (absolute[end] - absolute["middle"]) for w, end in zip(weights, ("first", "last"))
    )
    signed = 0.8 * absolute["edge"] * drawn["sign"]
    ids = [pair["pair_id"] for pair in pairs]
    dims = np.broadcast_to(np.arange(made.dim), drawn["edge"].shape)
    tables = {
        "pairs": pa.Table.from_pylist(pairs, schema=TABLES["pairs"].arrow),
        "dim_sensitivity": _rows(
            "dim_sensitivity",
            ids,
            {
                **absolute,
                "dim": dims,
                "overall": mean,
                "edge_signed": signed,
                "pair_std": drawn["std"],
                "relative_edge": drawn["edge"],
            },
        ),
        "slice_sensitivity": _slices(made, ids, drawn, numbers),
        "token_sensitivity": _tokens(made, ids, made.shared, numbers, profile),
    }
    return tables | ({"sensitivity": _full(made, ids, absolute, signed)} if made.full else {})


def _curve(made: Planted, ends: dict[str, np.ndarray]) -> np.ndarray:
    """First, last and middle ``(P, ...)`` to the curve ``(P, S, ...)``."""
    shape = (1, -1) + (1,) * (ends["first"].ndim - 1)
    left = (np.arange(made.shared) < made.shared / 2).reshape(shape)
    end = np.where(left, ends["first"][:, None], ends["last"][:, None])
    return ends["middle"][:, None] + (end - ends["middle"][:, None]) * made.profile.reshape(shape)


def _slices(
    made: Planted, ids: list[str], drawn: dict[str, np.ndarray], numbers: range
) -> pa.Table:
    rng = np.random.default_rng([made.seed, 2, numbers.start])
    wobble = np.exp((0 if made.full else 0.05) * rng.standard_normal((len(ids), made.shared)))
    varying = [d for d in range(made.dim) if d not in made.constant]
    ends = {
        name: drawn[name][:, varying].mean(1) if varying else np.full(len(ids), np.nan)
        for name in ("first", "last", "middle")
    }
    relative = _curve(made, ends) * wobble
    values = {
        name: np.nan_to_num(drawn[name]) * drawn["std"] for name in ("first", "last", "middle")
    }
    curves = {
        "mean_abs": _curve(made, {name: value.mean(1) for name, value in values.items()}) * wobble
    }
    for share in (25, 50, 75):
        curves[f"q{share}"] = (
            _curve(
                made,
                {name: np.quantile(value, share / 100, axis=1) for name, value in values.items()},
            )
            * wobble
        )
    slices = np.broadcast_to(np.arange(made.shared), relative.shape)
    distance = 0.9 * relative
    return _rows(
        "slice_sensitivity",
        ids,
        {
            **curves,
            "shared_slice": slices,
            "relative": relative,
            "token_cosine": 1 - distance**2 / 2,
            "relative_l2": distance,
        },
    )


def _tokens(
    made: Planted, ids: list[str], count: int, numbers: range, profile: np.ndarray
) -> pa.Table:
    """Stronger towards the border of the frame."""
    rng, side = np.random.default_rng([made.seed, 3, numbers.start]), made.side
    away = np.abs(np.arange(side) - (side - 1) / 2) / max(side / 2, 1)
    frame = 0.5 + np.maximum(away[:, None], away[None])
    base = (0.2 + profile[:, None, None]) * frame
    l2 = np.abs(base[None] * (1 + 0.1 * rng.standard_normal((len(ids), *base.shape), np.float32)))
    s, y, x = np.meshgrid(np.arange(count), np.arange(side), np.arange(side), indexing="ij")
    address = {
        name: np.broadcast_to(axis.ravel(), (len(ids), axis.size))
        for name, axis in (("shared_slice", s), ("y", y), ("x", x))
    }
    return _rows(
        "token_sensitivity",
        ids,
        {
            **address,
            "l2": l2.reshape(len(ids), -1),
            "cosine": np.exp(-l2.reshape(len(ids), -1) / 10),
        },
    )


def _full(
    made: Planted, ids: list[str], absolute: dict[str, np.ndarray], signed: np.ndarray
) -> pa.Table:
    curve = _curve(made, absolute)
    s, d = np.meshgrid(np.arange(made.shared), np.arange(made.dim), indexing="ij")
    ends = np.zeros(curve.shape)
    ends[:, 0], ends[:, -1] = signed, -signed
    columns = {"shared_slice": s, "slice_a": s + made.shift, "slice_b": s, "dim": d}
    columns = {
        name: np.broadcast_to(values.ravel(), (len(ids), values.size))
        for name, values in columns.items()
    }
    made_of = {"mean_abs": curve, "rms": 1.25 * curve, "mean_signed": ends, "max_abs": 3 * curve}
    return _rows(
        "sensitivity",
        ids,
        {**columns, **{name: value.reshape(len(ids), -1) for name, value in made_of.items()}},
    )


def _controls(made: Planted, clips: list[dict], numbers: range) -> Iterator[dict[str, pa.Table]]:
    """The same window twice, which differs by nothing, and windows that share no frame."""
    a_video = made.recipe.clips
    chosen = [clips[n * a_video] for n, number in enumerate(numbers) if number < made.controls]
    away = [
        clips[n * a_video + a_video - 1]
        for n, number in enumerate(numbers)
        if number < made.controls
    ]
    if chosen:
        alone = replace(
            made, shared=made.recipe.slices, pairs=1, specialists=(), full=False, flat=True
        )
        yield _control(
            alone, [pair_row(clip, clip, 0, made.source, "repeated") for clip in chosen], 0.0
        )
        yield _control(
            alone,
            [pair_row(a, b, a_video - 1, made.source, "disjoint") for a, b in zip(chosen, away)],
            1.2 / MIDDLE,
        )


def _control(made: Planted, pairs: list[dict], times: float) -> dict[str, pa.Table]:
    tables = _shifted(made, pairs, range(len(pairs)))
    for name in ("dim_sensitivity", "slice_sensitivity", "token_sensitivity"):
        table = tables[name]
        for column in set(table.column_names) - {
            "pair_id",
            "dim",
            "shared_slice",
            "y",
            "x",
            "pair_std",
            "token_cosine",
            "cosine",
        }:
            values = pa.array(
                (table[column].to_numpy() * times).astype(np.float32), from_pandas=True
            )
            table = table.set_column(
                table.column_names.index(column), table.schema.field(column), values
            )
        tables[name] = table
    return tables


def _rows(name: str, pair_ids: list[str], columns: dict[str, np.ndarray]) -> pa.Table:
    """Columns ``(P, rows a pair)`` as the table's rows."""
    each = next(iter(columns.values())).shape[1]
    index = pa.array(np.repeat(np.arange(len(pair_ids), dtype=np.int32), each))
    made = {"pair_id": pa.DictionaryArray.from_arrays(index, pa.array(pair_ids)).cast(pa.string())}
    for column in TABLES[name].arrow.names[1:]:
        type_ = TABLES[name].arrow.field(column).type
        made[column] = pa.array(
            np.ascontiguousarray(columns[column], type_.to_pandas_dtype()).ravel(), from_pandas=True
        )
    return pa.table(made, schema=TABLES[name].arrow)
