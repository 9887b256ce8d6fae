"""The figures of one run of transition models, and the rows behind them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tubelet.latent.transition.figures import TransitionFigures, explain_difference, summarize
from tubelet.reports.errors import ReportError
from tubelet.reports.formatting import shorten_encoders
from tubelet.reports.transition.request import TransitionReportOptions, choose_run
from tubelet.store import Store
from tubelet.store.intervals import Interval
from tubelet.store.questions.corpus import Question
from tubelet.store.questions.model_rows import TransitionRunRow, TransitionScore
from tubelet.store.questions.transitions import (
    hardest_transitions,
    transition_models,
    transition_scores,
)

SHUFFLED = "shuffled"
NUMBER = pa.float64()
RANKS = ("rank_within", "rank_between", "copy_rank_within", "copy_rank_between")
FIGURES = pa.schema(
    [(name, pa.string()) for name in ("model", "encoder_id", "layer", "control")]
    + [("horizon", pa.int64())]
    + [(name, NUMBER) for name in ("explained", "low", "high", "mean_explained")]
    + [(name, NUMBER) for rank in RANKS for name in (rank, f"{rank}_low", f"{rank}_high")]
    + [("videos", pa.int64())]
)  # fmt: skip
DIFFERENCES = pa.schema([("first", pa.string()), ("second", pa.string())] + [(name, NUMBER) for name in ("difference", "low", "high")])  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TransitionFindings:
    """A run; its figures by model and horizon; differences between encoders; its models and the hardest videos of the best; `questions` are the queries behind them."""

    run: TransitionRunRow
    figures: Sequence[TransitionFigures]
    table: pa.Table
    differences: pa.Table
    models: pa.Table
    hardest: pa.Table
    questions: Mapping[str, Question]

    @property
    def encoder_names(self) -> dict[str, str]:
        """What readers call the encoders, by id."""
        return name_encoders(self.figures)

    @property
    def nearest(self) -> list[TransitionFigures]:
        """The figures for the next slice."""
        return [one for one in self.figures if one.horizon == 1]

    @property
    def best(self) -> TransitionFigures:
        return find_best(self.figures)

    def control_of(self, one: TransitionFigures, control: str) -> TransitionFigures | None:
        """A control of the same encoder at the same horizon."""
        return next(
            (
                other
                for other in self.figures
                if (other.encoder_id, other.control, other.horizon)
                == (one.encoder_id, control, one.horizon)
            ),
            None,
        )

    @property
    def rivals(self) -> list[TransitionFigures]:
        """Models of pixels and untrained networks for the next slice."""
        return [one for one in self.nearest if one.control not in (None, SHUFFLED)]


def find_best(figures: Sequence[TransitionFigures]) -> TransitionFigures:
    """The model that explains most of the next slice; of a trained encoder, where there is one."""
    nearest = [one for one in figures if one.horizon == 1 and one.control != SHUFFLED]
    trained = [one for one in nearest if one.control is None]
    return max(trained or nearest, key=lambda one: -math.inf if math.isnan(one.explained.value) else one.explained.value)  # fmt: skip


def find_transitions(store: Store, options: TransitionReportOptions) -> TransitionFindings:
    """Raises ReportError where nothing was fitted."""
    run = choose_run(store, options)
    asked = {"Scores": transition_scores(run.run_id), "Models": transition_models(run.run_id)}
    scores = asked["Scores"].read(store, TransitionScore)
    figures = summarize(scores)
    if not [one for one in figures if one.control != SHUFFLED]:
        raise ReportError(
            f"the test videos of run {run.run_id} are no longer in the store: fit again with `tubelet transition fit --store {store.shell_name}`"
        )
    asked["Videos"] = hardest_transitions(find_best(figures).transition_id, options.hardest)
    return TransitionFindings(
        run=run,
        figures=figures,
        table=pa.Table.from_pylist([_row(one, name_encoders(figures)) for one in figures], FIGURES),
        differences=pa.Table.from_pylist(_compare(figures, scores), DIFFERENCES),
        models=asked["Models"].answer(store),
        hardest=asked["Videos"].answer(store),
        questions=asked,
    )


def name_encoders(figures: Sequence[TransitionFigures]) -> dict[str, str]:
    """What readers call the encoders of these models, by id: the names alone where those tell them apart."""
    return shorten_encoders(one.encoder_id for one in figures if one.encoder_id)


def _row(one: TransitionFigures, names: Mapping[str, str]) -> dict:
    explained, ranks = one.explained, {rank: getattr(one, rank) for rank in RANKS}
    numbers = {
        "explained": explained.value,
        "low": explained.low,
        "high": explained.high,
        "mean_explained": one.mean_explained.value,
        **{name: value for rank, found in ranks.items() for name, value in _ends(rank, found)},
    }
    return {
        "model": one.describe(names),
        **{name: getattr(one, name) for name in ("encoder_id", "layer", "control", "horizon", "videos")},
        **{name: None if math.isnan(value) else value for name, value in numbers.items()},
    }  # fmt: skip


def _ends(name: str, found: Interval) -> list[tuple[str, float]]:
    return [(name, found.mean), (f"{name}_low", found.low), (f"{name}_high", found.high)]


def _compare(figures: Sequence[TransitionFigures], scores: Sequence[TransitionScore]) -> list[dict]:
    """The best model against every other of the next slice, on the same videos."""
    best, names = find_best(figures), name_encoders(figures)
    by_model = {
        one.transition_id: {s.video_id: s for s in scores if (s.transition_id, s.horizon) == (one.transition_id, 1)}
        for one in figures
    }  # fmt: skip
    rows = []
    for one in figures:
        if one.horizon != 1 or one.transition_id == best.transition_id:
            continue
        mine, theirs = by_model[best.transition_id], by_model[one.transition_id]
        shared = sorted(mine.keys() & theirs.keys())
        found = explain_difference([mine[v] for v in shared], [theirs[v] for v in shared])
        ends = {"difference": found.value, "low": found.low, "high": found.high}
        rows.append({"first": best.describe(names), "second": one.describe(names)} | {k: None if math.isnan(v) else v for k, v in ends.items()})  # fmt: skip
    return rows
