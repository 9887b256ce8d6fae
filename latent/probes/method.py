"""A method: where the inputs of a kind of probe come from, and how a model learns from them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from tubelet.array_types import Bool
from tubelet.latent.probes import models
from tubelet.latent.probes.states import StoredLayer, count_clips, find_places, read_states
from tubelet.store import Store

Data = tuple[Any, np.ndarray, np.ndarray]  # what is learned from, values and groups, of clips
FindPlaces = Callable[[Store, Sequence[str], Sequence[str]], list[StoredLayer]]  # encoders, layers
Train = Callable[[str, str, Data, int], tuple[Any, float]]  # of a kind, a task, data and a seed


class Inputs(Protocol):
    """What the models of a place see, clip by clip."""

    @property
    def clip_ids(self) -> tuple[str, ...]: ...

    @property
    def video_ids(self) -> np.ndarray: ...

    def only(self, video_ids: Sequence[str]) -> Self:
        """Return the rows of the chosen videos."""

    def take(self, kept: Bool[np.ndarray, " n"]) -> Any:
        """What a model learns from, or predicts, of some of the clips."""


@dataclass(frozen=True)
class Method:
    """`find_places` lists what can be probed, `count_clips` its clips by encoder and video; `train` gives a model, as scikit-learn's, and its strength."""

    find_places: FindPlaces
    count_clips: Callable[[Store], Mapping[str, Mapping[str, int]]]
    read: Callable[[Store, StoredLayer], Inputs]
    train: Train


STATES = Method(find_places, count_clips, read_states, models.train)
