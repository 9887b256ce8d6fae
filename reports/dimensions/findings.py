"""The numbers of the report on dimensions: of every layer the shares, and which dimensions depend on the slice's position."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import stats

from tubelet.latent.directions.sample import draw_direction_sample
from tubelet.latent.errors import LatentError
from tubelet.reports.dimensions.position_probes import PositionReading, read_positions
from tubelet.reports.dimensions.position_test import Q
from tubelet.reports.dimensions.request import (
    DimensionsOptions,
    Subject,
    choose_subject,
    refuse_nothing,
)
from tubelet.reports.dimensions.variance import PARTS, Shares, SliceMeans, split_variance
from tubelet.reports.errors import ReportError
from tubelet.store import Store
from tubelet.store.intervals import FEWEST
from tubelet.store.questions import dimensions as queries
from tubelet.store.questions.corpus import Question
from tubelet.store.questions.dimensions import StateScope

MOST_CELLS = 16_000_000  # of videos, slices and dimensions, read at once
UNDECIDED, CONSTANT, UNKNOWN = "not decided", "constant", "not finite"
SHOWN = ("video", "video_low", "video_high", "video_chance", "slice", "slice_chance", "excess", "excess_low", "excess_high", "moment", "patch")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class LayerFindings:
    """One layer: its shares, q-values `q` ``(D,)``, which dimensions are `named`, what each mostly varies with, shares of places where stored."""

    scope: StateScope
    shares: Shares
    q: np.ndarray
    places: Mapping[str, np.ndarray]
    units: int
    basis_id: str | None = None

    @property
    def named(self) -> np.ndarray:
        """Dimensions that depend on the position, the largest share first."""
        found = np.flatnonzero(np.nan_to_num(self.q, nan=1.0) < Q)
        return found[np.argsort(-self.shares.excess[found], kind="stable")]

    @property
    def mostly(self) -> list[str]:
        """The largest part of each dimension's variance, where it is more than chance."""
        return [self._name(dim) for dim in range(len(self.q))]

    def _name(self, dim: int) -> str:
        if self.shares.unknown[dim]:
            return UNKNOWN
        if not self.shares.varies[dim]:
            return CONSTANT
        values = {part: getattr(self.shares, part)[dim] for part in PARTS}
        part = max(values, key=lambda name: np.nan_to_num(values[name]))
        sure = {
            "slice": np.nan_to_num(self.q[dim], nan=1.0) < Q,
            "video": self.shares.video_low[dim] > np.nan_to_num(self.shares.video_chance[dim]),
        }
        return part if sure.get(part, True) else UNDECIDED


@dataclass(frozen=True, kw_only=True)
class DimensionFindings:
    """Every layer, the videos of the first, and the questions behind the numbers."""

    subject: Subject
    layers: tuple[LayerFindings, ...]
    videos: pa.Table
    sampled: bool
    readings: tuple[PositionReading, ...] = ()

    @property
    def units(self) -> int:
        return self.layers[0].units

    @property
    def grouped(self) -> bool:
        return self.units < len(self.videos)

    @property
    def tested(self) -> bool:
        return not self.subject.is_image and self.slices > 1 and self.units >= FEWEST

    @property
    def slices(self) -> int:
        return self.layers[0].scope.slices

    @property
    def several_windows(self) -> bool:
        """Whether a video has windows that begin at different frames."""
        return max(self.videos["starts"].to_pylist()) > 1


def find_dimensions(store: Store, options: DimensionsOptions) -> DimensionFindings:
    subject = choose_subject(store, options)
    read = [_read(store, scope, options) for scope in subject.scopes]
    alone = subject.is_image or subject.scopes[0].slices == 1
    parts = [_without_position(shares) if alone else shares for _, _, shares in read]
    tested = _control([shares.p for shares in parts])
    layers = [
        _layer(store, scope, shares, q, videos)
        for (scope, videos, _), shares, q in zip(read, parts, tested)
    ]
    scope, videos, _ = read[0]
    sampled = len(videos) == scope.most
    readings = () if all(layer.scope.pooled for layer in layers) else _read_positions(store, scope, videos)  # fmt: skip
    return DimensionFindings(subject=subject, layers=tuple(layers), videos=videos, sampled=sampled, readings=readings)  # fmt: skip


def _read_positions(
    store: Store, scope: StateScope, videos: pa.Table
) -> tuple[PositionReading, ...]:
    """From sampled tokens; nothing where none of these windows has any."""
    try:
        sample = draw_direction_sample(store, scope.encoder_id, videos["embed_dim"][0].as_py())
    except LatentError:
        return ()
    units = dict(zip(videos["video_id"].to_pylist(), videos["unit"].to_pylist()))
    return tuple(read_positions(sample.only(sample.slices == scope.slices), units))


def _read(store: Store, scope: StateScope, options: DimensionsOptions) -> tuple[StateScope, pa.Table, Shares]:  # fmt: skip
    videos = queries.state_videos(scope).answer(store)
    refuse_nothing(store, options, len(videos))
    refuse_several_groups(store)
    most = max(FEWEST, MOST_CELLS // (scope.slices * videos["embed_dim"][0].as_py()))
    if len(videos) > most:
        scope = queries.sample_of(scope, most)
        videos = queries.state_videos(scope).answer(store)
    table = queries.slice_means(scope).answer(store)
    return scope, videos, split_variance(arrange(table, videos, scope.slices))


def refuse_several_groups(store: Store) -> None:
    rows = queries.ambiguous_groups().answer(store).to_pylist()
    if rows:
        raise ReportError(
            f"video {rows[0]['video_id']} has several values of the label `group`: keep one, so that it is known which videos count once"
        )


def arrange(table: pa.Table, videos: pa.Table, slices: int) -> SliceMeans:
    """Rows of `slice_means` as arrays; a slice or dimension that is missing is not known."""
    video, slice_, dim = (table[name].to_numpy() for name in ("video", "slice", "dim"))
    shape = len(videos), slices, int(dim.max()) + 1
    filled = {}
    for name in ("mean", "clip_variance", "patch_variance"):
        filled[name] = np.full(shape, np.nan, np.float32)
        filled[name][video, slice_, dim] = table[name].to_numpy()
        filled[name][~np.isfinite(filled[name])] = np.nan
    _, unit = np.unique(videos["unit"].to_numpy(), return_inverse=True)
    return SliceMeans(
        mean=filled["mean"],
        clip_variance=filled["clip_variance"].mean(1),
        patch_variance=filled["patch_variance"].mean(1),
        unit=np.concatenate([[0], np.cumsum(np.diff(unit) != 0)]),
        clips=videos["clips"].to_numpy(),
    )


def _control(tests: list[np.ndarray]) -> list[np.ndarray]:
    """Benjamini and Hochberg's q-values over the dimensions of all layers together; NaN where there is no test."""
    p = np.concatenate(tests)
    q, known = np.full(len(p), np.nan), np.isfinite(p)
    if known.any():
        q[known] = stats.false_discovery_control(p[known])
    return np.split(q, np.cumsum([len(test) for test in tests])[:-1])


def _without_position(shares: Shares) -> Shares:
    """Of one slice, or an image encoder, which cannot know the position: what slices share counts as a change over time."""
    unknown = np.full(len(shares.p), np.nan)
    given = dict.fromkeys(("slice", "slice_chance", "excess", "excess_low", "excess_high", "p"), unknown)  # fmt: skip
    return Shares(**vars(shares) | given | {"moment": shares.moment + shares.slice})


def _layer(
    store: Store, scope: StateScope, shares: Shares, q: np.ndarray, videos: pa.Table
) -> LayerFindings:
    table = queries.place_variances(scope.encoder_id).answer(store)
    units = len(set(videos["unit"].to_pylist()))
    if len(table) != len(q) or scope.pooled:  # position means are of the encoder's own embedding
        return LayerFindings(scope=scope, shares=shares, q=q, places={}, units=units)
    with np.errstate(invalid="ignore", divide="ignore"):
        places = {
            name: np.where(shares.varies, table[name].to_numpy() / shares.std**2, np.nan)
            for name in ("place", "row", "column")
        }
    basis_id = table["basis_id"][0].as_py()
    return LayerFindings(
        scope=scope, shares=shares, q=q, places=places, units=units, basis_id=basis_id
    )


def list_dimensions(layer: LayerFindings) -> pa.Table:
    """One row per dimension: those that depend on the position first, then by the share of the position."""
    size = len(layer.q)
    columns = {"dim": np.arange(size), "mostly": layer.mostly, "mean": layer.shares.mean, "std": layer.shares.std}  # fmt: skip
    columns |= {name: getattr(layer.shares, name) for name in SHOWN} | {"p": layer.shares.p, "q": layer.q}  # fmt: skip
    columns |= layer.places
    table = pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})
    named = np.isin(np.arange(size), layer.named)
    return table.take(np.lexsort((np.arange(size), -np.nan_to_num(layer.shares.slice), ~named)))


def questions_of(layer: LayerFindings) -> dict[str, Question]:
    """The queries behind the shares of a layer."""
    asked = {
        "Shares": queries.shares(layer.scope),
        "Slice means, for chance, intervals and the test": queries.slice_means(layer.scope),
        "Videos and groups": queries.state_videos(layer.scope),
    }
    places = {"Places": queries.place_variances(layer.scope.encoder_id)} if layer.places else {}
    return asked | places
