"""What one call of a command that can be stopped and run again did."""

from dataclasses import asdict, dataclass, field
from typing import ClassVar, Self

INTERRUPTED = 130  # exit code of a process that Ctrl-C ended


@dataclass(kw_only=True)
class Outcome:
    """`problems` are sentences about what could not be done; `interrupted` if the call was asked to stop before it was done.

    `lost_processes` says how those ended that did not end in order.
    """

    counted: ClassVar[tuple[str, ...]] = ()  # fields that are sums over what was done

    problems: list[str] = field(default_factory=list)
    interrupted: bool = False
    lost_processes: list[str] = field(default_factory=list)

    def join(self, part: Self) -> None:
        """Add what was done of a part of the work."""
        self.problems += part.problems
        self.interrupted = self.interrupted or part.interrupted
        for name in self.counted:
            setattr(self, name, getattr(self, name) + getattr(part, name))

    @property
    def exit_code(self) -> int:
        return INTERRUPTED if self.interrupted else 1 if self.problems else 0

    def as_json(self) -> dict:
        return asdict(self)

    def list_notes(self) -> list[str]:
        """The last lines of a summary: what could not be done, and how to continue."""
        stopped = "stopped; everything measured so far is committed: run the same command again to continue"
        lost = [describe_loss(how) for how in self.lost_processes]
        return [*self.problems, *lost, *[stopped] * self.interrupted]


def describe_loss(how: str) -> str:
    """A process that others have stood in for."""
    return f"a process was lost ({how}); the others took over what it was working on"
