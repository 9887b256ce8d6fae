"""`tubelet dashboard` and `tubelet demo`: the pages over a store."""

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tubelet.cli.failures import Refused
from tubelet.cli.options import PORT, command, fill, store_option
from tubelet.cli.printing import note
from tubelet.store.options import options_of
from tubelet.store.remote.address import is_remote
from tubelet.store.sandbox.limits import VisitorLimits

if TYPE_CHECKING:
    from tubelet.dashboard.launch import Listening

LISTENING = (
    click.option(
        "--host",
        default="127.0.0.1",
        show_default=True,
        help="Address to listen on; 0.0.0.0 for all interfaces.",
    ),
    click.option("--port", default=8501, show_default=True, type=PORT, help="Port to listen on."),
    click.option(
        "--allow-host",
        multiple=True,
        metavar="NAME",
        help="Accept requests for this host name, too; repeatable.",
    ),
    click.option(
        "--allow-frame",
        multiple=True,
        metavar="ORIGIN",
        help="Let pages of this origin embed the dashboard; repeatable.",
    ),
    click.option(
        "--token",
        envvar="TUBELET_TOKEN",
        metavar="TEXT",
        help="Token that visitors need.  [default: none if only this machine can connect and --allow-jobs is not given, else a new one]",
    ),
    click.option(
        "--base-path",
        default="",
        metavar="PATH",
        help="URL path below which the dashboard is served, such as behind a proxy.",
    ),
    click.option(
        "--read-only",
        is_flag=True,
        help="Write nothing to the store: visitors save no tags and no queries.",
    ),
    click.option(
        "--allow-jobs",
        is_flag=True,
        help="Let visitors start and stop commands on the store with your permissions; they need a token.",
    ),
    click.option(
        "--api",
        is_flag=True,
        help="Serve an API for scripts at /api/query, /api/estimate, /api/patch and /api/schema.",
    ),
    click.option(
        "--metrics",
        is_flag=True,
        help="Serve metrics for Prometheus at /metrics.",
    ),
    click.option(
        "--remote-videos",
        is_flag=True,
        help="Play videos at addresses (s3://, https://): each is copied to this machine, with the credentials of the environment. For stores that you trust: they name the addresses.",
    ),
)


def listening_options(command: Any) -> Any:
    """Where the dashboard listens and to whom: what `dashboard` and `demo` share."""
    for option in reversed(LISTENING):
        command = option(command)
    return command


@command(VisitorLimits)
@store_option
@listening_options
def dashboard(store: str, store_options: dict[str, str], **listening: Any) -> None:
    """Serve the dashboard of a store."""
    from tubelet.dashboard.launch import launch
    from tubelet.store import Store

    where = _read_listening(listening)
    if "cache" in store_options:
        store_options["cache"] = os.path.abspath(store_options["cache"])
    opened = Store(store, options=store_options)
    if opened.layout.is_partial:
        where = _read_only(where)
    require_free(where.host, where.port)
    launch(opened.name, where, options=store_options)


def _read_only(where: "Listening") -> "Listening":
    """What a dashboard of a store in a bucket may do: what it draws for itself is not put into the bucket."""
    if where.allow_jobs:
        raise Refused(
            "--allow-jobs needs a store in a folder: run commands on a store in a bucket from a shell"
        )
    return replace(where, read_only=True)


@command(VisitorLimits)
@click.option("--videos", metavar="DIR", help="Your videos instead of the samples.")
@click.option(
    "--store", default="demo/store", show_default=True, metavar="STORE", help="Folder of the store."
)
@click.option(
    "--encoder",
    metavar="NAME",
    help="A single encoder.  [default: efficientnet-lite0, shallow and deep, and vjepa2.1-tiny]",
)
@listening_options
def demo(videos: str | None, store: str, encoder: str | None, **listening: Any) -> None:
    """Sample videos, a store and the dashboard: offline, on a CPU, in a minute."""
    from tubelet.dashboard.launch import launch
    from tubelet.ingest.job import Job
    from tubelet.ingest.samples import demo_models, sample_videos

    where = _read_listening(listening)
    if is_remote(store):
        raise Refused(f"the demo makes its store in a folder, not at {store}: pass one as --store")
    require_free(where.host, where.port)
    paths = [videos] if videos else [str(path) for path in sample_videos()]
    for job in [Job.of(paths=paths, part="1/1", **model) for model in demo_models(encoder)]:
        facts = job.recipe.encoder
        note(f"Encoding with {facts.name}, layer {facts.layer}")
        summary = job.run(store).execute(job.sources)
        click.echo("\n".join(summary.lines()))
    root = Path(store).absolute()
    launch(root, where, _first_page(root))


def _read_listening(given: dict[str, Any]) -> "Listening":
    from tubelet.dashboard.launch import Listening

    names = {field.name for field, _ in options_of(VisitorLimits)}
    others = {name: value for name, value in given.items() if name not in names}
    return Listening(**others, limits=fill(VisitorLimits, given))


def _first_page(root: Path) -> str:
    """The Video page at the patch that says most, with its introduction; the first page of a store that has none."""
    from tubelet.dashboard.tour import tour_address
    from tubelet.latent.highlight import find_highlight
    from tubelet.latent.workspace import Workspace
    from tubelet.store import Store

    store = Store(root)
    with store.hold():
        found = find_highlight(Workspace(store))
    store.close()
    return tour_address(found) if found else ""


def require_free(host: str, port: int) -> None:
    """Raises Refused where nobody can listen there."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
            probe.listen(1)
    except (OSError, UnicodeError) as error:
        raise Refused(
            f"cannot listen on {host} port {port} ({_why(error)}): pass another --port or --host"
        ) from error


def _why(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text.lower()
