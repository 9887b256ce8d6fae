"""`python -m tubelet.dashboard run server.py ...`: Streamlit's command, for which Ctrl-C is how a server is ended, no error."""

import atexit
import os
import signal
import sys
from types import FrameType
from typing import Any


class ServerInterrupt(KeyboardInterrupt):
    """Ctrl-C. A class of its own: a plain KeyboardInterrupt that passes through `exec`, as at the import of a dataclass, makes Python end itself by the signal at its exit."""


def run() -> None:
    """Serve until Ctrl-C, which also ends a server that is still being imported. Python is not taken down piece by piece: DuckDB's module would list what it has leaked."""
    signal.signal(signal.SIGINT, _interrupt)
    sys.unraisablehook = _end_if_interrupted
    try:
        if hasattr(signal, "pthread_sigmask"):  # `launch` has it wait
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        code = _serve()
    except KeyboardInterrupt:
        code = 0
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _serve() -> int:
    """Streamlit's command; the exit code."""
    import click
    from streamlit.web.cli import main

    try:
        main(prog_name="dashboard", standalone_mode=False)
    except click.Abort:
        return 0
    except click.ClickException as mistake:
        mistake.show()
        return mistake.exit_code
    return 0


def _interrupt(number: int, _: FrameType | None) -> None:
    raise ServerInterrupt


def _end_if_interrupted(dropped: Any) -> None:
    """Python drops an exception that a signal raises inside a callback, as one of an import, and the server would go on. One that serves has handlers of its own, so there is nothing to put away."""
    if isinstance(dropped.exc_value, KeyboardInterrupt):
        os._exit(0)
    sys.__unraisablehook__(dropped)


if __name__ == "__main__":
    run()
