"""What the colors of the Video page are made from: the choice, and what it means in words."""

from collections.abc import Sequence

import streamlit as st

from tubelet.dashboard import caching, downloads, links, units
from tubelet.dashboard.components.player import Film, Paint, Swatch
from tubelet.dashboard.parameters import bind
from tubelet.dashboard.swatches import name_categories
from tubelet.dashboard.video import texts
from tubelet.latent import bases, gaze
from tubelet.latent.basis import LINEAR, Basis
from tubelet.latent.categories import CLUSTER, LABEL, VIDEO, Categories, count_categories
from tubelet.latent.colorings import (
    ATTENTION,
    CHANNELS,
    DIRECTION,
    TEXT,
    Coloring,
    PreparationOptions,
)
from tubelet.latent.directions.naming import FORMS
from tubelet.latent.probes.attention import list_attention
from tubelet.latent.texts import shade as text_shade
from tubelet.reports.literal import Markdown, literal, literal_sentence
from tubelet.store import Store, TubeletError
from tubelet.store.questions.corpus import Question

ALONG = "a direction"
SOURCES = {  # as the URL and the reader see them
    "components of the corpus": "corpus",
    "components of this video": "video",
    "components of this window": "clip",
    "three dimensions": "dimensions",
    "clusters": "clusters",
    "labels": "labels",
    "videos": "videos",
    ALONG: DIRECTION,
    gaze.TITLE: ATTENTION,
    text_shade.TITLE: TEXT,
}
CLUSTERS = (4, 6, 8, 10, 15, 20, 30)  # to choose from
CATEGORICAL = ("labels", "videos")
GRADIENTS = ("#d62728", "#2ca02c", "#1f5fd0")  # ends of the scales of red, green and blue
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
        name_choice(row): row.basis_id
        for row in caching.read(store, bases.list_bases(film.clip.encoder_id), bases.ListedBasis)
        if row.kind in KINDS
    }
    name = st.selectbox("Colors", [*SOURCES, *kept], **bind("color"), width=240)
    if name in kept:
        return Coloring("basis", kept[name])
    source = SOURCES[name]
    if source == "dimensions":
        return Coloring("dimensions", ".".join(map(str, _dimensions(film.clip.embed_dim))))
    if source == "clusters":
        return Coloring(source, str(_count_clusters()), PreparationOptions(unit=_options().unit))
    if source in CATEGORICAL:
        return Coloring(source)
    if source == DIRECTION:
        return Coloring.along(_name_direction())
    if source == ATTENTION:
        return Coloring(source, _choose_probe(store, film.clip.encoder_id))
    if source == TEXT:
        return texts.ask_text(store, film.clip.encoder_id)
    of = {"video": film.video.video_id, "clip": film.clip.clip_id}.get(source, "")
    return Coloring(source, of, _options())


def paint(store: Store, film: Film, coloring: Coloring) -> Paint:
    """Where the player finds the colors. Raises TubeletError where there are none."""
    workspace = caching.workspace(store)
    basis = workspace.basis(film.clip["encoder_id"], coloring)
    categories = workspace.categories(coloring, basis)
    return Paint(
        f"colors/{coloring.name}/{basis.basis_id}",
        legend(basis) if categories is None else name_categories(categories),
        sentence(basis, coloring) if categories is None else describe_categories(categories),
    )


def legend(basis: Basis) -> tuple[Swatch, ...]:
    """What each channel means."""
    if basis.kind == ATTENTION:
        said = f"brightness: 0 to {basis.limits[0][1]:.2g} times an even spread"
        return (Swatch(said, "linear-gradient(90deg, #000, #fff)"),)
    if basis.kind in (DIRECTION, TEXT):
        low, high = basis.limits[0]
        what = "cosine to the text" if basis.kind == TEXT else basis.parameters["name"]
        said = f"brightness: {what}, {low:.2g} to {high:.2g}"
        return (Swatch(said, "linear-gradient(90deg, #000, #fff)"),)
    shares: Sequence[float] = (
        (basis.explained / basis.total).tolist() if basis.total and basis.kind != "umap" else []
    )
    named = zip(CHANNELS, GRADIENTS, basis.limits, range(basis.components))
    return tuple(
        Swatch(
            f"{channel}: {_component(basis, n)}, {low:.2g} to {high:.2g}{f' ({shares[n]:.0%})' if n < len(shares) else ''}",
            f"linear-gradient(90deg, #000, {end})",
        )
        for channel, end, (low, high), n in named
    )


def describe_categories(categories: Categories) -> Markdown:
    """What the colors stand for, in one sentence."""
    count = len(categories.names) + categories.others
    if categories.kind == CLUSTER:
        sentence = f"Each color is one of {units.count(count, 'cluster')} of similar tokens (k-means), the largest first."
    else:
        sentence = f"Each color is one of {units.count(count, literal(categories.kind))} of this encoder, the one with most tokens first."
    return (
        f"{sentence} {units.number(categories.others)} more share gray."
        if categories.others
        else sentence
    )


def sentence(basis: Basis, coloring: Coloring) -> Markdown:
    """What the colors say, in one sentence."""
    if basis.kind == "dimensions":
        return f"Red, green and blue are dimensions {', '.join([f'{dim:d}' for dim in basis.parameters['dimensions']])} of each token."
    if basis.kind == DIRECTION:
        return f"Brightness is the value along {literal(basis.parameters['name'])}."
    if basis.kind == ATTENTION:
        return f"Brightness is how much the attentive probe of {literal(basis.parameters['name'])} attends to each token, averaged over heads."
    if basis.kind == TEXT:
        return f"Bright patches look like {literal(basis.parameters['name'])}: brightness is the cosine of each patch to the text; half of the patches of the corpus are black."
    if basis.kind == "umap":
        return "Similar colors mean neighboring embeddings: red, green and blue are three UMAP coordinates."
    share = float(basis.explained[:3].sum() / basis.total) if basis.total else 0.0
    where = {"corpus": "the corpus", "video": "this video", "clip": "one window"}[basis.scope]
    return f"Similar colors mean similar embeddings: red, green and blue are the first three principal components of {where}, {share:.0%} of its variance."


def questions(film: Film, coloring: Coloring) -> dict[str, Question]:
    """The SQL behind the choice of colors, and behind the categories that are shown."""
    behind = {"Kept bases": bases.list_bases(film.clip.encoder_id)}
    if coloring.source in CATEGORICAL:
        kind = LABEL if coloring.source == "labels" else VIDEO
        behind["Categories"] = count_categories(film.clip.encoder_id, kind)
    return behind


def choose_paint(store: Store, film: Film, coloring: Coloring) -> Paint:
    """The paint, or none and a sentence that says why."""
    if not any(row.embedded for row in film.clips):
        return Paint()
    if coloring.source == TEXT and not coloring.of:
        texts.offer(store, film)
        return Paint()
    if coloring.source == ATTENTION and not coloring.of:
        command = f"tubelet probe --kind attentive --label NAME --store {store.shell_name}"
        st.info(
            f"This encoder has no attentive probe: train one with {literal(command)}.",
            icon=":material/science:",
        )
        return Paint()
    try:
        return paint(store, film, coloring)
    except TubeletError as error:
        st.warning(
            f"Could not compute colors: {literal_sentence(error)}", icon=":material/palette:"
        )
        return Paint()


def offer_file(film: Film, paint: Paint) -> None:
    """The window's colors as a file of some kilobytes: uint8 ``(slices, rows, columns, 3)``."""
    if paint.url and film.clip.embedding_path and not paint.measured:
        downloads.offer("", {"Colors .npy": f"{paint.url}/{film.clip.clip_id}/colors.npy"})


def lead_to_directions(store: Store, film: Film, coloring: Coloring) -> None:
    """Links to what the colors stand for: the page of each dimension, or of the first component of a kept basis."""
    encoder_id = film.clip.encoder_id
    if coloring.source == "dimensions":
        for dim in dict.fromkeys(coloring.dimensions):
            links.to_dimension(f"Dimension {dim:d}", encoder_id, dim)
    if coloring.source == DIRECTION and coloring.direction:
        links.to_dimension("This direction", encoder_id, None, coloring.direction)
    kept = {row["basis_id"]: row["kind"] for row in caching.rows(store, bases.list_bases(encoder_id))}  # fmt: skip
    if kept.get(coloring.of) in LINEAR:
        links.to_dimension("Component 1", encoder_id, None, f"basis:{coloring.of}:1")
    if kept.get(coloring.of) == "kmeans":
        links.to_dimension("Cluster 0", encoder_id, None, f"cluster:{coloring.of}:0")


def _component(basis: Basis, number: int) -> str:
    if basis.kind == "dimensions":
        return f"dimension {basis.parameters['dimensions'][number]}"
    return f"{'coordinate' if basis.kind == 'umap' else 'component'} {number + 1}"


def name_choice(row: bases.ListedBasis) -> str:
    """The choice of colors that a kept basis is, from a row of `list_bases`."""
    scope = "the corpus" if row.scope == "corpus" else f"a {row.scope}"
    told = f"{KINDS[row.kind]} of {scope}"
    return f"{row.name} ({told})" if row.name else f"{told}, kept ({row.basis_id[:6]})"


def _count_clusters() -> int:
    return st.selectbox(
        "Number", CLUSTERS, CLUSTERS.index(10), **bind("clusters"), width=90,
        help="k-means on a sample of the corpus, with a fixed seed: the same clusters in every video and on every visit.",
    )  # fmt: skip


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


def _name_direction() -> str:
    return st.text_input(
        "Direction", placeholder="basis:NAME:2", help=FORMS, width=240, **bind("color-direction")
    ).strip()


def _choose_probe(store: Store, encoder_id: str) -> str:
    """The id of an attentive probe; "" where the encoder has none."""
    known = {name: probe.probe_id for name, probe in list_attention(store, encoder_id).items()}
    name = st.selectbox(
        "Probe", list(known) or ["none"], **bind("attention"), width=240, disabled=not known,
        help="Attentive probes of this encoder, the newest first. A video is shown as the model sees it that never learned from it.",
    )  # fmt: skip
    return known.get(name, "")


def _options() -> PreparationOptions:
    with st.popover("Options", icon=":material/tune:"):
        return PreparationOptions(
            **{
                name: st.checkbox(label, **bind(name), help=meaning)
                for name, (label, meaning) in OPTIONS.items()
            }
        )
