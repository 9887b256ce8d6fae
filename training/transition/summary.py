"""A run in words: what each encoder's model explains over copying, its ranks, and what the controls reach."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tubelet.latent.transition.figures import CHANCE, Explained, TransitionFigures, summarize
from tubelet.store import Store
from tubelet.store.intervals import FEWEST, Interval
from tubelet.store.questions.model_rows import TransitionScore
from tubelet.store.questions.transitions import transition_scores
from tubelet.store.wording import count, escape_controls
from tubelet.training.transition.run import TransitionRun

STILL = "nothing to explain: a copy has no error"


@dataclass(frozen=True)
class TransitionSummary:
    """What the command prints."""

    run: TransitionRun
    figures: Sequence[TransitionFigures]

    @classmethod
    def of(cls, store: Store, run: TransitionRun) -> "TransitionSummary":
        return cls(run, summarize(transition_scores(run.run_id).read(store, TransitionScore)))

    def as_json(self) -> dict:
        return {
            "run_id": self.run.run_id,
            "train_videos": len(self.run.split.train),
            "test_videos": len(self.run.split.test),
            "fitted": self.run.fitted,
            "already_stored": self.run.kept,
            "figures": [_as_json(one) for one in self.figures],
            "notes": list(self.run.notes),
        }

    def lines(self) -> list[str]:
        split = self.run.split
        obeyed = "as the label `split` says" if split.obeyed else "drawn by chance"
        heading = f"next slice of {count(len(split.test), 'test video')} ({obeyed}), learned from {count(len(split.train), 'other')}: variance explained over copying the last slice, 95% interval"
        nearest = [one for one in self.figures if one.horizon == 1]
        farthest = max((one.horizon for one in self.figures), default=1)
        rolled = [one for one in self.figures if one.horizon == farthest > 1 and one.control is None]  # fmt: skip
        lines = [heading, *(f"  {_line(one)}" for one in nearest)]
        lines += (
            [f"after {farthest} slices, each predicted from those before it:"] if rolled else []
        )
        lines += [f"  {_line(one)}" for one in rolled]
        if len(split.test) < FEWEST:
            lines.append(f"fewer than {FEWEST} test videos: no interval")
        known = f"; {count(len(self.run.kept), 'model')} already stored" if self.run.kept else ""
        end = f"run {self.run.run_id}: {count(len(self.run.fitted), 'model')} fitted{known}; tables `transitions` and `transition_scores`"
        return [escape_controls(line) for line in [*lines, *self.run.notes, end]]


def _line(one: TransitionFigures) -> str:
    ranks = f"rank {show_rank(one.rank_within)} in its clip, {show_rank(one.rank_between)} in other videos (copy {show_rank(one.copy_rank_within)}, {show_rank(one.copy_rank_between)}; chance {CHANCE})"
    return f"{show_explained(one.explained):26} {one.describe({})}; {ranks}"


def show_explained(found: Explained) -> str:
    if math.isnan(found.value):
        return STILL
    if math.isnan(found.low):
        return f"{found.value:.3f} (no interval)"
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"


def show_rank(found: Interval) -> str:
    return "none" if not found.count else f"{found.mean:.2f}"


def _as_json(one: TransitionFigures) -> dict:
    plain = {k: v for k, v in asdict(one).items() if not isinstance(v, dict)}
    nested = {
        k: {name: None if isinstance(n, float) and math.isnan(n) else n for name, n in v.items()}
        for k, v in asdict(one).items()
        if isinstance(v, dict)
    }
    return plain | nested
