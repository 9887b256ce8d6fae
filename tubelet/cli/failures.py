"""The one place where errors become a sentence, an exit code and, if unexpected, a file with the details."""

import errno
import inspect
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

import click

from tubelet.cli.devices import open_closed_devices
from tubelet.cli.interrupts import (
    Ended,
    Interrupts,
    end_at_once_on_signals,
    handlers_kept,
    raise_on_signals,
)
from tubelet.cli.memory import limit_of_address_space, release_reserve
from tubelet.cli.printing import Refused, note, plain

WRONG_USE, UNEXPECTED, INTERRUPTED = 2, 70, 130
OUTSIDE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EMFILE,
    errno.ENFILE,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EBUSY,
    errno.ENXIO,
    errno.ENODEV,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.ENOTCONN,
)
NO_MEMORY = (
    "cannot allocate memory",
    "failed to map segment",
    "bad_alloc",
    "can't start new thread",
    "can't allocate memory",
    "failed to allocate",
)


ENDINGS: list[
    Callable[[int, str], None]
] = []  # told once how the command ended: its exit code, and what was said of it
SAID: list[str] = []


def run_and_exit(command: Callable[[], Any]) -> NoReturn:
    """Run a command and end the process with its exit code, whatever it raises."""
    open_closed_devices()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be text
    with handlers_kept():
        code = _exit_code(command)
    code = _flush(code)
    while ENDINGS:
        ENDINGS.pop()(code, " ".join(SAID))
    SAID.clear()
    sys.exit(code)


def _exit_code(command: Callable[[], Any]) -> int:
    """Run a command, and say what it raised; a signal that comes while that is said counts as one that came before."""
    try:
        try:
            return _run(command)
        finally:
            end_at_once_on_signals()
    except BaseException as error:
        return _explain(error)


def _run(command: Callable[[], Any]) -> int:
    try:
        raise_on_signals()
        _require_current_folder()
        code = command()
        return code if isinstance(code, int) else 0
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except click.ClickException as mistake:
        SAID.append(mistake.format_message())
        mistake.show()
        return mistake.exit_code


def _explain(error: BaseException) -> int:
    """Say on stderr what went wrong; the exit code."""
    release_reserve()
    if isinstance(error, Ended):
        return 128 + error.number
    if Interrupts.seen or isinstance(error, (KeyboardInterrupt, click.Abort)):
        _say("stopped; everything committed so far is kept")
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        _drop_output()
        return 1
    if isinstance(error, _list_expected()):
        _say(str(error))
        return WRONG_USE
    if _is_memory(error):
        _say(f"memory ran out{_limit()} ({_write_details(error)})")
        return WRONG_USE
    if isinstance(error, OSError) and _is_output(error):
        _drop_output()
        _say(f"the output could not be written: {_of_system(error)}")
        return WRONG_USE
    if isinstance(error, OSError) and error.errno in OUTSIDE:
        _say(f"{_of_system(error)} ({_write_details(error)})")
        return WRONG_USE
    _say(f"unexpected error: {_first_line(error)} ({_write_details(error)}; please report it)")
    return UNEXPECTED


def _is_memory(error: BaseException) -> bool:
    """Whether memory ran out; under a limit also where a thread or process could not be started."""
    if isinstance(error, BlockingIOError) and limit_of_address_space() is not None:
        return True
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in NO_MEMORY)


def _list_expected() -> tuple[type[Exception], ...]:
    """Errors whose message is a sentence for people; those of the rooms only if a room was imported."""
    rooms = sys.modules.get("tubelet.store.errors")
    return (Refused, rooms.TubeletError) if rooms else (Refused,)


def _limit() -> str:
    """The limit on the address space, where there is one."""
    limit = limit_of_address_space()
    return (
        ""
        if limit is None
        else f": `ulimit -v` allows {limit / 1e9:.1f} GB: raise it, or run `ulimit -v unlimited` first"
    )


def _require_current_folder() -> None:
    try:
        os.getcwd()
    except OSError as error:
        raise Refused(
            "the current folder no longer exists: change to another one (`cd`), then run the command again"
        ) from error


def _flush(code: int) -> int:
    """Flush what was printed; returns the exit code, which says if that failed."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _drop_output()
        if error.errno == errno.EPIPE:
            return code or 1
        _say(f"the output could not be written: {_of_system(error)}")
        return code or WRONG_USE
    return code


def _is_output(error: OSError) -> bool:
    """Whether printing raised it: errors about a file name the file."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return error.filename is None and (
        last.filename == inspect.getfile(click.echo) or "sys.stdout." in (last.line or "")
    )


def _drop_output() -> None:
    """Discard what is still to be printed, so that the end of the process does not fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(sentence: str) -> None:
    SAID.append(sentence)
    note(
        plain(f"tubelet: {sentence}")
    )  # where stderr is full or gone, too, the exit code has to do


def _of_system(error: OSError) -> str:
    """What the operating system refused, and for which file."""
    what = (error.strerror or str(error)).lower()
    return f"{error.filename}: {what}" if error.filename else what


def _first_line(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0][:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _write_details(error: BaseException) -> str:
    """Where the details were written: the command line, versions, and the traceback."""
    system = os.uname()
    machine = f"{system.sysname} {system.release} {system.machine}"
    details = [f"command: {sys.argv}", f"python {sys.version}", machine, ""]
    try:
        details += traceback.format_exception(error)
        if "tubelet.store" in sys.modules:  # whoever reports the error attaches the file
            from tubelet.store.jobs.redaction import redact

            details = list(map(redact, details))
    except (MemoryError, OSError, ImportError):
        return "the details could not be written to a file"
    try:
        descriptor, path = tempfile.mkstemp(prefix="tubelet-error-", suffix=".log")
        with os.fdopen(descriptor, "w", errors="backslashreplace") as file:
            file.write("\n".join(details))
        return f"details: {path}"
    except OSError:
        return "the details could not be written to a file"
