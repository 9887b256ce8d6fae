"""What one call of a command that can be stopped and run again did."""

from dataclasses import asdict, dataclass, field

INTERRUPTED = 130  # exit code of a process that Ctrl-C ended


@dataclass(kw_only=True)
class Outcome:
    """`problems` are sentences about what could not be done; `interrupted` if the call was asked to stop before it was done."""

    problems: list[str] = field(default_factory=list)
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        return INTERRUPTED if self.interrupted else 1 if self.problems else 0

    def as_json(self) -> dict:
        return asdict(self)

    def list_notes(self) -> list[str]:
        """The last lines of a summary: what could not be done, and how to continue."""
        stopped = "stopped; everything measured so far is committed: run the same command again to continue"
        return [*self.problems, *[stopped] * self.interrupted]
