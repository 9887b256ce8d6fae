"""What every page shows about its server: what to do when it has ended, in place of Streamlit's question about the internet, and what the store
holds more than when the page was drawn."""

from tubelet.dashboard.components import modules
from tubelet.store.questions.rows import CorpusSummary

KEY = "connection"
EVERY_S = 15  # seconds from one question to the next
HELD = ("videos", "clips")  # columns of the summary of a store
MOUNT = modules.mount("connection")


def watch(command: str, summary: CorpusSummary) -> None:
    """Have the page say by which command its server starts again, should it end, and that the store has grown since `summary`."""
    MOUNT(
        key=KEY,
        data={"command": command, "held": describe(summary), "every_s": EVERY_S},
        on_refresh_change=lambda: None,
    )


def describe(summary: CorpusSummary) -> dict[str, int]:
    """Describe what is compared."""
    return {name: summary[name] for name in HELD}
