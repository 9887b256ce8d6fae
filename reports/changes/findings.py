"""What the report `changes` finds: the reaction to each change with its interval over videos, from one row per change and video (or group)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tubelet.latent.nulls import none_if_nan
from tubelet.store import Store
from tubelet.store.intervals import interval
from tubelet.store.questions.corpus import Question
from tubelet.store.questions.rows import ChangeScope, Reaction

DISJOINT = "disjoint"
Scores = Mapping[str, float]  # by video


@dataclass(frozen=True, kw_only=True)
class ChangeFindings:
    """`table` has one row per change and strength; `disjoint` is the mean level of windows that share no frame, None where none was measured."""

    scope: ChangeScope
    question: Question
    table: pa.Table
    disjoint: float | None


@dataclass(frozen=True)
class ChangeRows:
    """One change of one strength: its rows, one per video."""

    change: str
    strength: float | None
    rows: list[Reaction]

    @property
    def reactions(self) -> Scores:
        return {row.video_id: row.relative for row in self.rows if row.relative is not None}

    def mean(self, column: str) -> float | None:
        known = [row[column] for row in self.rows if row[column] is not None]
        return float(np.mean(known)) if known else None

    @property
    def label(self) -> str:
        return name_change(self.change, self.strength)


def name_change(change: str, strength: float | None) -> str:
    return change if strength is None else f"{change} {strength:g}"


def find_changes(scope: ChangeScope, question: Question, store: Store) -> ChangeFindings:
    groups: dict[tuple[str, float | None], list[Reaction]] = {}
    for row in map(Reaction.of, question.answer(store).to_pylist()):
        groups.setdefault((row.change, row.strength), []).append(row)
    measured = [ChangeRows(*key, rows) for key, rows in groups.items()]
    apart = next((one.reactions for one in measured if one.change == DISJOINT), {})
    return ChangeFindings(
        scope=scope,
        question=question,
        table=pa.Table.from_pylist([_summarize(one, apart) for one in measured], SUMMARY),
        disjoint=float(np.mean(list(apart.values()))) if apart else None,
    )


SUMMARY = pa.schema(
    {
        "what": pa.string(),
        "change": pa.string(),
        "strength": pa.float64(),
        "videos": pa.int64(),
        "reaction": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "of_disjoint": pa.float64(),
        "pixel_change": pa.float64(),
        "token_cosine": pa.float64(),
    }
)


def _summarize(one: ChangeRows, apart: Scores) -> dict[str, object]:
    found = interval(list(one.reactions.values()), 0) if one.reactions else None
    return {
        "what": one.label,
        "change": one.change,
        "strength": one.strength,
        "videos": len(one.rows),
        "reaction": found and found.mean,
        "low": found and none_if_nan(found.low),
        "high": found and none_if_nan(found.high),
        "of_disjoint": _compare(one.reactions, apart),
        "pixel_change": one.mean("pixel_change"),
        "token_cosine": one.mean("token_cosine"),
    }


def _compare(reactions: Scores, apart: Scores) -> float | None:
    """The mean reaction over that of windows that share no frame, in the videos that have both."""
    both = reactions.keys() & apart.keys()
    level = sum(apart[video] for video in both)
    return sum(reactions[video] for video in both) / level if level else None
