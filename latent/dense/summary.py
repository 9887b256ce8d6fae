"""Scores in words: per encoder and measure the mean over videos, its interval, and what staying in place reaches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tubelet.latent.dense.run import EncoderScore
from tubelet.store.intervals import Interval, interval
from tubelet.store.wording import count, escape_controls

Key = tuple[str, str, str, str]  # task, measure, encoder, layer


@dataclass(frozen=True)
class ScoringSummary:
    """What the command prints. `groups` are those of videos that have one: a group counts once."""

    scores: Sequence[EncoderScore]
    groups: Mapping[str, str]

    def as_json(self) -> dict:
        return {
            "results": [
                {
                    "task": task,
                    "measure": measure,
                    "encoder_id": encoder_id,
                    "layer": layer,
                    **_numbers(self._interval(key, None)),
                    "still": _numbers(self._interval(key, "still")),
                }
                for key in self._keys()
                for task, measure, encoder_id, layer in [key]
            ]
        }

    def lines(self) -> list[str]:
        videos = len({one.video_id for one in self.scores})
        head = f"{count(videos, 'video')} with masks or points; mean over videos, 95% interval; still: the mask or point stays where it was"
        lines = [
            f"  {measure:10} {self._interval(key, None)!s:26} still {self._interval(key, 'still')!s:26} {encoder_id}, {layer}"
            for key in self._keys()
            for _, measure, encoder_id, layer in [key]
        ]
        return [escape_controls(line.rstrip()) for line in (head, *lines, "table `scores`")]

    def _keys(self) -> list[Key]:
        """Every measure once, the encoders below each other."""
        found = {
            (one.task, measure, one.encoder_id, one.layer): None
            for one in self.scores
            for measure in one.reached.values
        }
        measures = list(dict.fromkeys((task, measure) for task, measure, _, _ in found))
        return sorted(found, key=lambda key: (measures.index(key[:2]), key[2:]))

    def _interval(self, key: Key, control: str | None) -> Interval:
        task, measure, encoder_id, _ = key
        units: dict[str, list[float]] = {}
        for one in self.scores:
            if (one.task, one.encoder_id, one.reached.control) == (task, encoder_id, control):
                unit = self.groups.get(one.video_id, one.video_id)
                units.setdefault(unit, []).append(one.reached.values[measure])
        known = [[value for value in values if np.isfinite(value)] for values in units.values()]
        return interval([float(np.mean(values)) for values in known if values], 0, 1)


def _numbers(found: Interval) -> dict:
    ends = {"score": found.mean, "low": found.low, "high": found.high}
    return {name: value if np.isfinite(value) else None for name, value in ends.items()} | {
        "videos": found.count
    }
