"""A rollout of a transition model as a decoder draws it: from the first half of a clip on, beside the true slices and a copy of the last one seen."""

from dataclasses import dataclass

import numpy as np
import torch

from tubelet.array_types import UInt8
from tubelet.latent.decoding.decoder import LoadedDecoder
from tubelet.latent.decoding.pictures import read_pictures
from tubelet.latent.transition.figures import TransitionFigures, summarize
from tubelet.store import Store
from tubelet.store.questions.model_rows import TransitionScore
from tubelet.store.questions.transitions import transition_scores
from tubelet.store.wording import count
from tubelet.training.fitting.errors import FitError
from tubelet.training.fitting.tokens import average, shrink
from tubelet.training.transition.network import roll_out
from tubelet.training.transition.rows import load_transition

Pictures = UInt8[np.ndarray, "k h w 3"]
SEEN, TRUE, PREDICTED, COPIED = "seen", "decoded from its tokens", "decoded from the rollout", "decoded from a copy of the last slice seen"  # fmt: skip


@dataclass(frozen=True)
class DrawnRollout:
    """Rows of pictures with their names, the numbers of the slices they show, and what the model reached."""

    rows: list[tuple[str, Pictures]]
    slices: tuple[int, ...]
    quality: str


@torch.inference_mode()
def draw_rollout(
    store: Store, decoder: LoadedDecoder, clip_id: str, transition_id: str
) -> DrawnRollout:
    """Raises FitError, LatentError and StoreError for models of another encoder, and clips too short to predict anything."""
    clip, (network, scaling) = store.clip(clip_id), load_transition(store, transition_id)
    (row,) = store.rows("FROM transitions WHERE transition_id = $1", [transition_id])
    decoder.refuse_other(store, clip.encoder_id, f"clip {clip_id}")
    if row["encoder_id"] != clip.encoder_id:
        raise FitError(
            f"transition model {transition_id} predicts {row['encoder_id'] or 'raw pixels'}, and clip {clip_id} has tokens of {clip.encoder_id}: choose one of its own"
        )
    if clip.slices < 2:
        raise FitError(f"clip {clip_id} has only one slice, so there is no next slice to predict: choose a longer one")  # fmt: skip
    grid = torch.from_numpy(store.grid(clip_id).astype(np.float32))
    grid = average(grid, shrink((*clip.positions, clip.embed_dim), row["grid_side"])[1:3])
    seen = max(1, clip.slices // 2)
    rolled = roll_out(network, scaling.scale(grid)[None, :seen], clip.slices - seen)
    predicted = torch.cat(rolled) * scaling.std + scaling.mean
    truth, copied = grid[seen:], grid[seen - 1 : seen].expand_as(predicted)
    drawn = {TRUE: truth, PREDICTED: predicted, COPIED: copied}
    rows = [(name, decoder.head.draw(tokens.numpy())) for name, tokens in drawn.items()]
    if store.layout.has_pictures(clip.video_id, clip_id):
        size = rows[0][1].shape[1:3]
        rows.insert(0, (SEEN, read_pictures(store, clip, size, range(seen, clip.slices))))
    return DrawnRollout(rows, tuple(range(seen, clip.slices)), _describe_model(store, row))


def _describe_model(store: Store, row: dict) -> str:
    """What the model reached one slice ahead, on videos that it never saw."""
    scores = transition_scores(row["run_id"]).read(store, TransitionScore)
    own = [one for one in summarize(scores) if one.transition_id == row["transition_id"] and one.horizon == 1]  # fmt: skip
    if not own or not np.isfinite(own[0].explained.value):
        return "Nothing was there for the transition model to explain over copying."
    return _describe_figures(own[0])


def _describe_figures(one: TransitionFigures) -> str:
    found = one.explained
    ends = f" ({found.low:.0%} to {found.high:.0%})" if np.isfinite(found.low) else " (no interval)"
    poor = " No better than a copy." if found.value <= 0 else ""
    return f"One slice ahead the transition model explains {found.value:.0%}{ends} of the error of copying, on {count(one.videos, 'video')} it never saw.{poor}"
