"""Conditions in SQL by which people choose videos, asked in the sandbox as all SQL of people is."""

from tubelet.store.errors import NoVideos
from tubelet.store.questions.corpus import Chosen
from tubelet.store.sandbox.untrusted import Limits, ask
from tubelet.store.store import Store


def videos(store: Store, where: str) -> Chosen:
    """The videos that a condition on the columns of `videos` lets through. Raises NoVideos, and QueryError for a mistake in it."""
    ids = ask(store, f"SELECT video_id FROM videos WHERE (\n{where}\n)", Limits(rows=None)).table["video_id"].to_pylist()
    if not ids:
        raise NoVideos(f"the condition {where!r} lets no video through: write one on the columns of `videos`, such as label = 'cooking'")
    return Chosen(ids, where)
