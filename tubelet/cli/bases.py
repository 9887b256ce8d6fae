"""`tubelet basis` and `tubelet index`: projections, clusterings, and the codes of a fast search."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tubelet.cli.batches import run_on_cluster, tell
from tubelet.cli.interrupts import raise_on_signals
from tubelet.cli.options import ENCODER_HELP, command, encoder_option, fill, store_option
from tubelet.cli.printing import note
from tubelet.cli.recording import record_job
from tubelet.ingest.cluster_options import CpuClusterOptions
from tubelet.latent.dictionary_fit import SAE, DictionaryOptions
from tubelet.latent.fitting import BasisSpec
from tubelet.store.wording import count

if TYPE_CHECKING:
    from tubelet.latent.basis import Basis
    from tubelet.latent.codes import TokenIndex
    from tubelet.latent.scope import Scope
    from tubelet.latent.search_index import CodingOutcome
    from tubelet.store import Store


@click.group(no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def basis(context: click.Context) -> None:
    """Fit and list bases: projections and clusterings that give comparable colors in every video."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command(BasisSpec, DictionaryOptions)
@store_option
@click.option("--clip", metavar="CLIP_ID", help="Fit on one clip.")
@click.option("--video", metavar="VIDEO_ID", help="Fit on one video.")
@click.option("--corpus", is_flag=True, help="Fit on the sample of the whole corpus.  [default]")
@encoder_option(help=f"{ENCODER_HELP}  [required if the store holds several]")
@click.option("--name", help="Name under which it is listed.")
@record_job
def fit(
    store: str, store_options: dict[str, str], encoder: str | None, name: str | None, **wish: Any
) -> None:
    """Fit a basis on one clip, one video, or the corpus, and keep it in the store."""
    from tubelet.latent import fitting
    from tubelet.latent.errors import LatentError
    from tubelet.latent.scope import Scope
    from tubelet.store import Store

    clip, video, corpus = (wish.pop(where) for where in ("clip", "video", "corpus"))
    if sum(map(bool, (clip, video, corpus))) > 1:
        raise LatentError("--clip, --video and --corpus are mutually exclusive: pass one of them")
    asked, opened = fill(BasisSpec, wish), Store(store, options=store_options)
    where = Scope.of(opened, clip, video, encoder)
    if asked.kind == SAE:
        fitted = _train_dictionary(opened, where, (asked, fill(DictionaryOptions, wish)))
    else:
        fitted = fitting.fit_basis(opened, where, asked)
    _keep(opened, fitted, name)


def _train_dictionary(
    store: "Store", where: "Scope", wish: tuple[BasisSpec, DictionaryOptions]
) -> "Basis":
    """Torch is loaded for dictionaries alone."""
    from tubelet.latent.dictionary_fit import fit_dictionary
    from tubelet.training.dictionaries.method import make_trainer

    train = make_trainer(wish[1].device, lambda line: click.echo(line, err=True))
    return fit_dictionary(store, where, wish, train)


def _keep(store: "Store", fitted: "Basis", name: str | None) -> None:
    """Store a basis and say what it is."""
    from tubelet.latent import bases

    bases.save_basis(store, fitted, name)
    rows = bases.list_bases().read(store, bases.ListedBasis)
    click.echo(next(bases.describe_basis(row) for row in rows if row.basis_id == fitted.basis_id))


@command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@store_option
@encoder_option(help=f"{ENCODER_HELP}  [required if the store holds several]")
@click.option(
    "--active",
    type=click.IntRange(0, 4096),
    default=0,
    help="Active features per token of a TopK dictionary.  [default: all above 0]",
)
@click.option("--name", help="Name under which it is listed.")
@record_job
def import_basis(
    store: str,
    store_options: dict[str, str],
    file: Path,
    encoder: str | None,
    active: int,
    name: str | None,
) -> None:
    """Store a dictionary that was trained elsewhere: a safetensors file with W and b, or the tensors of a sparse autoencoder (ReLU or TopK) by their usual names.

    It must have been trained on embeddings of this encoder. It is measured on the sample of the corpus: variance explained, features active per token, dead features.
    """
    from tubelet.latent.dictionary_fit import import_dictionary
    from tubelet.latent.scope import Scope
    from tubelet.store import Store

    opened = Store(store, options=store_options)
    _keep(opened, import_dictionary(opened, Scope.of(opened, encoder=encoder), file, active), name)


@command(name="list")
@store_option
@encoder_option(help=f"{ENCODER_HELP}  [default: all of them]")
def list_bases(store: str, store_options: dict[str, str], encoder: str | None) -> None:
    """List the bases of a store, the newest first."""
    from tubelet.latent import bases
    from tubelet.store import Store
    from tubelet.store.encoder_names import find_encoder

    opened = Store(store, options=store_options)
    question = bases.list_bases(find_encoder(opened, encoder) if encoder else None)
    rows = question.read(opened, bases.ListedBasis)
    click.echo(
        "\n".join(map(bases.describe_basis, rows))
        if rows
        else f"no basis yet: run `tubelet basis fit --store {opened.shell_name}`"
    )


fit.short_help, import_basis.short_help, list_bases.short_help = (
    "Fit a basis and store it.",
    "Keep a dictionary that was trained elsewhere.",
    "List the bases of a store, the newest first.",
)
basis.add_command(fit)
basis.add_command(import_basis)
basis.add_command(list_bases)


@command(CpuClusterOptions)
@store_option
@encoder_option(help=f"{ENCODER_HELP}  [required if the store holds several]")
@click.option("--rebuild", is_flag=True, help="Fit the codes again to the corpus as it is now.")
@record_job
def index(
    store: str,
    store_options: dict[str, str],
    encoder: str | None,
    rebuild: bool,
    ray: str | None,
) -> None:
    """Write compact codes of every token, for fast search, and measure what they miss. A rerun adds only new clips.

    Exit code 0: every clip has codes; 1: a fault, named; 2: wrong use; 130: stopped by Ctrl-C.
    """
    from tubelet.latent import search_index
    from tubelet.latent.directions.recall import measure_direction_recall
    from tubelet.latent.scope import Scope
    from tubelet.store import Store

    opened = Store(store, options=store_options)
    encoder_id = Scope.of(opened, encoder=encoder).encoder_id
    sketch = search_index.prepare_index(opened, encoder_id, rebuild)
    outcome = _code(opened, sketch, (store, store_options), ray)
    for line in outcome.list_notes():
        note(line)
    if outcome.exit_code:
        sys.exit(outcome.exit_code)
    recall = search_index.record_recall(opened, sketch, measure_direction_recall)
    line = f"basis {recall.basis_id}: {count(recall.clips, 'clip')} coded, recall@{search_index.TOP} {recall.recall:.3f} over {count(recall.queries, 'sampled token')}"
    if recall.directions and recall.direction_recall is not None:
        line += f", {recall.direction_recall:.3f} along {count(recall.directions, 'direction')}"
    click.echo(line)


def _code(
    store: "Store", sketch: "TokenIndex", reached: tuple[str, dict[str, str]], ray: str | None
) -> "CodingOutcome":
    """Code the clips that have no codes, here or on a cluster."""
    from tubelet.latent import search_index

    show = tell("clip")
    if ray:
        from tubelet.training.indexing import CodingBatches

        batches = CodingBatches(sketch.basis.basis_id)
        outcome = run_on_cluster(batches, store, reached, (ray, "cpu"), show)
        raise_on_signals()  # no longer to stop after the current clips
        return outcome
    clips = search_index.find_uncoded(store, sketch)
    return search_index.write_codes(store, sketch, clips, show=lambda done: show(done, len(clips)))


index.renamed = {"--anew": "--rebuild"}
