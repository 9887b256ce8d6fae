"""`tubelet dashboard` and `tubelet demo`: the pages over a store."""

import os
import socket
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import click

from tubelet.cli.failures import Refused
from tubelet.cli.options import PORT, command, store_option

host_option = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
port_option = click.option("--port", default=8501, show_default=True, type=PORT, help="Port to listen on.")


@dataclass(frozen=True)
class Address:
    """Where the dashboard listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def require_free(self) -> None:
        """Raises Refused where nobody can listen there."""
        try:
            family, kind, _, _, place = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0]
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(place)
                probe.listen(1)
        except (OSError, UnicodeError) as error:
            raise Refused(f"cannot listen on {self.host} port {self.port} ({_why(error)}): pass another --port or --host") from error


@command()
@store_option
@host_option
@port_option
def dashboard(store: str, host: str, port: int) -> None:
    """Serve the dashboard of a store."""
    from tubelet.store import Store

    address = Address(host, port)
    root = Store(store).root
    address.require_free()
    serve(root, address)


@command()
@click.option("--videos", metavar="DIR", help="Your videos instead of the samples.")
@click.option("--store", default="demo/store", show_default=True, metavar="STORE", help="Folder of the store.")
@click.option("--encoder", default="vjepa2.1-untrained", show_default=True, metavar="NAME", help="One of `tubelet encoders`, a Hugging Face id, or a directory.")
@host_option
@port_option
def demo(videos: str | None, store: str, encoder: str, host: str, port: int) -> None:
    """Sample videos, a store, the dashboard: offline, on a CPU, in a minute."""
    from tubelet.ingest.job import Job
    from tubelet.ingest.samples import sample_videos

    address = Address(host, port)
    address.require_free()
    job = Job.of(paths=[videos] if videos else [str(path) for path in sample_videos()], encoder=encoder)
    summary = job.run(store).execute(job.sources)
    click.echo("\n".join(summary.lines()))
    serve(Path(store).absolute(), address)


def serve(store: Path, address: Address) -> None:
    """Become the dashboard's server, until Ctrl-C. The working directory is where Streamlit looks for its settings."""
    click.echo(f"dashboard: {address.url}  (Ctrl-C ends it)", err=True)
    sys.stdout.flush()
    home = Path(find_spec("dashboard").origin).parents[1]
    arguments = ["--server.address", address.host, "--server.port", str(address.port), "--server.headless", "true", "--", str(store)]
    os.chdir(home)
    os.execv(sys.executable, [sys.executable, "-m", "dashboard", "run", "dashboard/server.py", *arguments])


def _why(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    return text.lower()
