"""Targets: the tokens that an ingest has stored, where they are what predictions are compared with; that saves encoding the window again."""

import numpy as np
import torch

from tubelet.ingest.prediction.loading import Loaded
from tubelet.store import Store
from tubelet.store.rows import ClipRow

STORED = ", as stored in half precision"


def read_target(store: Store, loaded: Loaded, clip: ClipRow) -> torch.Tensor | None:
    """The encoder's own levels of all tokens, (N, D) in float32; None where the store holds others, or none."""
    if explain_target(loaded, clip):
        return None
    tokens = store.grid(clip.clip_id).astype(np.float32)
    return torch.from_numpy(tokens).flatten(0, 2).to(loaded.networks.device)


def explain_target(loaded: Loaded, clip: ClipRow) -> str:
    """Why the stored tokens are not what predictions are compared with; empty where they are."""
    row, networks = loaded.row, loaded.networks
    if row.layer != networks.layer:
        return f"the store holds layer {row.layer}, and the predictor answers {networks.named_levels} (`--layer {networks.layer}`)"
    if clip.embedding_path is None:
        return "the store holds no embeddings of them"
    arithmetic = networks.encoder.precision
    if clip.precision != arithmetic:
        return f"they were ingested in {clip.precision}, and the context is encoded in {arithmetic}"
    return ""
