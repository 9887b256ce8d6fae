"""What the colours of the Video page are made from: the choice, and what it means in words."""

from collections.abc import Mapping

import streamlit as st

from dashboard import caching, downloads, latent_caching
from dashboard.colours import CHANNELS, Colouring, Options
from dashboard.components.player import Film, Paint
from latent import bases
from latent.basis import Basis
from store import Store, TubeletError
from store.queries import Question

COLOUR = "colour"  # URL parameter
SOURCES = {  # as the URL and the reader see them
    "components of the corpus": "corpus",
    "components of this video": "video",
    "components of this window": "clip",
    "three dimensions": "dimensions",
}
KINDS = {"pca": "components", "umap": "UMAP", "kmeans": "clusters", "dimensions": "dimensions"}
OPTIONS = {
    "unit": ("Equal lengths", "Divide each token by its length first: colours then show direction alone."),
    "positions": ("Without position", "Subtract the mean embedding of each grid position over the corpus first."),
    "foreground": ("Foreground only", "Fit on the tokens on one side of the first component; the others are grey."),
}


def choose(store: Store, film: Film) -> Colouring:
    """Where the colours come from, in the URL."""
    kept = {_kept(row): row["basis_id"] for row in caching.rows(store, bases.listed(film.clip["encoder_id"]))}
    name = st.selectbox("Colours", [*SOURCES, *kept], key=COLOUR, bind="query-params", width=240)
    if name in kept:
        return Colouring("basis", kept[name])
    source = SOURCES[name]
    if source == "dimensions":
        return Colouring("dimensions", ".".join(map(str, _dimensions(film.clip["dim"]))))
    of = {"video": film.video["video_id"], "clip": film.clip["clip_id"]}.get(source, "")
    return Colouring(source, of, _options())


def paint(store: Store, film: Film, colouring: Colouring) -> Paint:
    """Where the player finds the colours. Raises TubeletError where there are none to be had."""
    basis = latent_caching.basis(store, film.clip["encoder_id"], colouring)
    return Paint(f"colours/{colouring.name}/{basis.basis_id}", legend(basis), sentence(basis, colouring))


def legend(basis: Basis) -> tuple[str, ...]:
    """What each channel means."""
    if basis.kind == "kmeans":
        return ()
    shares = basis.explained / basis.total if basis.total and basis.kind != "umap" else []
    named = zip(CHANNELS, basis.limits, range(basis.components))
    return tuple(
        f"{channel}: {_component(basis, n)}, {low:.2g} to {high:.2g}{f' ({shares[n]:.0%})' if n < len(shares) else ''}"
        for channel, (low, high), n in named
    )


def sentence(basis: Basis, colouring: Colouring) -> str:
    """What the colours say, in one sentence."""
    if basis.kind == "kmeans":
        return f"Each colour is one of {basis.parameters['clusters']} clusters of similar tokens."
    if basis.kind == "dimensions":
        return f"Red, green and blue are dimensions {', '.join(map(str, basis.parameters['dimensions']))} of each token."
    if basis.kind == "umap":
        return "Like colours are neighbours among the embeddings: red, green and blue are three UMAP coordinates."
    share = float(basis.explained[:3].sum() / basis.total) if basis.total else 0.0
    where = {"corpus": "the corpus", "video": "this video", "clip": "one window"}[basis.scope]
    return f"Like colours are like embeddings: red, green and blue are the first three principal components of {where}, {share:.0%} of its variance."


def questions(store: Store, film: Film) -> dict[str, Question]:
    return {"Kept bases": bases.listed(film.clip["encoder_id"])}


def offered(store: Store, film: Film, colouring: Colouring) -> Paint:
    """The paint, or none and a sentence that says why."""
    if not any(row["embedded"] for row in film.clips):
        return Paint()
    try:
        return paint(store, film, colouring)
    except TubeletError as error:
        st.warning(f"No colours: {error}", icon=":material/palette:")
        return Paint()


def offer_file(film: Film, paint: Paint) -> None:
    """The window's colours as a file of some kilobytes: uint8 ``(slices, rows, columns, 3)``."""
    if paint.url and film.clip["embedding_path"]:
        downloads.offer("", {"Colours .npy": f"{paint.url}/{film.clip['clip_id']}/colours.npy"})


def _component(basis: Basis, number: int) -> str:
    if basis.kind == "dimensions":
        return f"dimension {basis.parameters['dimensions'][number]}"
    return f"{'coordinate' if basis.kind == 'umap' else 'component'} {number + 1}"


def _kept(row: Mapping) -> str:
    scope = "the corpus" if row["scope"] == "corpus" else f"a {row['scope']}"
    return f"{KINDS[row['kind']]} of {scope}, kept ({row['basis_id'][:6]})"


def _dimensions(dim: int) -> list[int]:
    text = st.text_input(
        "Dimensions as red, green, blue",
        "0, 1, 2",
        key="dimensions",
        bind="query-params",
        width=220,
        help=f"Three numbers from 0 to {dim - 1}.",
    )
    numbers = [int(part) for part in text.replace(" ", "").split(",") if part.isdecimal()]
    return numbers if len(numbers) == 3 and max(numbers) < dim else [min(n, dim - 1) for n in range(3)]


def _options() -> Options:
    with st.popover("Options", icon=":material/tune:"):
        return Options(
            **{name: st.checkbox(label, key=name, bind="query-params", help=meaning) for name, (label, meaning) in OPTIONS.items()}
        )
