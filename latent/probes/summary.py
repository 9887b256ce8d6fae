"""A run in words: what each layer reached, what the controls reached, and how many videos stand behind it."""

from dataclasses import dataclass, replace

import numpy as np

from tubelet.latent.probes.controls import SHUFFLED
from tubelet.latent.probes.options import MASKS, WHOLE
from tubelet.latent.probes.run import ProbeResult, ProbeRun
from tubelet.latent.probes.scoring import Score, find_low_of_best, metric_of
from tubelet.store.wording import count, escape_controls

TABLES = (
    "tables `probes` and `predictions`",
    "tables `probes`, `mask_classes` and `mask_predictions`",
)


@dataclass(frozen=True)
class ProbeSummary:
    """What the command prints."""

    run: ProbeRun
    run_id: str

    def as_json(self) -> dict:
        return {
            "run_id": self.run_id,
            "label": self.run.truth.name,
            "task": self.run.truth.task,
            "metric": metric_of(self.run.truth.task),
            "videos": len(self.run.truth.video_ids),
            "folds": self.run.folds,
            "results": [_as_json(result) for result in self.run.results],
            "notes": list(self.run.notes),
        }

    def lines(self) -> list[str]:
        truth = self.run.truth
        groups = len(set(truth.groups))
        split = "split obeyed" if truth.sides is not None else count(self.run.folds, "fold")
        units = f" in {count(groups, 'group')}" if groups < len(truth.video_ids) else ""
        subject = "masks" if truth.task == MASKS else f"label {truth.name}"
        heading = f"{subject}: {metric_of(truth.task)} over {count(len(truth.video_ids), 'video')}{units}, {split}; 95% interval"
        lines = [heading, *(f"  {_line(result)}" for result in self._order())]
        if len(self.run.probes) > 1:
            lines.append(f"best of {count(len(self.run.probes), 'layer')}: {self._name_best()}")
        lines += [*self.run.notes, f"run {self.run_id}: {TABLES[truth.task == MASKS]}"]
        return [escape_controls(line) for line in lines]

    def _name_best(self) -> str:
        """The probe with the highest score, and how many are as good."""
        known = [result for result in self.run.probes if np.isfinite(result.score.value)]
        if not known:
            return "not known"
        best = max(known, key=lambda result: result.score.value)
        tied = sum(result.score.value == best.score.value for result in known) - 1
        own, metric = best.score, metric_of(self.run.truth.task)
        groups = len(set(self.run.truth.groups))
        low = find_low_of_best(metric, (own.value, own.low), groups, len(self.run.probes))
        more = f", as good as {tied:,} more" if tied else ""
        return f"{_name(best)}{more}, {_show(replace(own, low=low))} with the choice among them taken into account"

    def _order(self) -> list[ProbeResult]:
        """Probes first, then controls."""
        return sorted(self.run.results, key=lambda result: result.control is not None)


def _as_json(result: ProbeResult) -> dict:
    score = {"score": result.score.value, "low": result.score.low, "high": result.score.high}
    return {
        "encoder_id": result.place and result.place.encoder_id,
        "layer": result.place and result.place.layer,
        "control": result.control,
        "share": result.share,
        "clips": result.clips,
        **{name: value if np.isfinite(value) else None for name, value in score.items()},
    }


def _line(result: ProbeResult) -> str:
    return f"{_show(result.score):26} {_name(result)}"


def _show(score: Score) -> str:
    if not np.isfinite(score.low):
        return f"{score.value:.3f} (no interval)"
    return f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f})"


def _name(result: ProbeResult) -> str:
    where = f"{result.place.encoder_id}, {result.place.layer}" if result.place else ""
    if result.control is None:
        return where if result.share == WHOLE else f"{where}, {result.share:g}% of the labels"
    what = "shuffled labels" if result.control == SHUFFLED else result.control
    return f"control: {what}{f' ({where})' if where else ''}"
