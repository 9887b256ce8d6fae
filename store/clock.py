"""The moment that a row is written: UTC, without a zone of its own, as the tables store it."""

from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
