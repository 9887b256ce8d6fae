"""The attention of an attentive probe as gray: a basis of one number three times, made to color with and never stored."""

from dataclasses import dataclass

import numpy as np

from tubelet.array_types import Float32
from tubelet.latent import clips
from tubelet.latent.basis import Basis
from tubelet.latent.clips import Clip
from tubelet.latent.linear import dimensions
from tubelet.latent.preparation import Preparation
from tubelet.latent.probes.attention import ProbeAttention, name_probe, read_attention
from tubelet.store import Store, ids

KIND = "attention"
TITLE = "attention of a probe"  # as the URL and the reader see it among the colors
CHANNELS, LOOKED_AT = 3, 8  # clips that the scale is made from
QUANTILE = 0.995  # of their tokens: the end of the scale
LEAST = 1.5  # times an even spread, where the scale ends at least


@dataclass(frozen=True, kw_only=True)
class AttentionBasis(Basis):
    """A basis whose coordinate is how much a probe attends to a token; 1 where attention is spread evenly."""

    attention: ProbeAttention

    def coordinates(self, clip: Clip) -> Float32[np.ndarray, "S H W k"]:
        self.refuse_other(clip.encoder_id)
        return np.repeat(self.attention.of_clip(clip)[..., None], CHANNELS, axis=3)


def make_basis(store: Store, encoder_id: str, probe_id: str) -> AttentionBasis:
    """Make the basis that shows attention as brightness, on the scale of some clips. Raises LatentError where there is no such probe, or no clip that keeps its tokens."""
    attention = read_attention(store, encoder_id, probe_id)
    held = clips.require_embeddings(clips.with_embeddings(store, encoder_id), encoder_id)
    chosen = [held[number] for number in clips.spread_evenly(len(held), LOOKED_AT)]
    seen = [attention.of_clip(clips.open_clip(store, row.clip_id)).ravel() for row in chosen]
    high = max(LEAST, float(np.nanquantile(np.concatenate(seen), QUANTILE)))
    limits = np.tile(np.array([[0, high]], np.float32), (CHANNELS, 1))
    dim = chosen[0].embed_dim
    return AttentionBasis(
        basis_id=ids.hash_parts(KIND, encoder_id, probe_id, limits.tolist()),
        encoder_id=encoder_id,
        kind=KIND,
        scope="corpus",
        scope_id=None,
        parameters={"name": name_probe(attention.probe), "probe_id": probe_id},
        preparation=Preparation(),
        foreground=None,
        model=dimensions((0, 0, 0), dim),
        limits=limits,
        explained=np.empty(0),
        total=0.0,
        tokens=sum(row.tokens for row in chosen),
        clip_ids=(),
        attention=attention,
    )
