"""Options that several reports share: which encoder, which windows, which run, and how many of the hardest videos."""

from typing import Any

from tubelet.reports.literal import Markdown
from tubelet.store.options import option

FRAMES_MOST = 1_000_000


def encoder_option() -> Any:
    return option(
        None,
        help="Name or id of an encoder of the store.",
        unset="the one with the most videos",
        metavar="NAME|ID",
    )


def frames_option() -> Any:
    return option(
        None,
        help="Frames per window.",
        unset="the length with the most videos",
        least=1,
        most=FRAMES_MOST,
    )


def run_option(command: Markdown) -> Any:
    """Which run of a command; None is the newest."""
    return option(
        None, help=f"Id of a run, as `{command}` prints it.", unset="the newest", metavar="ID"
    )


def hardest_option() -> Any:
    return option(20, help="Videos to list as the hardest.", least=1, most=10_000)
