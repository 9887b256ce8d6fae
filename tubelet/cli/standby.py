"""A process that waits to become a command: `python -m tubelet.cli.standby MODULE...` imports modules, then reads one line that says which command.

The line is JSON: `words`, the `folder` to run in, the `log` to write to, which must not exist, and the `environment`. Without a line within
ten minutes, or where whoever started it ends, nothing is run.
"""

import importlib
import json
import os
import select
import sys

IDLE_S = 600


def wait(modules: list[str]) -> None:
    for module in modules:
        importlib.import_module(module)
    ready, _, _ = select.select([0], [], [], IDLE_S)
    line = sys.stdin.buffer.readline() if ready else b""
    if not line.endswith(b"\n"):  # nobody is there any more
        return
    asked = json.loads(line)
    _become(asked)
    sys.argv = ["tubelet", *asked["words"]]
    from tubelet.__main__ import run

    run()


def _become(asked: dict) -> None:
    """Folder, environment and standard streams of the command."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["folder"])
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, stream in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, stream)
    os.close(log)
    os.close(nothing)
    for written in (sys.stdout, sys.stderr):
        written.reconfigure(line_buffering=True, write_through=True)  # type: ignore[union-attr]


if __name__ == "__main__":
    wait(sys.argv[1:])
