"""Memory: a command that could not even load is refused at once, and one that runs out has enough left to say so.

Under a tight `ulimit -v`, libraries do not raise while they load: OpenBLAS waits for ever, DuckDB and jemalloc abort.
"""

import mmap
import os
import resource
from contextlib import suppress

from tubelet.cli.printing import Refused

STORE, FITS, NETWORKS = 1_700_000, 2_100_000, 4_000_000  # kB, measured on two cores
CORE = 16_000  # kB more per core: stacks of threads
NEEDED = {
    **dict.fromkeys(("annotate", "tag", "pairs", "backfill", "check", "compact", "remove"), STORE),
    **dict.fromkeys(("report", "basis", "index", "probe", "export"), FITS),
    **dict.fromkeys(
        ("ingest", "plan", "demo", "evaluate", "pretrain", "transition", "decoder"), NETWORKS
    ),
}
RESERVE_BYTES = 24 << 20  # of address space, untouched: takes no memory
RESERVE: list[mmap.mmap] = []


def limit_of_address_space() -> int | None:
    """The bytes that `ulimit -v` allows; None where there is no limit."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def require_address_space(command: str) -> None:
    """Raise Refused where the limit on the address space is too low for what a command imports; keep a reserve where there is a limit."""
    limit = limit_of_address_space()
    if limit is None:
        return
    needed = NEEDED.get(command, 0) + CORE * (os.cpu_count() or 1)
    if command in NEEDED and limit // 1024 < needed:
        raise Refused(
            f"`ulimit -v` allows {limit / 1e9:.1f} GB of address space, too little for `tubelet {command}`: allow {needed:,} kB or more, or `unlimited`"
        )
    with suppress(OSError, ValueError):
        RESERVE.append(mmap.mmap(-1, RESERVE_BYTES))


def release_reserve() -> None:
    """Give back what was kept for the end."""
    while RESERVE:
        RESERVE.pop().close()
