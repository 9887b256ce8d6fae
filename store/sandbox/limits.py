"""How much one query may use, and the options that set it: of the command, and of the dashboard and what else serves other people."""

import json
import math
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from tubelet.store.errors import QueryError
from tubelet.store.options import check_options, option
from tubelet.store.sandbox.fair_queue import QuerySlots

UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
AMOUNT = re.compile(r"(\d{1,12}(?:\.\d{1,12})?) *([KMGT]?B)", re.ASCII)
LONGEST_S = 1e6  # more than eleven days
MOST_ROWS = 10**12


@dataclass(frozen=True)
class Limits:
    """What one query may use: `rows` None means no limit; `memory` bounds the work and, separately, the answer."""

    rows: int | None = 10_000
    seconds: float = 30.0
    memory: str = "2GB"

    @property
    def memory_bytes(self) -> int:
        """Raises QueryError where `memory` is not an amount of memory."""
        found = AMOUNT.fullmatch(self.memory.strip().upper())
        if not found:
            raise QueryError(f"{self.memory[:40]!r} is not an amount of memory: write 500MB or 2GB")
        return int(float(found[1]) * UNITS[found[2]])

    def lower(
        self, rows: int | None = None, seconds: float | None = None, memory: str | None = None
    ) -> "Limits":
        """These limits with those that are given. Raises QueryError for one that is higher than what is allowed here."""
        wanted = replace(
            self,
            rows=self.rows if rows is None else rows,
            seconds=self.seconds if seconds is None else seconds,
            memory=memory or self.memory,
        )
        if self.rows is not None and (wanted.rows is None or wanted.rows > self.rows):
            raise QueryError(f"max_rows is {wanted.rows}: at most {self.rows:,} are allowed here")
        if wanted.seconds > self.seconds:
            raise QueryError(
                f"max_seconds is {wanted.seconds:g}: at most {self.seconds:g} are allowed here"
            )
        if wanted.memory_bytes > self.memory_bytes:
            raise QueryError(
                f"max_memory is {wanted.memory}: at most {self.memory} are allowed here"
            )
        wanted.check()
        return wanted

    def check(self) -> None:
        """Raises QueryError where nothing could be answered within these limits."""
        if self.rows is not None and self.rows < 1:
            raise QueryError(f"max_rows is {self.rows}: it must be 1 or more")
        if math.isnan(self.seconds) or self.seconds <= 0:
            raise QueryError(f"max_seconds is {self.seconds:g}: it must be above 0")
        if not self.memory_bytes:
            raise QueryError(f"max_memory is {self.memory}: it must be above 0")


def seconds_option(default: float, text: str = "Most seconds that a query may take.") -> Any:
    return option(default, least=0.001, most=LONGEST_S, help=text)


def memory_option(default: str) -> Any:
    text = "Most memory that a query, or its result, may take, such as 500MB."
    return option(default, metavar="SIZE", help=text)


@dataclass(frozen=True, kw_only=True)
class ServedLimits:
    """The limits of everybody who asks through a server."""

    max_rows: int | None
    max_seconds: float = seconds_option(30.0)
    max_memory: str = memory_option("2GB")

    def __post_init__(self) -> None:
        check_options(self, QueryError)
        self.limits.check()

    @property
    def limits(self) -> Limits:
        """Limits of an answer that a page shows, that JSON holds, or that is printed."""
        return Limits(self.max_rows, self.max_seconds, self.max_memory)


@dataclass(frozen=True, kw_only=True)
class OwnLimits(ServedLimits):
    """The limits of users who query their own store in a terminal."""

    max_rows: int | None = option(
        None, least=1, most=MOST_ROWS, help="Most rows of the result.", unset="all"
    )
    max_seconds: float = seconds_option(600.0)
    max_memory: str = memory_option("8GB")


@dataclass(frozen=True, kw_only=True)
class AgentLimits(ServedLimits):
    """The ceiling for every query of an agent."""

    max_rows: int | None = option(
        500, least=1, most=100_000, help="Most rows that an agent gets per query."
    )


@dataclass(frozen=True, kw_only=True)
class VisitorLimits(ServedLimits):
    """The limits of everybody who asks the dashboard: what its administrator allows."""

    max_rows: int | None = option(
        10_000, least=1, most=10**7, help="Most rows that a page or a JSON answer holds."
    )
    max_download_seconds: float = seconds_option(
        600.0, "Most seconds that writing a whole result to a file may take."
    )
    max_queries: int = option(
        6,
        least=2,
        most=256,
        help="Most queries that run at once; half of the slots are for those that take longer than half a second.",
    )
    max_visitor_queries: int = option(
        2, least=1, most=256, help="Most queries of one visitor that run at once."
    )
    max_downloads: int = option(
        2, least=1, most=64, help="Most files with whole results that are written at once."
    )

    @property
    def whole(self) -> Limits:
        """Limits of an answer that is written to a file: its rows are never all in memory."""
        return Limits(None, self.max_download_seconds, self.max_memory)

    @property
    def places(self) -> QuerySlots:
        """Slots of queries whose answers pages and JSON hold."""
        lasting = self.max_queries // 2
        return QuerySlots(self.max_queries - lasting, lasting, self.max_visitor_queries)

    @property
    def download_places(self) -> QuerySlots:
        return QuerySlots(self.max_downloads, 0, self.max_downloads)

    def describe(self) -> str:
        """What holds for every query, for those who wait for one."""
        return (
            f"At most {self.max_seconds:g} s, {self.max_memory} of memory and {self.max_rows:,} shown rows per query; "
            f"{self.max_queries} queries run at once, {self.max_visitor_queries} of one visitor."
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of_json(cls, text: str) -> "VisitorLimits":
        """What `to_json` wrote; the defaults where the text is empty."""
        return cls(**json.loads(text)) if text else cls()
