"""A process that ends with the one that started it, however that ended: no query keeps running for nobody."""

import ctypes
import os
import select
import signal
import sys
import threading

SET_PARENT_DEATH_SIGNAL = 1  # of prctl, Linux


def end_with_parent(descriptor: int) -> None:
    """Have this process killed when its parent is gone; `descriptor` is a socket whose other end only the parent holds.

    On Linux the kernel does this, even while a library computes for minutes; elsewhere a thread waits for the end of the socket.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
    threading.Thread(target=_watch, args=(descriptor,), name="lifeline", daemon=True).start()


def _watch(descriptor: int) -> None:
    waiting = select.poll()
    waiting.register(descriptor, 0)  # the end of the other side is reported without being requested
    while not waiting.poll():
        pass
    os.kill(os.getpid(), signal.SIGKILL)
