"""Rows of `transitions` and `transition_scores`."""

import json
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from tubelet.latent.probes.states import StoredLayer
from tubelet.store import Store
from tubelet.store.clock import now
from tubelet.store.disk.models import read_model, write_model
from tubelet.store.ids import hash_parts
from tubelet.store.schema import TRANSITION_SCORES, TRANSITIONS
from tubelet.training.fitting.scaling import Scaling
from tubelet.training.fitting.split import Split
from tubelet.training.fitting.weights import MEAN, STD, pack_weights, unpack_weights
from tubelet.training.transition.learning import FittedNetwork
from tubelet.training.transition.measuring import Sums, VideoSums
from tubelet.training.transition.network import NetworkShape, SliceTransformer
from tubelet.training.transition.options import TransitionOptions


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One model of a run: what it is fitted to (no place: pixels), and which control it is."""

    run_id: str
    place: StoredLayer | None
    control: str | None

    @property
    def where(self) -> tuple[str | None, str | None]:
        return (self.place.encoder_id, self.place.layer) if self.place else (None, None)

    @property
    def transition_id(self) -> str:
        return hash_parts(self.run_id, *self.where, self.control)


@dataclass(frozen=True, kw_only=True)
class FittedModel:
    """A fitted model, what it reached, and the sums that its baselines are taken from."""

    transition: Transition
    fitted: FittedNetwork
    sums: Sums
    baselines: Sums


def keep_transition(
    store: Store, found: FittedModel, split: Split, options: TransitionOptions
) -> None:
    """Write the weights, then commit the rows: the file is seen once they are."""
    shape = asdict(found.fitted.network.shape)
    data = pack_weights(found.fitted.network, found.fitted.scaling, shape)
    with store.ingesting():
        file = write_model(store, found.transition.transition_id, data)
        row = _transition_row(found, split, options) | file
        store.commit(
            {
                TRANSITIONS.name: pa.Table.from_pylist([row], TRANSITIONS.arrow),
                TRANSITION_SCORES.name: pa.Table.from_pylist(_score_rows(found), TRANSITION_SCORES.arrow),
            }
        )  # fmt: skip


def _transition_row(found: FittedModel, split: Split, options: TransitionOptions) -> dict:
    fitted, (encoder_id, layer) = found.fitted, found.transition.where
    return {
        "transition_id": found.transition.transition_id,
        "run_id": found.transition.run_id,
        "encoder_id": encoder_id,
        "layer": layer,
        "control": found.transition.control,
        "embed_dim": fitted.network.shape.dim,
        "block_slices": options.block,
        "grid_side": options.side,
        "network_width": options.width,
        "network_depth": options.depth,
        "network_parameters": sum(p.numel() for p in fitted.network.parameters()),
        "steps": fitted.steps,
        "best_step": fitted.best_step,
        "held_explained": number_or_none(fitted.held_explained),
        "seed": options.seed,
        "train_videos": len(split.train),
        "test_videos": len({video for video, _ in found.sums}),
        "settings": json.dumps(options.settings),
        "created_at": now(),
    }


def _score_rows(found: FittedModel) -> list[dict]:
    return [
        _score_row(video, horizon, sums, found.baselines[video, horizon])
        | {"transition_id": found.transition.transition_id}
        for (video, horizon), sums in sorted(found.sums.items())
    ]


def _score_row(video: str, horizon: int, sums: VideoSums, base: VideoSums) -> dict:
    error, copied, mean = (
        one.errors[name] / one.count
        for one, name in ((sums, "model"), (base, "copy"), (base, "mean"))
    )
    between = sums.candidates_between > 0
    return {
        "video_id": video,
        "horizon": horizon,
        "predicted_slices": sums.count,
        "squared_error": error,
        "copy_error": copied,
        "mean_error": mean,
        "explained": 1 - error / copied if copied else None,
        "mean_explained": 1 - mean / copied if copied else None,
        "rank_within": sums.within["model"] / sums.count if sums.candidates_within else None,
        "rank_between": sums.between["model"] / sums.count if between else None,
        "copy_rank_within": base.within["copy"] / base.count if base.candidates_within else None,
        "copy_rank_between": base.between["copy"] / base.count if between else None,
        "candidates_within": sums.candidates_within,
        "candidates_between": sums.candidates_between,
    }


def number_or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def load_transition(store: Store, transition_id: str) -> tuple[SliceTransformer, Scaling]:
    """A fitted model out of its file, on the CPU. Raises StoreError where the store has no such model, or its file is not the one that was committed."""
    tensors, shape = unpack_weights(read_model(store, TRANSITIONS, transition_id))
    scaling = Scaling(tensors.pop(MEAN), tensors.pop(STD))
    network = SliceTransformer(NetworkShape(**shape))
    network.load_state_dict(tensors)
    return network.eval(), scaling
