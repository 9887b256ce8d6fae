"""Options that several reports share: which encoder, which windows, which run, and how many of the hardest videos."""

from typing import Any

from tubelet.reports.literal import Markdown
from tubelet.store import Store
from tubelet.store.encoder_names import name_encoders
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


def describe_scope(store: Store, options: Any, *fields: str) -> str:
    """What options select in those of their fields that are given, such as `encoder toy, frames 16`; an encoder by its name."""
    named = {name: getattr(options, name) for name in fields}
    if named["encoder"] is not None:
        named["encoder"] = name_encoders(store).get(named["encoder"], named["encoder"])
    given = [f"{name} {value}" for name, value in named.items() if value is not None]
    return ", ".join(given) or "any encoder"
