"""Fits a basis: gathers the tokens of a scope, prepares them, keeps the foreground, fits, and fixes the color scale."""

import hashlib
import re
from dataclasses import dataclass

import numpy as np

from tubelet.latent import bases, colors, foreground, linear, manifold, position_means, scope
from tubelet.latent import clusters as centers
from tubelet.latent.basis import Basis, Model
from tubelet.latent.clusters import Clusters
from tubelet.latent.errors import LatentError
from tubelet.latent.foreground import Foreground
from tubelet.latent.linear import Linear, Variance
from tubelet.latent.manifold import Manifold
from tubelet.latent.preparation import Preparation
from tubelet.latent.scope import Scope, Tokens
from tubelet.store import Store, ids
from tubelet.store.options import SEED_MOST, check_options, option

FIRST_COMPONENT = "first-component"
SIGNS = "the entry of largest absolute value of each component is positive"
DIMENSIONS_MOST = 65_536
KEPT = {"pca": 16, "umap": 3}  # components, where none are asked for


@dataclass(frozen=True, kw_only=True)
class BasisSpec:
    """What to fit. `foreground`: None, `first-component`, or a k-means basis and its clusters as ``BASIS_ID:0,3``."""

    kind: str = option(
        "pca", help="Kind of basis.", choices=("pca", "umap", "kmeans", "dimensions", "sae")
    )
    components: int | None = option(
        None,
        help="Number of components.",
        unset="16 of pca, 3 of umap",
        least=1,
        most=DIMENSIONS_MOST,
    )
    clusters: int = option(8, help="Number of clusters, for kmeans.", least=2, most=10_000)
    dimensions: tuple[int, ...] = option(
        (0, 1, 2), help="Dimensions, for kind dimensions.", metavar="I,J,K"
    )
    unit: bool = option(
        False,
        flag="--normalize",
        renamed=("--unit",),
        help="Scale every token to unit length first.",
    )
    positions: bool = option(
        False,
        flag="--remove-position-mean",
        renamed=("--positions",),
        help="Subtract the corpus mean of each grid position first.",
    )
    foreground: str | None = option(
        None, help="first-component, or clusters of a kmeans basis as BASIS_ID:0,3.", metavar="RULE"
    )
    slices: tuple[int, ...] | None = option(
        None, help="Only these slices of each clip.", metavar="I,J,..."
    )
    neighbors: int = manifold.NEIGHBOURS
    seed: int = option(0, help="Seed of umap, kmeans and sae.", least=0, most=SEED_MOST)

    def __post_init__(self) -> None:
        check_options(self, LatentError)
        if self.neighbors < 2:
            raise LatentError(f"neighbors is {self.neighbors}: choose 2 or more")

    @property
    def parameters(self) -> dict:
        """What determines a fit of this kind, besides its tokens."""
        shared = {
            "kind": self.kind,
            "unit": self.unit,
            "positions": self.positions,
            "foreground": self.foreground,
        }
        shared["slices"] = None if self.slices is None else sorted(self.slices)
        own: dict[str, dict] = {
            "pca": {"signs": SIGNS},
            "umap": {
                "signs": SIGNS,
                "neighbors": self.neighbors,
                "seed": self.seed,
                "laid_out": manifold.LAID_OUT,
                "epochs": manifold.EPOCHS,
            },
            "kmeans": {"clusters": self.clusters, "seed": self.seed},
            "dimensions": {"dimensions": list(self.dimensions)},
            "sae": {"seed": self.seed},
        }
        asked = {"components": self.components or KEPT[self.kind]} if self.kind in KEPT else {}
        return {**shared, **asked, **own[self.kind]}


def fit_basis(store: Store, where: Scope, wish: BasisSpec) -> Basis:
    """Fit a basis on the tokens of a scope; it is not stored until `bases.save_basis`. Raises LatentError for what cannot be fitted."""
    if wish.kind == "sae":
        raise LatentError(
            "an sae is trained with torch: run `tubelet basis fit` with --kind sae, or call `dictionary_fit.fit_dictionary`"
        )
    tokens = scope.gather(store, where, wish.slices)
    preparation, chosen = _preparation(store, where, wish, tokens)
    if preparation.positions is not None:
        tokens = tokens.only(
            (tokens.height == preparation.positions.shape[0])
            & (tokens.width == preparation.positions.shape[1])
        )
    vectors = preparation.transform(tokens.vectors, tokens.y, tokens.x)
    sound = np.isfinite(vectors).all(axis=1)
    tokens, vectors = tokens.only(sound), vectors[sound]
    chosen = chosen or _first_component(wish, vectors, tokens)
    inside = np.ones(len(vectors), bool) if chosen is None else chosen.mask(vectors)
    tokens, vectors = tokens.only(inside), vectors[inside]
    _refuse_few(len(vectors), wish)
    model, variance = _fit_model(vectors, wish)
    parameters = wish.parameters | _record_fit(model, preparation, chosen)
    return Basis(
        basis_id=ids.hash_parts(where.encoder_id, wish.parameters, _hash_input(tokens, preparation), manifold.version() if wish.kind == "umap" else None),
        encoder_id=where.encoder_id, kind=wish.kind, scope=where.kind, scope_id=where.id, parameters=parameters, preparation=preparation, foreground=chosen, model=model,
        limits=colors.ranges(_thin_coordinates(model, vectors)), explained=variance.explained, total=variance.total, tokens=len(vectors),
        clip_ids=tuple(tokens.clip_ids[i] for i in np.unique(tokens.clip)),
    )  # fmt: skip


def _preparation(
    store: Store, where: Scope, wish: BasisSpec, tokens: Tokens
) -> tuple[Preparation, Foreground | None]:
    """How tokens are prepared, and the clusters that are foreground: which have their own preparation."""
    if wish.foreground in (None, FIRST_COMPONENT):
        if not wish.positions:
            return Preparation(wish.unit), None
        sides, counts = np.unique(
            np.column_stack([tokens.height, tokens.width]), axis=0, return_counts=True
        )
        height, width = sides[counts.argmax()]
        return Preparation(
            wish.unit, position_means.means(store, where.encoder_id, int(height), int(width))
        ), None
    written = re.fullmatch(r"([0-9a-f]+):(\d+(?:,\d+)*)", wish.foreground)
    if not written:
        raise LatentError(
            f"--foreground {wish.foreground} is neither {FIRST_COMPONENT} nor BASIS_ID:CLUSTER,CLUSTER: write one of them"
        )
    basis = bases.load_basis(store, written[1])
    basis.refuse_other(where.encoder_id)
    if not isinstance(basis.model, Clusters):
        raise LatentError(
            f"basis {basis.basis_id} is {basis.kind} and has no clusters: name one of --kind kmeans"
        )
    if (basis.preparation.unit, basis.preparation.positions is not None) != (
        wish.unit,
        wish.positions,
    ):
        raise LatentError(
            f"the clusters of basis {basis.basis_id} were fitted with a different --normalize or --remove-position-mean: use the same options here"
        )
    return basis.preparation, foreground.choose_clusters(
        basis.model, tuple(map(int, written[2].split(",")))
    )


def _first_component(wish: BasisSpec, vectors: np.ndarray, tokens: Tokens) -> Foreground | None:
    if wish.foreground is None:
        return None
    _refuse_few(len(vectors), wish)
    border = (
        (tokens.y == 0)
        | (tokens.x == 0)
        | (tokens.y == tokens.height - 1)
        | (tokens.x == tokens.width - 1)
    )
    return foreground.first_component(vectors, border)


def _refuse_few(count: int, wish: BasisSpec) -> None:
    needed = {"umap": manifold.MINIMUM, "kmeans": 1, "dimensions": 1}.get(wish.kind, 2)
    if count < needed:
        raise LatentError(
            f"{wish.kind} needs {needed} tokens or more, but only {count} are left: use more slices, a larger scope, or no --foreground"
        )


def _fit_model(vectors: np.ndarray, wish: BasisSpec) -> tuple[Model, Variance]:
    if wish.kind == "pca":
        return linear.pca(vectors, wish.parameters["components"])
    if wish.kind == "umap":
        return manifold.umap(vectors, wish.parameters["components"], wish.neighbors, wish.seed)
    if wish.kind == "kmeans":
        return centers.kmeans(vectors, wish.clusters, wish.seed), Variance(
            np.empty(0), _total(vectors)
        )
    return _plain(vectors, wish)


def _plain(vectors: np.ndarray, wish: BasisSpec) -> tuple[Linear, Variance]:
    dim = vectors.shape[1]
    if wrong := [d for d in wish.dimensions if not 0 <= d < dim]:
        raise LatentError(
            f"there is no dimension {wrong[0]}: these embeddings have dimensions 0 to {dim - 1}"
        )
    chosen = vectors[:, list(wish.dimensions)].astype(np.float64)
    explained = chosen.var(axis=0, ddof=1) if len(vectors) > 1 else np.zeros(len(wish.dimensions))
    return linear.dimensions(wish.dimensions, dim), Variance(explained, _total(vectors))


def _total(vectors: np.ndarray) -> float:
    """Sample variance of all dimensions together."""
    return float(vectors.var(axis=0, dtype=np.float64, ddof=1).sum()) if len(vectors) > 1 else 0.0


def _record_fit(model: Model, preparation: Preparation, chosen: Foreground | None) -> dict:
    """What the fit determined: the number of components or clusters, the grid, which side is foreground."""
    found: dict[str, int | str] = (
        {"clusters": len(model.centers)} if isinstance(model, Clusters) else {}
    )
    if isinstance(model, Linear):
        found = {"components": len(model.components)}
    if isinstance(model, Manifold):
        found = {"neighbors": model.neighbors, "library": manifold.version()}
    grid = {} if preparation.positions is None else {"grid": list(preparation.positions.shape[:2])}
    return found | grid | ({} if chosen is None else {"foreground_chosen": list(chosen.chosen)})


def _thin_coordinates(model: Model, vectors: np.ndarray) -> np.ndarray:
    """Coordinates of the tokens of the fit, of those laid out for UMAP."""
    return model.coordinates if isinstance(model, Manifold) else model.transform(vectors)


def _hash_input(tokens: Tokens, preparation: Preparation) -> str:
    """SHA-256 of the embeddings and addresses that the fit saw, and of the position means."""
    digest = hashlib.sha256("/".join(tokens.clip_ids).encode())
    for values in (
        tokens.vectors,
        tokens.clip,
        tokens.slice,
        tokens.y,
        tokens.x,
        preparation.positions,
    ):
        if values is not None:
            digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
