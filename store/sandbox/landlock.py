"""Remove this process's right to write files and to open connections: Landlock, Linux 5.13 or newer.

The rest of the sandbox cannot know which function of the next DuckDB version writes a file; the kernel does not need to.
https://docs.kernel.org/userspace-api/landlock.html
"""

import ctypes
import os
import struct
import sys
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = (
    444,
    445,
    446,
)  # syscall numbers, the same on every architecture
VERSION, PATH_BENEATH, NO_NEW_PRIVILEGES = 1, 1, 38

WRITE_FILE, REFER, TRUNCATE = 1 << 1, 1 << 13, 1 << 14
REMOVE_AND_MAKE = sum(
    1 << bit for bit in range(4, 13)
)  # remove a file or folder, make any kind of entry
BIND_AND_CONNECT = 0b11  # TCP


def confine(writable: Path) -> bool:
    """Let this thread, and those it starts, write below `writable` only; return whether the kernel supports it."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = (
        libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION))
        if sys.platform == "linux"
        else 0
    )
    if version < 1:
        return False
    files = (
        WRITE_FILE
        | REMOVE_AND_MAKE
        | (REFER if version >= 2 else 0)
        | (TRUNCATE if version >= 3 else 0)
    )
    attributes = struct.pack("QQ", files, BIND_AND_CONNECT)[: 16 if version >= 4 else 8]
    ruleset = _check_result(
        libc.syscall(
            CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)
        )
    )
    folder = os.open(writable, os.O_PATH)
    _check_result(
        libc.syscall(
            ADD_RULE, ruleset, PATH_BENEATH, struct.pack("=Qi", files, folder), ctypes.c_uint32(0)
        )
    )
    _check_result(libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _check_result(libc.syscall(RESTRICT_SELF, ruleset, ctypes.c_uint32(0)))
    os.close(folder)
    os.close(ruleset)
    return True


def _check_result(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
