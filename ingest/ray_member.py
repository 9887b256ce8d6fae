"""One process on another machine: an actor of Ray, whose calls carry what a pipe carries between two processes here."""

from dataclasses import dataclass
from queue import Empty, Queue
from typing import Any

from tubelet import __version__
from tubelet.ingest.crew import Serve

GONE = "gone"  # the last word of a process that has ended in order
MOST = 1000  # messages of one answer


@dataclass(frozen=True)
class Broke:
    """The last message but one of a process that a fault of its own has ended."""

    why: str


@dataclass(frozen=True)
class Channel:
    """What a process has in place of a connection: it puts messages, and takes answers."""

    said: Queue
    heard: Queue

    def send(self, message: object) -> None:
        self.said.put(message)

    def recv(self) -> object:
        return self.heard.get()


class Seat:
    """The actor. `work` runs for as long as its task does, in one thread; the other methods are called meanwhile."""

    def __init__(self) -> None:
        self._said, self._answers, self._orders = Queue[object](), Queue[object](), Queue[object]()

    def version(self) -> str:
        return __version__

    def work(self, serve: Serve, task: Any) -> None:
        try:
            serve(task, Channel(self._said, self._answers), Channel(self._said, self._orders))
        except Exception as error:
            self._said.put(Broke(f"{type(error).__name__}: {error}"))
        finally:
            self._said.put(GONE)

    def hear(self) -> list[object]:
        """What the process has said since, once it has said something."""
        messages = [self._said.get()]
        while len(messages) < MOST:
            try:
                messages.append(self._said.get_nowait())
            except Empty:
                break
        return messages

    def answer(self, message: object) -> None:
        self._answers.put(message)

    def order(self, word: str) -> None:
        self._orders.put(word)
