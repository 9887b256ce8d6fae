"""Start the server of a store as the command asked for it: the options, and what is printed before. Imports no Streamlit."""

import json
import os
import re
import secrets
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tubelet.dashboard.access import (
    API,
    EVERYWHERE,
    FRAMES,
    HOSTS,
    JOBS,
    LIMITS,
    METRICS,
    READ_ONLY,
    STORE_OPTIONS,
    TOKEN,
    host_name,
    is_loopback,
)
from tubelet.media.remote_videos import REMOTE_VIDEOS
from tubelet.store import StoreError
from tubelet.store.sandbox.limits import VisitorLimits
from tubelet.store.wording import tell

HERE = Path(__file__).parent  # .streamlit lies here, too: it travels with the package
URL_SAFE = re.compile(r"[\w.~-]+", re.ASCII)
ORIGIN = re.compile(r"https?://(?:[\w.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Listening:
    """Where a dashboard listens, and to whom."""

    host: str = "127.0.0.1"
    port: int = 8501
    allow_host: tuple[str, ...] = ()
    allow_frame: tuple[str, ...] = ()
    token: str | None = None
    base_path: str = ""
    read_only: bool = False
    api: bool = False
    metrics: bool = False
    allow_jobs: bool = False
    remote_videos: bool = False
    limits: VisitorLimits = VisitorLimits()

    def __post_init__(self) -> None:
        if self.allow_jobs and self.read_only:
            raise StoreError(
                "--allow-jobs and --read-only are mutually exclusive: pass one of them"
            )
        for name in self.allow_host:
            if not host_name(name):
                raise StoreError(
                    f"--allow-host {name} is not a host: write one like lab.example.org, without http:// or a path"
                )
        for origin in self.allow_frame:
            if not ORIGIN.fullmatch(origin):
                raise StoreError(
                    f"--allow-frame {origin} is not an origin: write one like https://lab.example.org"
                )
        if self.token is not None and not URL_SAFE.fullmatch(self.token):
            raise StoreError(
                "--token takes letters, digits and . _ ~ - only, so that it can stand in a link"
            )
        if any(
            not URL_SAFE.fullmatch(part) or not part.strip(".")
            for part in self.base_path.strip("/").split("/")
            if self.base_path.strip("/")
        ):
            raise StoreError(f"--base-path {self.base_path} is not a path: write one like /tubelet")

    @property
    def is_local(self) -> bool:
        return is_loopback(self.host)

    @property
    def key(self) -> str:
        """The token that visitors need: as asked for, a new one where others could come or visitors may run commands (other users of this
        machine reach its ports, too), else none."""
        private = self.is_local and not self.allow_host and not self.allow_jobs
        return self.token or ("" if private else secrets.token_urlsafe(18))

    def environment(self, key: str) -> dict[str, str]:
        return {
            HOSTS: " ".join(self.allow_host),
            FRAMES: " ".join(self.allow_frame),
            TOKEN: key,
            READ_ONLY: "1" if self.read_only else "",
            API: "1" if self.api else "",
            METRICS: "1" if self.metrics else "",
            REMOTE_VIDEOS: "1" if self.remote_videos else "",
            JOBS: os.getcwd() if self.allow_jobs else "",
            LIMITS: self.limits.to_json(),
        }

    def arguments(self) -> list[str]:
        """Settings of Streamlit. Its own check of the body size guards uploads."""
        base = (
            ["--server.baseUrlPath", self.base_path.strip("/")] if self.base_path.strip("/") else []
        )
        return [
            "--server.address",
            self.host,
            "--server.port",
            str(self.port),
            "--server.headless",
            "true",
            *base,
        ]

    def link(self, key: str, page: str = "") -> str:
        """What to open in a browser; `page` is a page's path with its parameters."""
        shown = "127.0.0.1" if self.host in EVERYWHERE else self.host
        base = f"{self.base_path.strip('/')}/" if self.base_path.strip("/") else ""
        token = f"{'&' if '?' in page else '?'}token={key}" if key else ""
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}/{base}{page}{token}"


def launch(
    store: Path | str,
    listening: Listening,
    page: str = "",
    options: Mapping[str, str] | None = None,
) -> None:
    """Become the dashboard's server, and print the address to open: of the first page, or of another with its parameters. The working directory is where Streamlit looks for its settings; the token is not on its command line,
    which other users of the machine can read."""
    key = listening.key
    if hasattr(signal, "pthread_sigmask"):  # Ctrl-C waits until the new program has its way
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    tell(f"dashboard: {listening.link(key, page)}  (Ctrl-C ends it)")
    environment = os.environ | listening.environment(key)  # which names the current folder
    environment |= {STORE_OPTIONS: json.dumps(dict(options or {}))}
    os.chdir(HERE)
    sys.stdout.flush()
    command = [
        sys.executable,
        "-m",
        "tubelet.dashboard",
        "run",
        "server.py",
        *listening.arguments(),
        "--",
        str(store),
    ]
    os.execve(sys.executable, command, environment)
