"""`python -m tubelet.dashboard run server.py ...`: Streamlit's command, for which Ctrl-C is how a server is ended, no error."""

import os
import signal
import sys
from types import FrameType
from typing import Any


class Pressed(KeyboardInterrupt):
    """Ctrl-C. A class of its own: a plain KeyboardInterrupt that passes through `exec`, as at the import of a dataclass, makes Python end itself by the signal at its exit."""


def run() -> None:
    """Serve until Ctrl-C, which also ends a server that is still being imported."""
    signal.signal(signal.SIGINT, _raise_pressed)
    sys.unraisablehook = _end_if_pressed
    try:
        if hasattr(signal, "pthread_sigmask"):  # `launch` has it wait
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        _serve()
    except KeyboardInterrupt:
        sys.exit(0)


def _serve() -> None:
    import click
    from streamlit.web.cli import main

    try:
        main(prog_name="dashboard", standalone_mode=False)
    except click.Abort:
        sys.exit(0)
    except click.ClickException as mistake:
        mistake.show()
        sys.exit(mistake.exit_code)


def _raise_pressed(number: int, _: FrameType | None) -> None:
    raise Pressed


def _end_if_pressed(dropped: Any) -> None:
    """Python drops an exception that a signal raises inside a callback, as one of an import, and the server would go on. One that serves has handlers of its own, so there is nothing to put away."""
    if isinstance(dropped.exc_value, KeyboardInterrupt):
        os._exit(0)
    sys.__unraisablehook__(dropped)


if __name__ == "__main__":
    run()
