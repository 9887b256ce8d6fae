"""Similarity to a text as gray: a basis of one number three times, made to color with and never stored."""

from dataclasses import dataclass, field

import numpy as np

from tubelet.array_types import Float32, Float64
from tubelet.latent import clips
from tubelet.latent.basis import Basis
from tubelet.latent.clips import Clip
from tubelet.latent.errors import LatentError
from tubelet.latent.linear import dimensions
from tubelet.latent.preparation import Preparation
from tubelet.latent.texts.keeping import KeptHead, require_head
from tubelet.latent.texts.search import score_grid
from tubelet.store import Store, ids
from tubelet.store.questions.model_rows import SearchedText
from tubelet.store.questions.texts import searched_texts

KIND = "text"
TITLE = "similarity to a text"  # as the URL and the reader see it among the colors
CHANNELS, LOOKED_AT = 3, 8  # clips that the scale is made from
LOW, HIGH = 0.5, 0.995  # quantiles of their patches: half of all patches are black


@dataclass(frozen=True, kw_only=True)
class TextBasis(Basis):
    """A basis whose coordinate is the cosine of a patch to a text."""

    kept: KeptHead = field(repr=False)
    vector: Float64[np.ndarray, " d"] = field(repr=False)

    def coordinates(self, clip: Clip) -> Float32[np.ndarray, "S H W k"]:
        self.refuse_other(clip.encoder_id)
        scores = score_grid(self.kept, self.vector, clip.grid)
        return np.repeat(scores[..., None], CHANNELS, axis=3)


def find_searched(store: Store, encoder_id: str, text_id: str) -> SearchedText:
    """A text of an encoder. Raises LatentError where the store has none of that id."""
    rows = searched_texts(encoder_id).read(store, SearchedText)
    found = next((row for row in rows if row.text_id == text_id), None)
    if found is None:
        raise LatentError(
            f"{store.name} holds no text {text_id or 'yet'} of {encoder_id}: run `tubelet search TEXT --encoder {encoder_id} --store {store.shell_name}`"
        )
    return found


def make_basis(store: Store, encoder_id: str, text_id: str) -> TextBasis:
    """Make the basis that shows similarity to a text as brightness, on the scale of some clips. Raises LatentError where there is no such text, or no clip that keeps its tokens."""
    text, kept = find_searched(store, encoder_id, text_id), require_head(store, encoder_id)
    vector = np.array(text.text_vector)
    held = clips.require_embeddings(clips.with_embeddings(store, encoder_id), encoder_id)
    chosen = [held[number] for number in clips.spread_evenly(len(held), LOOKED_AT)]
    middle = [clips.read(store, row, row.slices // 2, row.slices // 2 + 1) for row in chosen]
    seen = np.concatenate([score_grid(kept, vector, grid).ravel() for grid in middle])
    limits = np.nanquantile(seen, (LOW, HIGH)).astype(np.float32)
    return TextBasis(
        basis_id=ids.hash_parts(KIND, encoder_id, text_id, limits.tolist()),
        encoder_id=encoder_id,
        kind=KIND,
        scope="corpus",
        scope_id=None,
        parameters={"name": text.text, "text_id": text_id},
        preparation=Preparation(),
        foreground=None,
        model=dimensions((0, 0, 0), chosen[0].embed_dim),
        limits=np.tile(limits, (CHANNELS, 1)),
        explained=np.empty(0),
        total=0.0,
        tokens=len(seen),
        clip_ids=(),
        kept=kept,
        vector=vector,
    )
