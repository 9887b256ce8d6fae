"""Conditions in SQL by which people choose videos, encoders and clips, asked in the sandbox as all SQL of people is."""

from tubelet.store.errors import NoVideos
from tubelet.store.questions.corpus import Chosen
from tubelet.store.sandbox.untrusted import Limits, ask
from tubelet.store.store import Store


def videos(store: Store, where: str) -> Chosen:
    """The videos that a condition on the columns of `videos` lets through. Raises NoVideos, and QueryError for a mistake in it."""
    found = keys(store, "videos", "video_id", where)
    if not found:
        raise NoVideos(f"the condition {where!r} matches no video: write one on the columns of `videos`, such as label = 'cooking'")
    return Chosen(found, where)


def keys(store: Store, table: str, column: str, where: str) -> list[str]:
    """The values of a table's column in the rows that a condition lets through. Raises QueryError for a mistake in it."""
    return ask(store, f"SELECT {column} FROM {table} WHERE (\n{where}\n)", Limits(rows=None)).table[column].to_pylist()
