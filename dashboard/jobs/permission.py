"""Whether visitors may start and stop commands here."""

from pathlib import Path

from streamlit import config

from tubelet.dashboard.access import find_jobs_folder


def find_folder() -> Path | None:
    """The folder in which commands run that visitors start; None where they may start and stop none."""
    return find_jobs_folder(config.get_option("server.address"))
