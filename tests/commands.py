"""The command as a user runs it: a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMITS_AT_ONCE = "import ingest.writer, tubelet; ingest.writer.COMMIT_SECONDS = 0; tubelet.main()"  # a commit an item, to be hit by kills


def tubelet(*arguments: object, check: bool = False, **options: object) -> subprocess.CompletedProcess:
    """Run `tubelet ARGUMENTS` and return what it printed and its exit code."""
    process = subprocess.run(
        [sys.executable, ROOT / "tubelet.py", *map(str, arguments)], capture_output=True, text=True, env=environment(), **options
    )
    if check:
        assert process.returncode == 0, process.stderr
    return process


def started(*arguments: object, commits_at_once: bool = False) -> subprocess.Popen:
    """Start `tubelet ARGUMENTS` and return the running process, its output piped."""
    program = ["-c", COMMITS_AT_ONCE] if commits_at_once else [str(ROOT / "tubelet.py")]
    return subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), cwd=ROOT
    )


def environment() -> dict[str, str]:
    """Of a process that uses one thread, this project, no network, and no weights that this machine may hold."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "HF_HOME": str(ROOT / "absent")}
