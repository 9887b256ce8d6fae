"""Files are read by threads that may be given up: one file whose disk does not answer holds up no other (`store.stalling`)."""

import threading
from collections.abc import Callable
from typing import TypeVar

import torch

from tubelet.media.errors import VideoError
from tubelet.store import stalling

T = TypeVar("T")

_attendants = threading.local()  # one for each thread that reads files


def wait_for_file(work: Callable[[], T]) -> T:
    """What the work returns or raises. Raises VideoError where the file that it reads does not answer."""
    if not hasattr(_attendants, "own"):
        _attendants.own = stalling.Attendant(_use_one_thread)
    try:
        return _attendants.own.wait(work)
    except stalling.Unanswered as error:
        again = "run the same command again once its disk answers"
        raise VideoError("read", f"the file does not answer, {error}: {again}") from error


def _use_one_thread() -> None:
    """In the thread that resizes frames: a second team of workers would take the encoder's cores between two of them."""
    torch.set_num_threads(1)
