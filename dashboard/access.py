"""Which hosts a dashboard answers to, and whom it lets in."""

import hashlib
import hmac
import ipaddress
import json
import os
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tubelet.media.remote_videos import REMOTE_VIDEOS
from tubelet.store.sandbox.limits import VisitorLimits

LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # addresses that stand for all of a machine
HOST = re.compile(r"(?:([\w.-]+)|\[([0-9a-f:.]+)\])(?::\d{1,5})?", re.ASCII | re.IGNORECASE)
SANDBOX = "sandbox; default-src 'none'; img-src 'self'; media-src 'self'"  # the Content-Security-Policy of bytes that come from files
READ_ONLY = "TUBELET_READ_ONLY"  # set: the dashboard writes nothing
STORE_OPTIONS = "TUBELET_STORE_OPTIONS"  # of a store in a bucket, as JSON: other users of the machine can read a command line
JOBS = "TUBELET_ALLOW_JOBS"  # the folder in which commands run that visitors start; "": they start and stop none
# how the command tells its server
HOSTS, FRAMES, TOKEN, API, METRICS, LIMITS = (
    "TUBELET_ALLOW_HOSTS",
    "TUBELET_ALLOW_FRAMES",
    "TUBELET_TOKEN",
    "TUBELET_API",
    "TUBELET_METRICS",
    "TUBELET_LIMITS",
)
OWN = frozenset(
    {READ_ONLY, STORE_OPTIONS, JOBS, HOSTS, FRAMES, TOKEN, API, METRICS, LIMITS, REMOTE_VIDEOS}
)  # of the server alone


@dataclass(frozen=True)
class Access:
    """Where the server listens, which further hosts it answers to, the token that it asks for, and which origins may frame it."""

    address: str = "127.0.0.1"
    hosts: frozenset[str] = frozenset()  # by option, as host or host:port
    token: str = field(default="", repr=False)
    frames: tuple[str, ...] = ()

    @classmethod
    def of(cls, address: str, settings: Mapping[str, str]) -> "Access":
        """Read it from the environment that `tubelet dashboard` sets."""
        hosts, frames = (settings.get(name, "").split() for name in (HOSTS, FRAMES))
        return cls(
            address, frozenset(map(host_name, hosts)), settings.get(TOKEN, ""), tuple(frames)
        )

    def allows_host(self, host: str) -> bool:
        """Whether a Host header names this server. A numeric address cannot be rebound, so any will do where the server listens on all."""
        name = host_name(host)
        if name in LOCAL | self.hosts | {host_name(self.address)} - EVERYWHERE:
            return True
        return self.address in EVERYWHERE and (
            is_address(name) or name in {socket.gethostname().lower(), socket.getfqdn().lower()}
        )

    def allows_origin(self, origin: str, host: str) -> bool:
        """Whether an Origin header is the server's own, or that of a proxy which was allowed by name."""
        try:
            parts = urlsplit(origin)
        except ValueError:  # a bracket that is not closed, say
            return False
        return parts.netloc.lower() == host.lower() or (
            bool(parts.netloc) and host_name(parts.netloc) in self.hosts
        )

    def admits(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    @property
    def cookie(self) -> str:
        """The name of the cookie: servers of one host on several ports share their cookies."""
        return f"tubelet-{hashlib.sha256(self.token.encode()).hexdigest()[:12]}"


def find_jobs_folder(address: str | None) -> Path | None:
    """Where commands run that visitors start; None where they may start and stop none: unless the server was told to allow it, writes
    to its store, and either asks for a token or listens to this machine alone."""
    folder, settings = os.environ.get(JOBS), os.environ
    if not folder or is_read_only():
        return None
    private = is_loopback(address or "") and not settings.get(HOSTS)
    return Path(folder) if settings.get(TOKEN) or private else None


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address."""
    name = host_name(address)
    return name in LOCAL or (name.startswith("127.") and name.replace(".", "").isdigit())


def keep_environment() -> dict[str, str]:
    """The environment without what is the server's own, for the commands that it starts."""
    return {name: value for name, value in os.environ.items() if name not in OWN}


def is_read_only() -> bool:
    """Whether this server was started with --read-only."""
    return bool(os.environ.get(READ_ONLY))


def read_store_options() -> dict[str, str]:
    """How the store's bucket is reached, as this server was started."""
    return json.loads(os.environ.get(STORE_OPTIONS) or "{}")


def read_limits() -> VisitorLimits:
    """What one query of a visitor may use, as this server was started."""
    return VisitorLimits.of_json(os.environ.get(LIMITS, ""))


def host_name(host: str) -> str:
    """The host of ``host:port``, lower case, an IPv6 address without brackets; "" for anything else."""
    bare = host.strip().lower()
    found = HOST.fullmatch(bare)
    return (found[1] or found[2]).rstrip(".") if found else bare if is_address(bare) else ""


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
