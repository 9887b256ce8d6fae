"""Claims: who works on what, so that several ingests into one store share the work and nothing is encoded twice.

    claims/owners/<owner>             a process: its heartbeat, a number that grows, and the machine that it runs on
    claims/<key>.<generation>         who holds the key; `LEFT` once it is done with it, or has given up

A key is claimed by creating the file of its first generation, and taken over by creating the next one: creating a file that must not exist
succeeds for one process only. Clocks of machines are never compared. An owner is dead if the kernel of its machine, where it is this one,
says that nobody holds its lock, or if its heartbeat has not changed for `EXPIRY_S` by the clock of whoever looks.

Whoever takes a key over must know the store as it is after the key was left: `look` first, then read the store, then `take`.
"""

import json
import os
import secrets
import threading
import time
from collections.abc import Hashable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tubelet.store.disk.layout import Layout
from tubelet.store.errors import StoreError
from tubelet.store.jobs import holder

BEAT_S, EXPIRY_S = 5.0, 60.0
LEFT = b"left"
BEAT_DIGITS = 16


@dataclass(frozen=True)
class _Held:
    key: str
    generation: int


class Claims:
    """The claims of one process, which begins with the first of them. A `group` is what is left together: the keys of one source."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._owner: Owner | None = None
        self._held: dict[Hashable, list[_Held]] = {}
        self._unleft: list[_Held] = []  # done with, as others cannot see yet
        self._free: dict[str, int] = {}  # keys that nobody worked on when they were looked at
        self._others = Others(layout)
        self._closed, self._starting, self._leaving = False, threading.Lock(), threading.Lock()

    def __enter__(self) -> "Claims":
        if self._layout.is_partial:
            self._begin()  # no lock tells other machines that an ingest runs
            self._layout.home.expire()  # claims may have gone until now, with those who had them
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        for group in list(self._held):
            self.leave(group)
        if self._owner:
            self._owner.end()

    def take(self, key: str, group: Hashable) -> bool:
        """Claim a key that nobody has claimed, or that was free when it was looked at; whether this process has it now."""
        if any(held.key == key for held in self._held.get(group, ())):
            return True
        generation = self._free.pop(key, -1) + 1
        if self._closed or not self._create(key, generation):
            return False
        self._held.setdefault(group, []).append(_Held(key, generation))
        return True

    def look(self, keys: Iterable[str]) -> set[str]:
        """Which keys nobody works on, though they were claimed. The store must be read after this and before they are taken."""
        self._leave_all()  # two that wait for each other's would wait for ever
        asked = set(keys)
        for key in asked:
            generation = self._newest(key)
            if generation >= 0 and self._is_free(self._layout.claim(key, generation)):
                self._free[key] = generation
        self._layout.home.expire()
        return self._free.keys() & asked

    def leave(self, group: Hashable) -> None:
        """Be done with the keys of a group; what became of them must be in the store by now."""
        self._leave_all(self._held.pop(group, ()))

    def has_lost(self, group: Hashable) -> bool:
        """Whether another process has taken over a key of this group, because this one was silent for long."""
        return any(
            self._layout.home.has(self._layout.claim(held.key, held.generation + 1))
            for held in self._held.get(group, ())
        )

    def _leave_all(self, more: Sequence[_Held] = ()) -> None:
        """Leave what is to be left; where the disk or the bucket refuses now, later: as long as this process lives, nobody else may take it."""
        with self._leaving:
            left, self._unleft = [*self._unleft, *more], []
            for held in left:
                try:
                    self._layout.home.write(self._layout.claim(held.key, held.generation), LEFT)
                except StoreError:
                    self._unleft.append(held)

    def _create(self, key: str, generation: int) -> bool:
        owner = self._begin()
        return self._layout.home.create(self._layout.claim(key, generation), owner.name.encode())

    def _begin(self) -> "Owner":
        with self._starting:
            self._owner = self._owner or Owner(self._layout)
            return self._owner

    def _newest(self, key: str) -> int:
        """The newest generation of a key; -1 where it was never claimed."""
        generation = -1
        while self._layout.home.has(self._layout.claim(key, generation + 1)):
            generation += 1
        return generation

    def _is_free(self, path: Path) -> bool:
        content = self._layout.home.read(path)
        return content in (None, LEFT) or self._others.is_dead(content or b"", path)


class Owner:
    """This process: its file, locked as long as it lives, and the thread that writes its heartbeat."""

    def __init__(self, layout: Layout) -> None:
        self.name = secrets.token_hex(8)
        self._path, self._home = layout.owner(self.name), layout.home
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._locked = True
        try:
            holder.hold(self._path)
        except OSError:  # a disk without locks: the heartbeat alone must do
            self._locked = False
        self._descriptor = holder.HELD.get(self._path) or os.open(
            self._path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644
        )
        self._ended, self._writing = threading.Event(), threading.Lock()
        self._place = json.dumps(_describe_place(self._path, self._locked)).encode()
        os.pwrite(self._descriptor, b"\n" + self._place, BEAT_DIGITS)
        self._beat(0)
        threading.Thread(target=self._keep_beating, name="tubelet-claims", daemon=True).start()

    def end(self) -> None:
        with self._writing:  # else a heartbeat could go to a file that has the descriptor next
            self._ended.set()
            if self._locked:
                holder.let_go(self._path)
            else:
                os.close(self._descriptor)
        with suppress(StoreError):  # whoever sees no heartbeat takes over
            self._home.remove([self._path])

    def _keep_beating(self) -> None:
        number = 0
        while not self._ended.wait(BEAT_S):
            number += 1
            with suppress(OSError, StoreError):  # whoever sees no heartbeat takes over
                self._beat(number)

    def _beat(self, number: int) -> None:
        with self._writing:
            if not self._ended.is_set():
                beat = f"{number:0{BEAT_DIGITS}}".encode()
                os.pwrite(self._descriptor, beat, 0)
                os.fsync(self._descriptor)  # seen by other machines
                self._home.show(self._path, beat + b"\n" + self._place)


class Others:
    """What this process has seen of the owners of other claims, and when, by its own clock."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._seen: dict[Path, tuple[bytes, float]] = {}

    def is_dead(self, owner: bytes, claim: Path) -> bool:
        """Whether an owner has ended, or has been silent for long. Its name comes from a file that anybody may have written."""
        name = owner.decode(errors="replace")
        if len(name) != 16 or not name.isalnum():  # perhaps it is just being written
            return self._is_silent(claim, owner)
        path = self._layout.owner(name)
        if path in holder.HELD:
            return False
        content = self._layout.home.read(path)
        if content is None or (_is_here(content, path) and holder.find_holder(path) is None):
            return True
        return self._is_silent(path, content[:BEAT_DIGITS])

    def _is_silent(self, path: Path, content: bytes) -> bool:
        now = time.monotonic()
        before, since = self._seen.get(path, (None, now))
        if content != before:
            since = now
        self._seen[path] = content, since
        return now - since > EXPIRY_S


def _is_here(content: bytes, path: Path) -> bool:
    """Whether an owner says that it runs on this machine and holds the lock of this file."""
    try:
        place = json.loads(content[BEAT_DIGITS:])
    except (ValueError, RecursionError):
        return False
    return bool(holder.machine()) and place == _describe_place(path, locked=True)


def _describe_place(path: Path, locked: bool) -> dict:
    """Which file on which machine an owner holds."""
    file = os.path.realpath(path)
    return {"host": holder.host(), "machine": holder.machine(), "locked": locked, "file": file}
