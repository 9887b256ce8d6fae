"""Whose turn it is to commit, where many machines write into one bucket: one that was outrun asks the others to wait.

A writer that has just committed is the fastest to commit again, so that the others could wait for ever. A turn is a file that each looks for
before it commits, one request; it decides nothing (a commit counts by the marker alone), so one that is lost or comes twice costs time only.
"""

import random
import secrets
import time
from contextlib import suppress

from tubelet.store.disk.home import CLAIMS
from tubelet.store.errors import StoreError
from tubelet.store.remote.bucket import Bucket

NAME = f"{CLAIMS}/turn"
LASTS_S = 60.0  # after which a turn is over: its writer may have died
LOOK_S = 1.0  # between two looks


class CommitTurn:
    """The turns of one writer."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._outrun = False  # since the last commit
        self._mine = b""  # what the file says while it is this writer's turn

    def wait(self) -> None:
        """Wait until it is nobody else's turn; it is this writer's then, if it was outrun. Raises StoreError."""
        seen, since = b"", time.monotonic()
        while (found := self._look()) not in (b"", self._mine):
            if found != seen:
                seen, since = found, time.monotonic()
            elif time.monotonic() - since > LASTS_S:
                self._bucket.remove([NAME])
            time.sleep(random.uniform(0, LOOK_S))

    def lose(self) -> None:
        """Note that another writer was faster."""
        self._outrun = True

    def end(self) -> None:
        """Note that the commit is made, or given up."""
        self._outrun = False
        if self._mine:
            with suppress(StoreError):  # it ends by itself
                self._bucket.remove([NAME])
            self._mine = b""

    def _look(self) -> bytes:
        """Whose turn it is, "" for nobody's; this writer's, where it may ask and nobody has it."""
        with suppress(FileNotFoundError):
            return self._bucket.read(NAME).data
        self._mine = b""  # it lasted too long
        if self._outrun:
            asked = secrets.token_hex(8).encode()
            if not self._bucket.create(NAME, asked):
                return self._look()
            self._mine = asked
        return self._mine
