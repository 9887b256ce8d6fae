"""What the dashboard says when its server has ended: what to do, in place of Streamlit's question about the internet."""

from tubelet.dashboard.components import modules

KEY = "connection"
MOUNT = modules.mount("connection")


def watch(command: str) -> None:
    """Have the page say by which command its server starts again, should it end; shows nothing until then."""
    MOUNT(key=KEY, data={"command": command})
