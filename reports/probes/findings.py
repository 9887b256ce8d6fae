"""The rows of one run of probes, as the report reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from tubelet.latent import gaze
from tubelet.latent.probes.attention import list_attention
from tubelet.latent.probes.scoring import find_low_of_best
from tubelet.reports.formatting import shorten_encoders
from tubelet.reports.probes.request import ProbesOptions, choose_run
from tubelet.store import Store
from tubelet.store.questions import probes
from tubelet.store.questions.corpus import Question
from tubelet.store.questions.model_rows import ListedRun, ProbeScore

ATTENTION = gaze.KIND  # parameter of the player
MASKS = "masks"  # task of patch probes
WHOLE = 100.0  # percent
CONTROL_NAMES = {
    "shuffled": "shuffled labels",
    "majority": "majority",
    "position": "position alone",
    "pixels": "raw pixels",
    "motion": "motion of pixels",
    "untrained": "untrained network",
}


@dataclass(frozen=True, kw_only=True)
class ProbeFindings:
    """A run, its scores, and of its best probe the mistakes, or the classes of its masks; `player` tells it what to show; `questions` are the queries behind them."""

    run: ListedRun
    scores: tuple[ProbeScore, ...]
    table: pa.Table
    shares: pa.Table
    confusion: pa.Table
    hardest: pa.Table
    directions: pa.Table
    classes: pa.Table
    player: Mapping[str, str]
    questions: Mapping[str, Question]

    @property
    def probes(self) -> list[ProbeScore]:
        return list_whole(self.scores)

    @property
    def names(self) -> dict[str, str]:
        """What readers call the encoders, by id."""
        return shorten_encoders(one.encoder_id for one in self.scores if one.encoder_id)

    @property
    def best(self) -> ProbeScore:
        return find_best(self.scores)

    @property
    def headline(self) -> ProbeScore:
        """The best probe with an interval that knows that it was chosen among all of them."""
        best = self.best
        if best.score is None or best.score_low is None:
            return best
        own = best.score, best.score_low
        low = find_low_of_best(self.run.metric, own, best.group_count, len(self.probes))
        return replace(best, score_low=low)

    def control(self, name: str) -> list[ProbeScore]:
        """The scores of one control that have a number, the highest first."""
        found = [one for one in self.scores if one.control == name and one.score is not None]
        return sorted(found, key=lambda one: -(one.score or 0))

    @property
    def tied(self) -> list[ProbeScore]:
        """The probes that score exactly as the best one does."""
        best = self.best
        return [
            one
            for one in self.probes
            if one.score is not None and one.score == best.score and one.probe_id != best.probe_id
        ]

    @property
    def chance(self) -> ProbeScore | None:
        """The best probe's own states with shuffled labels."""
        best = self.best
        return next(
            (
                one
                for one in self.control("shuffled")
                if (one.encoder_id, one.layer) == (best.encoder_id, best.layer)
            ),
            None,
        )


def list_whole(scores: tuple[ProbeScore, ...]) -> list[ProbeScore]:
    """The probes that learned from all training videos."""
    return [one for one in scores if one.control is None and one.train_share == WHOLE]


def find_best(scores: tuple[ProbeScore, ...]) -> ProbeScore:
    """The probe with the highest score."""
    return max(
        list_whole(scores), key=lambda one: float("-inf") if one.score is None else one.score
    )


def find_probes(store: Store, options: ProbesOptions) -> ProbeFindings:
    run = choose_run(store, options)
    asked = {"scores": probes.probe_scores(run.run_id)}
    table = asked["scores"].answer(store)
    scores = tuple(ProbeScore.of(row) for row in table.to_pylist())
    best = find_best(scores).probe_id
    hardest = probes.hardest_masks if run.task == MASKS else probes.hardest_videos
    asked |= {
        "shares": probes.label_efficiency(run.run_id),
        "confusion": probes.confusion(best),
        "classes": probes.mask_classes(best),
        "hardest": hardest(best, options.hardest),
        "directions": probes.probe_directions(best),
    }
    return ProbeFindings(
        run=run,
        scores=scores,
        table=table,
        shares=asked["shares"].answer(store),
        confusion=asked["confusion"].answer(store),
        hardest=asked["hardest"].answer(store),
        directions=asked["directions"].answer(store),
        classes=asked["classes"].answer(store),
        player=_show_attention(store, find_best(scores)),
        questions=asked,
    )


def _show_attention(store: Store, best: ProbeScore) -> dict[str, str]:
    """What the player receives of the best probe: its encoder, and the attention where the store keeps it."""
    encoder_id = best.encoder_id or ""
    known = {one.probe_id: name for name, one in list_attention(store, encoder_id).items()}
    name = known.get(best.probe_id)
    looked = {"color": gaze.TITLE, ATTENTION: name} if name else {}
    return {"encoder": encoder_id, **looked}
