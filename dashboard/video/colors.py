"""What the colors of the Video page are made from: the choice, and what it means in words."""

from collections.abc import Mapping, Sequence

import streamlit as st

from tubelet.dashboard import caching, downloads, units
from tubelet.dashboard.components.player import Film, Paint
from tubelet.dashboard.parameters import bind
from tubelet.latent import bases
from tubelet.latent.basis import Basis
from tubelet.latent.colorings import CHANNELS, Coloring, Options
from tubelet.reports.literal import Markdown, literal
from tubelet.store import Store, TubeletError
from tubelet.store.questions.corpus import Question

SOURCES = {  # as the URL and the reader see them
    "components of the corpus": "corpus",
    "components of this video": "video",
    "components of this window": "clip",
    "three dimensions": "dimensions",
}
KINDS = {"pca": "components", "umap": "UMAP", "kmeans": "clusters", "dimensions": "dimensions"}
OPTIONS = {
    "unit": (
        "Equal lengths",
        "Divide each embedding by its length first, so that colors show direction alone.",
    ),
    "positions": (
        "Without position",
        "Subtract the mean embedding of each grid position over the corpus first.",
    ),
    "foreground": (
        "Foreground only",
        "Fit on the tokens on one side of the first component; the others are gray.",
    ),
}


def choose(store: Store, film: Film) -> Coloring:
    """Where the colors come from, in the URL."""
    kept = {
        _describe_basis(row): row["basis_id"]
        for row in caching.rows(store, bases.list_bases(film.clip.encoder_id))
    }
    name = st.selectbox("Colors", [*SOURCES, *kept], **bind("color"), width=240)
    if name in kept:
        return Coloring("basis", kept[name])
    source = SOURCES[name]
    if source == "dimensions":
        return Coloring("dimensions", ".".join(map(str, _dimensions(film.clip.embed_dim))))
    of = {"video": film.video.video_id, "clip": film.clip.clip_id}.get(source, "")
    return Coloring(source, of, _options())


def paint(store: Store, film: Film, coloring: Coloring) -> Paint:
    """Where the player finds the colors. Raises TubeletError where there are none."""
    basis = caching.workspace(store).basis(film.clip["encoder_id"], coloring)
    return Paint(
        f"colors/{coloring.name}/{basis.basis_id}", legend(basis), sentence(basis, coloring)
    )


def legend(basis: Basis) -> tuple[str, ...]:
    """What each channel means."""
    if basis.kind == "kmeans":
        return ()
    shares: Sequence[float] = (
        (basis.explained / basis.total).tolist() if basis.total and basis.kind != "umap" else []
    )
    named = zip(CHANNELS, basis.limits, range(basis.components))
    return tuple(
        f"{channel}: {_component(basis, n)}, {low:.2g} to {high:.2g}{f' ({shares[n]:.0%})' if n < len(shares) else ''}"
        for channel, (low, high), n in named
    )


def sentence(basis: Basis, coloring: Coloring) -> Markdown:
    """What the colors say, in one sentence."""
    if basis.kind == "kmeans":
        return f"Each color is one of {basis.parameters['clusters']:d} clusters of similar tokens."
    if basis.kind == "dimensions":
        return f"Red, green and blue are dimensions {', '.join([f'{dim:d}' for dim in basis.parameters['dimensions']])} of each token."
    if basis.kind == "umap":
        return "Similar colors mean neighboring embeddings: red, green and blue are three UMAP coordinates."
    share = float(basis.explained[:3].sum() / basis.total) if basis.total else 0.0
    where = {"corpus": "the corpus", "video": "this video", "clip": "one window"}[basis.scope]
    return f"Similar colors mean similar embeddings: red, green and blue are the first three principal components of {where}, {share:.0%} of its variance."


def questions(store: Store, film: Film) -> dict[str, Question]:
    return {"Kept bases": bases.list_bases(film.clip.encoder_id)}


def choose_paint(store: Store, film: Film, coloring: Coloring) -> Paint:
    """The paint, or none and a sentence that says why."""
    if not any(row.embedded for row in film.clips):
        return Paint()
    try:
        return paint(store, film, coloring)
    except TubeletError as error:
        st.warning(f"Could not compute colors: {literal(error)}", icon=":material/palette:")
        return Paint()


def offer_file(film: Film, paint: Paint) -> None:
    """The window's colors as a file of some kilobytes: uint8 ``(slices, rows, columns, 3)``."""
    if paint.url and film.clip.embedding_path:
        downloads.offer("", {"Colors .npy": f"{paint.url}/{film.clip.clip_id}/colors.npy"})


def _component(basis: Basis, number: int) -> str:
    if basis.kind == "dimensions":
        return f"dimension {basis.parameters['dimensions'][number]}"
    return f"{'coordinate' if basis.kind == 'umap' else 'component'} {number + 1}"


def _describe_basis(row: Mapping) -> str:
    scope = "the corpus" if row["scope"] == "corpus" else f"a {row['scope']}"
    return f"{KINDS[row['kind']]} of {scope}, kept ({row['basis_id'][:6]})"


def _dimensions(dim: int) -> list[int]:
    text = st.text_input(
        "Dimensions as red, green, blue",
        "0, 1, 2",
        **bind("dimensions"),
        width=220,
        help=f"Three numbers from 0 to {dim - 1}.",
    )
    read = map(units.read, text.replace(" ", "").split(","))
    numbers = [number for number in read if number is not None]
    return (
        numbers if len(numbers) == 3 and max(numbers) < dim else [min(n, dim - 1) for n in range(3)]
    )


def _options() -> Options:
    with st.popover("Options", icon=":material/tune:"):
        return Options(
            **{
                name: st.checkbox(label, **bind(name), help=meaning)
                for name, (label, meaning) in OPTIONS.items()
            }
        )
