"""What a job that was started by the dashboard has printed: the end of its log, as text that nothing in it acts on."""

import os
import re
import stat
from pathlib import Path

from tubelet.store.disk.home import READABLE
from tubelet.store.jobs.redaction import redact
from tubelet.store.jobs.state import LOG

TAIL_BYTES, TAIL_LINES = 32_000, 200
LINE_END = re.compile(r"[\r\n]")


def has_log(folder: Path) -> bool:
    """Whether the job in a folder has a log; one that was started in a terminal prints there."""
    return os.path.lexists(folder / LOG)


def read_log(folder: Path) -> str:
    """The last lines of the log of the job in a folder; "" where there is none."""
    try:
        descriptor = os.open(folder / LOG, READABLE)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return ""
        first = max(0, status.st_size - TAIL_BYTES)
        file.seek(first)
        text = file.read(TAIL_BYTES).decode(errors="replace")
    if first:  # what stands before the first end of a line could be the rest of a secret
        text = LINE_END.split(text, maxsplit=1)[-1] if LINE_END.search(text) else ""
    lines = text.rstrip("\n").split("\n")[-TAIL_LINES:]
    return "\n".join(map(_show_line, lines))


def _show_line(line: str) -> str:
    """What a terminal would show of an overwritten line, with control characters replaced."""
    last = line.rstrip("\r").rpartition("\r")[2]
    shown = "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in last)  # fmt: skip
    return redact(shown)
