"""Ctrl-C and the other signals that ask a command to stop."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from tubelet.cli.printing import note

AGAIN_S = 0.02  # after which an exception that was dropped is raised once more
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Ended(BaseException):
    """The process was asked to end by a signal; raised so that files and child processes are cleaned up on the way out."""

    def __init__(self, number: int) -> None:
        self.number = number


class Pressed(KeyboardInterrupt):
    """Ctrl-C. A class of its own: a plain KeyboardInterrupt that passes through `exec`, as at the import of a dataclass, makes Python end itself by the signal at its exit."""


class Interrupts:
    """Whether Ctrl-C was pressed: libraries turn the exception of a signal into ones of their own."""

    seen = False
    dropped: BaseException = Pressed()  # the last one that Python could not raise


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Restore the previous signal handlers afterwards: a test, or a program that calls the command, has its own."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM, *ENDING)}
    hook = sys.unraisablehook
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = hook
        for number, handler in kept.items():
            signal.signal(number, handler)


def raise_on_signals() -> None:
    """Have Ctrl-C raise Pressed, and signals that end the process raise Ended; a second one ends it at once."""

    def raise_pressed(number: int, _: FrameType | None) -> None:
        Interrupts.seen = True
        signal.signal(number, signal.SIG_DFL)
        raise Pressed

    def raise_ended(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise Ended(number)

    Interrupts.seen = False
    _raise_dropped_again()
    signal.signal(signal.SIGINT, raise_pressed)
    for number in ENDING:
        signal.signal(number, raise_ended)


def _raise_dropped_again() -> None:
    """Python drops an exception that a signal raises inside a finalizer or a callback, and the command goes on: have it raised again a moment later, until it arrives."""
    before = sys.unraisablehook

    def hear(dropped: Any) -> None:
        if isinstance(dropped.exc_value, (KeyboardInterrupt, Ended)):
            Interrupts.dropped = dropped.exc_value
            signal.setitimer(signal.ITIMER_REAL, AGAIN_S)
        else:
            before(dropped)

    def again(*_: Any) -> None:
        raise Interrupts.dropped.with_traceback(None)

    signal.signal(signal.SIGALRM, again)
    sys.unraisablehook = hear


def end_at_once_on_signals() -> None:
    """Have a first Ctrl-C while a command ends do what a second one does: end the process at once, without a traceback."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in (signal.SIGINT, *ENDING):
        signal.signal(number, signal.SIG_DFL)


def stop_on_signals(words: str, stop: Callable[[], None]) -> None:
    """Have Ctrl-C and SIGTERM ask a run to stop after what is in progress; a second one ends the process at once."""

    def ask_to_stop(number: int, _: FrameType | None) -> None:
        stop()
        note(f"\n{words}")
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask_to_stop)
