"""Options that several reports share: which encoder, and which windows."""

from typing import Any

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
