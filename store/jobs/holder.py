"""Which process runs a job: the one that has locked the job's file, as the kernel says. What a file claims is never believed.

A lock goes when its process ends, however it ends, and names the process that holds it now, so a number that was used again is never
signaled. A process loses such a lock when it closes the file, so one that holds a lock never opens its file a second time.
"""

import fcntl
import os
import platform
import signal
import struct
import sys
from contextlib import suppress
from pathlib import Path

from tubelet.store.disk.home import READABLE

HELD: dict[Path, int] = {}  # locked by this process -> descriptor
DARWIN = sys.platform == "darwin"
FORM = "qqihh" if DARWIN else "hhqqi4x"  # struct flock
BOOT, NAMESPACE = "/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"


def host() -> str:
    """The name of this machine."""
    return platform.node()


def machine() -> str:
    """What tells apart machines of one name, their restarts, and containers whose processes are numbered on their own."""
    with suppress(OSError):
        return f"{Path(BOOT).read_text().strip()} {os.readlink(NAMESPACE)}"
    return ""


def hold(path: Path) -> None:
    """Lock a job's file for as long as this process lives. Raises OSError where another process runs the job, or files cannot be locked."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    HELD[path] = descriptor


def let_go(path: Path) -> None:
    if (descriptor := HELD.pop(path, None)) is not None:
        os.close(descriptor)


def find_holder(path: Path) -> int | None:
    """The number of the process that runs a job; None where none of this machine does."""
    if path in HELD:
        return os.getpid()
    try:
        descriptor = os.open(path, READABLE)
    except OSError:
        return None
    try:
        return _ask(descriptor)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def send_signal(path: Path, number: signal.Signals) -> bool:
    """Signal the process that runs a job, and no other that gets its number meanwhile; False where it has ended."""
    pid = find_holder(path)
    if pid is None:
        return False
    try:
        if not hasattr(os, "pidfd_open"):
            os.kill(pid, number)
            return True
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if find_holder(path) != pid:  # the number was taken over before the process was opened
            return False
        signal.pidfd_send_signal(process, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(process)


def _ask(descriptor: int) -> int | None:
    """Who holds the lock on an open file. A file with two names is not one of ours: it could be locked by anybody."""
    if os.fstat(descriptor).st_nlink != 1:
        return None
    fields = (0, 0, 0, fcntl.F_RDLCK, 0) if DARWIN else (fcntl.F_RDLCK, 0, 0, 0, 0)
    answer = struct.unpack(FORM, fcntl.fcntl(descriptor, fcntl.F_GETLK, struct.pack(FORM, *fields)))
    kind, pid = (answer[3], answer[2]) if DARWIN else (answer[0], answer[4])
    return pid if kind != fcntl.F_UNLCK and pid > 0 else None  # 0 or less: of another machine
