"""How much one query of an agent may use: the ceiling that `tubelet mcp` was started with."""

from dataclasses import dataclass

from tubelet.store.errors import QueryError
from tubelet.store.options import check_options, option
from tubelet.store.sandbox.limits import LONGEST_S, MEMORY_HELP, SECONDS_HELP, Limits


@dataclass(frozen=True, kw_only=True)
class AgentLimits:
    """The ceiling for every query of an agent."""

    max_rows: int = option(
        500, least=1, most=100_000, help="Rows of an answer that an agent gets, at most."
    )
    max_seconds: float = option(30.0, least=0.001, most=LONGEST_S, help=SECONDS_HELP)
    max_memory: str = option("2GB", metavar="SIZE", help=MEMORY_HELP)

    def __post_init__(self) -> None:
        check_options(self, QueryError)
        self.limits.check()

    @property
    def limits(self) -> Limits:
        return Limits(self.max_rows, self.max_seconds, self.max_memory)
