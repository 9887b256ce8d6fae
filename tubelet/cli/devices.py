"""Standard input, output and error, also where whoever started the command closed them (`>&-`, some schedulers).

A file that is opened later would take their number, and what is printed would be written into it.
"""

import os
import sys
from contextlib import suppress

INPUT, OUTPUT, ERROR = 0, 1, 2


def open_closed_devices() -> None:
    """Open those that are closed: printing results fails as on a full device, messages go nowhere, and there is nothing to read."""
    for number in (INPUT, OUTPUT, ERROR):
        if not _is_open(number):
            _put(os.open(os.devnull, os.O_WRONLY if number == ERROR else os.O_RDONLY), number)
    sys.stdin = sys.stdin or open(INPUT, closefd=False)  # noqa: SIM115
    sys.stdout = sys.stdout or open(OUTPUT, "w", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(ERROR, "w", closefd=False)  # noqa: SIM115


def _is_open(number: int) -> bool:
    with suppress(OSError):
        os.fstat(number)
        return True
    return False


def _put(opened: int, number: int) -> None:
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    os.set_inheritable(number, True)
