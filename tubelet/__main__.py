"""`python -m tubelet` and the `tubelet` script: the command, ended by Ctrl-C without a traceback also while it is still being imported."""

import signal


def run() -> None:
    """The command, in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the command has its own way
    from tubelet.cli import main

    main(prog_name="tubelet")


if __name__ == "__main__":
    run()
