"""Whether other machines ingest into a store in a bucket: each of their processes writes its heartbeat there (`store.jobs.claims`).

How long ago that was is asked of the bucket's clock alone: those of machines differ.
"""

import secrets
from datetime import datetime, timedelta
from pathlib import Path

from tubelet.store.disk import inside
from tubelet.store.disk.home import CLAIMS
from tubelet.store.remote.bucket import Bucket

OWNERS = f"{CLAIMS}/owners"
SILENT = timedelta(seconds=60)  # after which a process has ended


class Presence:
    """The processes that ingest into a store."""

    def __init__(self, root: Path, bucket: Bucket) -> None:
        self._root, self._bucket = root, bucket

    def require_alone(self) -> None:
        """Raise BlockingIOError where a process of another machine ingests, or did less than a minute ago."""
        if self._split()[0]:
            raise BlockingIOError

    def drop_claims(self) -> None:
        """Remove the claims, and the heartbeats of processes that have ended, unless a process of another machine ingests.

        What is removed was listed before the heartbeats: a process that begins meanwhile writes its own first, and reads the store after that.
        """
        claims = [name for name in self._bucket.list_times(CLAIMS) if not name.startswith(OWNERS)]
        alive, silent = self._split()
        if not alive:
            self._bucket.remove([*claims, *silent])
        for path in inside.walk_files(self._root, CLAIMS):
            inside.remove_file(self._root, path)

    def _split(self) -> tuple[list[str], list[str]]:
        """The heartbeats of those that live, and of those that have ended."""
        mine = f"{OWNERS}/{secrets.token_hex(8)}"
        self._bucket.write(mine, b"")
        try:
            found = self._bucket.list_times(OWNERS)
        finally:
            self._bucket.remove([mine])
        now: datetime = found.pop(mine)
        alive = [name for name, at in found.items() if now - at < SILENT]
        return alive, sorted(found.keys() - set(alive))
