"""A spare process: one that has imported what a command needs, and becomes that command once it receives its arguments.

Importing torch takes seconds, which a visitor who waits for a picture would wait every time. A spare is used once; it ends by itself after
ten minutes without a command, and with the process that started it.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

WAITING = "tubelet.cli.standby"  # the module that a spare runs


class Spares:
    """At most one spare process at a time, which imports `modules`; several threads may ask."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules, self._lock = tuple(modules), Lock()
        self._process: subprocess.Popen | None = None
        self._environment: dict[str, str] = {}

    @property
    def waits(self) -> bool:
        """Whether a spare is there, which may still import."""
        return self._process is not None and self._process.poll() is None

    def warm(self, environment: Mapping[str, str]) -> None:
        """Start one unless one waits; without one a command starts as always, so that no error counts."""
        with self._lock, suppress(OSError):
            if not self.waits:
                self._environment = dict(environment)
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", WAITING, *self._modules],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=self._environment,
                    start_new_session=True,
                )

    def take(
        self, words: Sequence[str], folder: Path, log: Path, environment: Mapping[str, str]
    ) -> subprocess.Popen | None:
        """The spare as it becomes `tubelet WORDS` in a folder, its output in a new file; None where none waits, or it began in another environment."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return None
        told = {"words": list(words), "folder": str(folder), "log": str(log), "environment": dict(environment)}  # fmt: skip
        if not self._environment.items() <= environment.items():
            _send(process, b"")
            Thread(target=process.wait, daemon=True).start()
            return None
        return process if _send(process, json.dumps(told).encode() + b"\n") else None

    def end(self) -> None:
        """Let the one that waits end."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None:
            _send(process, b"")
            process.wait()


def _send(process: subprocess.Popen, line: bytes) -> bool:
    """The only line that a spare reads; whether it was still there."""
    if process.stdin is None or process.poll() is not None:
        return False
    try:
        with process.stdin as pipe:
            pipe.write(line)
    except OSError:
        return False
    return True
