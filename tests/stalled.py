"""A regular file that does not answer: whoever opens it waits, as on a mount that has gone away."""

import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest


@contextmanager
def stalled(path: Path) -> Iterator[Event]:
    """Hold a lease on a file, which the kernel asks this process to give up for 45 s before it lets others open the file.

    The event is set once somebody waits for it.
    """
    asked = Event()
    before = signal.signal(signal.SIGIO, lambda *_: asked.set())
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    except (OSError, AttributeError) as error:
        pytest.skip(f"no leases on files here: {error}")
    try:
        yield asked
    finally:
        os.close(descriptor)
        signal.signal(signal.SIGIO, before)
