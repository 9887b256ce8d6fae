"""Conditions in SQL by which users select videos, encoders and clips; they run in the sandbox, as all SQL from users does."""

from tubelet.store.errors import NoVideos
from tubelet.store.questions.corpus import Chosen
from tubelet.store.sandbox.untrusted import Limits, ask
from tubelet.store.store import Store


def videos(store: Store, where: str) -> Chosen:
    """The videos that meet a condition on the columns of `videos`. Raises NoVideos, and QueryError for a mistake in it."""
    found = keys(store, "videos", "video_id", where)
    if not found:
        raise NoVideos(
            f"the condition {where!r} matches no video: write one on the columns of `videos`, such as label = 'cooking'"
        )
    return Chosen(found, where)


def keys(store: Store, table: str, column: str, where: str) -> list[str]:
    """The values of a table's column in the rows that meet a condition. Raises QueryError for a mistake in it."""
    return (
        ask(store, f"SELECT {column} FROM {table} WHERE (\n{where}\n)", Limits(rows=None))
        .table[column]
        .to_pylist()
    )
