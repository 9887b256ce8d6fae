"""Ctrl-C and the other signals that ask a command to stop."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tubelet.cli.printing import note

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Ended(BaseException):
    """The process was asked to end by a signal; raised so that files and child processes are cleaned up on the way out."""

    def __init__(self, number: int) -> None:
        self.number = number


class Interrupts:
    """Whether Ctrl-C was pressed: libraries turn the exception of a signal into ones of their own."""

    seen = False


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Restore the previous signal handlers afterwards: a test, or a program that calls the command, has its own."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDING)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


def raise_on_signals() -> None:
    """Have Ctrl-C raise KeyboardInterrupt, and signals that end the process raise Ended; a second one ends it at once."""

    def interrupted(number: int, _: FrameType | None) -> None:
        Interrupts.seen = True
        signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt

    def ended(number: int, _: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise Ended(number)

    Interrupts.seen = False
    signal.signal(signal.SIGINT, interrupted)
    for number in ENDING:
        signal.signal(number, ended)


def stop_on_signals(words: str, stop: Callable[[], None]) -> None:
    """Have Ctrl-C and SIGTERM ask a run to stop after what is in progress; a second one ends the process at once."""

    def asked(number: int, _: FrameType | None) -> None:
        stop()
        note(f"\n{words}")
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
