"""A fitted basis, ready to be applied to any clip of its encoder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from tubelet.array_types import Bool, Float, Float32, Int, Int16
from tubelet.latent import half
from tubelet.latent.clips import Clip
from tubelet.latent.clusters import Clusters
from tubelet.latent.dictionary import Dictionary
from tubelet.latent.errors import LatentError
from tubelet.latent.foreground import Foreground
from tubelet.latent.linear import Linear
from tubelet.latent.manifold import Manifold
from tubelet.latent.preparation import Preparation
from tubelet.store.notebook import render_facts

Model = Linear | Manifold | Clusters | Dictionary
MODELS: dict[str, type[Linear] | type[Manifold] | type[Clusters] | type[Dictionary]] = {
    "pca": Linear,
    "dimensions": Linear,
    "umap": Manifold,
    "kmeans": Clusters,
    "sae": Dictionary,
    "dictionary": Dictionary,
}
DICTIONARIES = tuple(kind for kind, model in MODELS.items() if model is Dictionary)
LINEAR = tuple(
    kind for kind, model in MODELS.items() if model is Linear
)  # their components are directions


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What was fitted, on what, and everything needed to apply it again.

    `explained` ``(k,)`` and `total` are variances over the tokens of the fit (for UMAP those of its reduction; empty where there are none);
    `limits` ``(k, 2)`` are the ends of the color scale of each component.
    """

    basis_id: str
    encoder_id: str
    kind: str
    scope: str
    scope_id: str | None
    parameters: Mapping
    preparation: Preparation
    foreground: Foreground | None
    model: Model
    limits: Float32[np.ndarray, "k 2"]
    explained: Float[np.ndarray, " e"]
    total: float
    tokens: int
    clip_ids: tuple[str, ...] = field(repr=False)

    @property
    def components(self) -> int:
        """Coordinates of a token; for k-means one, the number of its cluster."""
        return len(self.limits)

    def _repr_html_(self) -> str:
        """What a notebook shows: what was fitted, and on what."""
        scope = f"{self.scope} {self.scope_id or ''}".strip()
        facts = {
            "kind": self.kind,
            "fitted on": scope,
            "encoder": self.encoder_id,
            "tokens": self.tokens,
            "clips": len(self.clip_ids),
            "components": self.components,
        }
        if self.kind == "pca" and self.total > 0:
            facts["variance explained by the first three"] = (
                f"{sum(self.explained[:3]) / self.total:.0%}"
            )
        return render_facts(f"Basis {self.basis_id}", facts)

    def coordinates(self, clip: Clip) -> Float32[np.ndarray, "S H W k"]:
        """Coordinates of a clip's tokens, float32 ``(S, H, W, k)``; NaN where a token is not finite. Raises LatentError for another encoder."""
        self.refuse_other(clip.encoder_id)
        return np.stack([self._place(tokens) for tokens in self._prepare(clip)]).reshape(
            *clip.positions, self.components
        )

    def of_tokens(
        self,
        vectors: Float32[np.ndarray, "n D"],
        y: Int[np.ndarray, " n"],
        x: Int[np.ndarray, " n"],
    ) -> Float32[np.ndarray, "n k"]:
        """Coordinates of float32 tokens ``(n, D)`` at patches ``(y, x)``, float32 ``(n, k)``; NaN where a token is not finite."""
        return self._place(self.preparation.transform(vectors, y, x))

    def clusters(self, clip: Clip) -> Int16[np.ndarray, "S H W"]:
        """Clusters of a clip's tokens by a k-means basis, int16 ``(S, H, W)``; -1 where a token is not finite."""
        if not isinstance(self.model, Clusters):
            raise LatentError(
                f"basis {self.basis_id} is {self.kind} and has no clusters: fit one with --kind kmeans"
            )
        return as_clusters(self.coordinates(clip))

    def is_foreground(self, clip: Clip) -> Bool[np.ndarray, "S H W"]:
        """Which of a clip's tokens are foreground, ``(S, H, W)``; all of them if the basis uses all."""
        self.refuse_other(clip.encoder_id)
        if self.foreground is None:
            return np.ones(clip.positions, bool)
        return np.stack([self.foreground.mask(tokens) for tokens in self._prepare(clip)]).reshape(
            clip.positions
        )

    def refuse_other(self, encoder_id: str) -> None:
        """Raise LatentError unless the basis was fitted on clips of this encoder."""
        if encoder_id != self.encoder_id:
            raise LatentError(
                f"basis {self.basis_id} belongs to encoder {self.encoder_id} and says nothing about {encoder_id}, "
                f"whose dimensions mean something else: fit one with `tubelet basis fit --encoder {encoder_id} --store STORE`"
            )

    def _place(self, prepared: Float32[np.ndarray, "n D"]) -> Float32[np.ndarray, "n k"]:
        out = np.full((len(prepared), self.components), np.nan, np.float32)
        sound = np.isfinite(prepared).all(axis=1)
        if sound.any():
            out[sound] = self.model.transform(prepared[sound])
        return out

    def _prepare(self, clip: Clip) -> Iterator[Float32[np.ndarray, "H*W D"]]:
        """Float32 tokens ``(H*W, D)`` of each slice as the model takes them."""
        height, width = clip.positions[1:]
        self.preparation.refuse_other_grid(height, width)
        y, x = np.indices((height, width)).reshape(2, -1)
        for tokens in half.slices(clip.grid):
            yield self.preparation.transform(tokens, y, x)


def as_clusters(coordinates: Float[np.ndarray, "*n 1"]) -> Int16[np.ndarray, "*n"]:
    """The single coordinate ``(..., 1)`` of k-means as int16 ``(...)``, -1 for NaN."""
    return np.nan_to_num(coordinates[..., 0], nan=-1).astype(np.int16)
