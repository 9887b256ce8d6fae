"""`tubelet basis` and `tubelet index`: projections, clusterings, and the codes of a fast search."""

from typing import Any

import click

from tubelet.cli.options import ENCODER_HELP, command, encoder_option, fill, store_option
from tubelet.cli.recording import recorded
from tubelet.latent.fitting import BasisSpec
from tubelet.store.wording import count


@click.group(no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def basis(context: click.Context) -> None:
    """Fit and list bases: projections and clusterings that give comparable colors in every video."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command(BasisSpec)
@store_option
@click.option("--clip", metavar="CLIP_ID", help="Fit on one clip.")
@click.option("--video", metavar="VIDEO_ID", help="Fit on one video.")
@click.option("--corpus", is_flag=True, help="Fit on the sample of the whole corpus.  [default]")
@encoder_option(help=f"{ENCODER_HELP}  [required if the store holds several]")
@click.option("--name", help="What it is called where it is chosen.")
@recorded
def fit(store: str, encoder: str | None, name: str | None, **wish: Any) -> None:
    """Fit a basis on one clip, one video, or the corpus, and keep it in the store."""
    from tubelet.latent import bases, fitting
    from tubelet.latent.errors import LatentError
    from tubelet.latent.scope import Scope
    from tubelet.store import Store

    clip, video, corpus = (wish.pop(where) for where in ("clip", "video", "corpus"))
    if sum(map(bool, (clip, video, corpus))) > 1:
        raise LatentError("--clip, --video and --corpus are mutually exclusive: pass one of them")
    asked, opened = fill(BasisSpec, wish), Store(store)
    fitted = fitting.fit_basis(opened, Scope.of(opened, clip, video, encoder), asked)
    bases.save_basis(opened, fitted, name)
    (row,) = (
        row
        for row in bases.list_bases().read(opened, bases.ListedBasis)
        if row.basis_id == fitted.basis_id
    )
    click.echo(bases.describe_basis(row))


@command(name="list")
@store_option
@encoder_option(help=f"{ENCODER_HELP}  [default: all of them]")
def list_bases(store: str, encoder: str | None) -> None:
    """List the bases of a store, the newest first."""
    from tubelet.latent import bases
    from tubelet.store import Store
    from tubelet.store.encoder_names import find_encoder

    opened = Store(store)
    question = bases.list_bases(find_encoder(opened, encoder) if encoder else None)
    rows = question.read(opened, bases.ListedBasis)
    click.echo(
        "\n".join(map(bases.describe_basis, rows))
        if rows
        else f"no basis yet: run `tubelet basis fit --store {opened.shell_name}`"
    )


fit.short_help, list_bases.short_help = (
    "Fit a basis and store it.",
    "List the bases of a store, the newest first.",
)
basis.add_command(fit)
basis.add_command(list_bases)


@command()
@store_option
@encoder_option(help=f"{ENCODER_HELP}  [required if the store holds several]")
@click.option("--rebuild", is_flag=True, help="Fit the codes again to the corpus as it is now.")
@recorded
def index(store: str, encoder: str | None, rebuild: bool) -> None:
    """Write compact codes of every token, for fast search, and measure what they miss. A rerun codes only new clips."""
    from tubelet.latent import search_index
    from tubelet.latent.scope import Scope
    from tubelet.store import Store

    opened = Store(store)
    recall = search_index.write_index(opened, Scope.of(opened, encoder=encoder).encoder_id, rebuild)
    click.echo(
        f"basis {recall.basis_id}: {count(recall.clips, 'clip')} coded, recall@{search_index.TOP} {recall.recall:.3f} over {count(recall.queries, 'sampled token')}"
    )


index.renamed = {"--anew": "--rebuild"}
