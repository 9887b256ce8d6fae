"""Run a mask as a job of this page."""

from tubelet.dashboard.jobs.page_job import PageJob
from tubelet.dashboard.masking.request import MaskRequest
from tubelet.store import Store
from tubelet.store.jobs.spare import Spares

SPARES = Spares(("tubelet.training.masking.run",))
RUN = PageJob("masking", SPARES, "The mask was not run")
JOB, FAILED = RUN.job_key, RUN.failed_key


def offer_run(store: Store, clip_id: str, asked: MaskRequest) -> None:
    """A button that starts the command, or the command itself."""
    RUN.offer(store, asked.words(str(store.root), clip_id), "Run mask", not asked.wrong)


def start(store: Store, words: tuple[str, ...]) -> None:
    RUN.start(store, words)


def show_state(store: Store) -> None:
    RUN.show_state(store)
