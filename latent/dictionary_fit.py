"""Dictionaries as bases: trained on tokens of a scope by the caller's training method, or read from a file; measured on the same tokens either way."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tubelet.array_types import Float32
from tubelet.latent import clips, dictionary_file, half, scope
from tubelet.latent.basis import Basis
from tubelet.latent.dictionary import Dictionary, measure_sparsity
from tubelet.latent.errors import LatentError
from tubelet.latent.fitting import BasisSpec
from tubelet.latent.preparation import Preparation
from tubelet.latent.scope import Scope, Tokens
from tubelet.store import Store, ids
from tubelet.store.options import check_options, option

SAE, IMPORTED = "sae", "dictionary"  # kinds
FEATURES_MOST = 262_144
PER_DIMENSION = 4  # features, where no number is given
POOL = 4  # clips in memory while all tokens are streamed, so that a batch mixes videos
Batches = Iterator[Float32[np.ndarray, "n D"]]


@dataclass(frozen=True, kw_only=True)
class DictionaryOptions:
    """How a sparse autoencoder is trained."""

    features: int | None = option(
        None,
        help="Features, for sae.",
        unset="four per dimension",
        least=2,
        most=FEATURES_MOST,
    )
    active: int = option(32, help="Active features per token, for sae (TopK).", least=1, most=4096)
    steps: int = option(
        2000, help="Training steps for sae, of --batch tokens each.", least=10, most=10_000_000
    )
    batch: int = option(1024, help="Tokens per step, for sae.", least=2, most=1_048_576)
    every_token: bool = option(
        False,
        flag="--all-tokens",
        help="Train an sae on every token of the encoder's clips instead of the sample.",
    )
    device: str = option("auto", help="Device to train an sae on: auto, cpu, cuda, cuda:N or mps.")

    def __post_init__(self) -> None:
        check_options(self, LatentError)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a trainer is asked for: tokens to begin with, batches without end, and how many features, of which `active` rebuild a token."""

    first: Float32[np.ndarray, "m D"]
    batches: Batches
    features: int
    seed: int
    options: DictionaryOptions


Train = Callable[[Asked], Dictionary]


def fit_dictionary(
    store: Store, where: Scope, wish: tuple[BasisSpec, DictionaryOptions], train: Train
) -> Basis:
    """A sparse autoencoder of a scope's tokens. Raises LatentError for what cannot be trained."""
    spec, options = wish
    _refuse(spec, options, where)
    tokens, preparation = _gather(store, where, spec)
    dim = tokens.vectors.shape[1]
    features = options.features or PER_DIMENSION * dim
    if options.active >= features:
        raise LatentError(
            f"--active is {options.active} and --features {features}: pass an --active below --features"
        )
    batches = (
        stream_clips(store, where.encoder_id, preparation, (options.batch, spec.seed))
        if options.every_token
        else draw_batches(tokens.vectors, options.batch, spec.seed)
    )
    model = train(
        Asked(
            first=tokens.vectors,
            batches=batches,
            features=features,
            seed=spec.seed,
            options=options,
        )
    )
    settings = asdict(options) | {"features": features, "seed": spec.seed}
    del settings["device"]
    return _make_basis(model, (where, SAE, settings), tokens, preparation)


def import_dictionary(store: Store, where: Scope, path: Path, active: int = 0) -> Basis:
    """The dictionary of a safetensors file, measured on the sample. Raises LatentError for a file that is none for this encoder."""
    tokens, preparation = _gather(store, where, BasisSpec())
    model = dictionary_file.read_dictionary(path, tokens.vectors.shape[1], active)
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    settings = {"active": active, "features": len(model.encoder), "file": path.name, "file_sha256": sha256}  # fmt: skip
    return _make_basis(model, (where, IMPORTED, settings), tokens, preparation)


def _refuse(spec: BasisSpec, options: DictionaryOptions, where: Scope) -> None:
    if spec.positions or spec.foreground or spec.slices:
        raise LatentError(
            "an sae takes tokens as they are or, with --normalize, of length 1: leave --remove-position-mean, --foreground and --slices out"
        )
    if options.every_token and where.kind != "corpus":
        raise LatentError("--all-tokens streams the whole corpus: leave --clip and --video out")


def _gather(store: Store, where: Scope, spec: BasisSpec) -> tuple[Tokens, Preparation]:
    """The finite tokens of a scope, prepared. Raises LatentError where fewer than two differ."""
    tokens, preparation = scope.gather(store, where), Preparation(spec.unit)
    vectors = preparation.transform(tokens.vectors, tokens.y, tokens.x)
    sound = np.isfinite(vectors).all(axis=1)
    kept = tokens.only(sound)
    prepared = Tokens(vectors=vectors[sound], clip_ids=kept.clip_ids, clip=kept.clip, slice=kept.slice, y=kept.y, x=kept.x, height=kept.height, width=kept.width)  # fmt: skip
    if len(prepared.vectors) < 2 or not np.ptp(prepared.vectors, axis=0).any():
        raise LatentError(
            "a dictionary needs tokens that differ from each other: choose a larger scope"
        )
    return prepared, preparation


def draw_batches(vectors: Float32[np.ndarray, "n D"], size: int, seed: int) -> Batches:
    """Batches without end: all tokens in an order drawn again each time."""
    generator = np.random.default_rng(seed)
    while True:
        order = generator.permutation(len(vectors))
        for start in range(0, len(order), size):
            yield vectors[order[start : start + size]]


def stream_clips(
    store: Store, encoder_id: str, preparation: Preparation, drawn: tuple[int, int]
) -> Batches:
    """Batches without end of all tokens of an encoder: clips in an order drawn again each time, some in memory at once; `drawn`: batch size and seed.

    Raises LatentError where no clip has embeddings."""
    size, seed = drawn
    rows = clips.require_embeddings(clips.with_embeddings(store, encoder_id), encoder_id)
    generator = np.random.default_rng(seed)
    while True:
        order = generator.permutation(len(rows))
        for start in range(0, len(order), POOL):
            parts = []
            for number in order[start : start + POOL]:
                grid = clips.read(store, rows[number])
                y, x = np.indices(grid.shape[:3]).reshape(3, -1)[1:]
                tokens = half.widen(grid.reshape(-1, grid.shape[-1]))
                vectors = preparation.transform(tokens, y, x)
                parts.append(vectors[np.isfinite(vectors).all(axis=1)])
            pool = generator.permutation(np.concatenate(parts))
            for begin in range(0, len(pool), size):
                yield pool[begin : begin + size]


def _make_basis(
    model: Dictionary, made: tuple[Scope, str, dict], tokens: Tokens, preparation: Preparation
) -> Basis:
    """`made`: the scope, the kind and the settings. What the dictionary does to the tokens is part of the settings."""
    where, kind, settings = made
    measured, found = measure_sparsity(model, tokens.vectors)
    if not np.isfinite(found.explained):
        raise LatentError("training diverged: pass other --features, or fewer --steps")
    told = {
        "kind": kind,
        "unit": preparation.unit,
        "positions": False,
        "explained": round(found.explained, 6),
        "active_per_token": round(found.active_per_token, 4),
        "dead": int(np.count_nonzero(measured.frequency == 0)),
        "measured_tokens": len(tokens.vectors),
    }
    weights = hashlib.sha256()
    for part in measured.arrays.values():
        weights.update(np.ascontiguousarray(part).data)
    return Basis(
        basis_id=ids.hash_parts(where.encoder_id, where.kind, where.id, kind, settings, weights.hexdigest()),
        encoder_id=where.encoder_id, kind=kind, scope=where.kind, scope_id=where.id, parameters=settings | told, preparation=preparation, foreground=None, model=measured,
        limits=np.stack([np.zeros_like(found.largest), found.largest], axis=1), explained=np.array([max(found.explained, 0.0) * found.total]), total=found.total, tokens=len(tokens.vectors),
        clip_ids=tuple(tokens.clip_ids[i] for i in np.unique(tokens.clip)),
    )  # fmt: skip
