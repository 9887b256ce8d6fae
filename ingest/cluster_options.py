"""Where a command runs: in this process, or on a cluster."""

from dataclasses import dataclass

from tubelet.store.options import option

ADDRESS_HELP = "its address, auto for the one that this machine belongs to, or local for this machine alone (`pip install 'tubelet[ray]'`)."
RAY_HELP = f"Run on a cluster of Ray, with a process per GPU or per 4 CPU cores: {ADDRESS_HELP}"
CPU_HELP = f"Run on a cluster of Ray, with a process per 4 CPU cores: {ADDRESS_HELP}"
BANK_HELP = f"Prepare the clips on a cluster of Ray, with a process per 4 CPU cores, or per GPU with --teacher, then train in this process: {ADDRESS_HELP}"


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Which cluster, of a command whose work is split into batches (`tubelet.ingest.batches`)."""

    ray: str | None = option(None, help=RAY_HELP, unset="this process", metavar="ADDRESS")


@dataclass(frozen=True, kw_only=True)
class CpuClusterOptions:
    """The same of a command that has no use for a GPU."""

    ray: str | None = option(None, help=CPU_HELP, unset="this process", metavar="ADDRESS")


@dataclass(frozen=True, kw_only=True)
class BankClusterOptions:
    """The same of `tubelet pretrain`, whose clips alone are made there."""

    ray: str | None = option(None, help=BANK_HELP, unset="this process", metavar="ADDRESS")
