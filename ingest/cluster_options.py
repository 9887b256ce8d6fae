"""Where a command runs: in this process, or on a cluster."""

from dataclasses import dataclass

from tubelet.store.options import option

RAY_HELP = "Run on a cluster of Ray, with a process per GPU or per 4 CPU cores: its address, auto for the one that this machine belongs to, or local for this machine alone (`pip install 'tubelet[ray]'`)."


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Which cluster, of a command whose work is split into batches (`tubelet.ingest.batches`)."""

    ray: str | None = option(None, help=RAY_HELP, unset="this process", metavar="ADDRESS")
