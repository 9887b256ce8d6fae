"""The browser modules of the components, served from the dashboard's own origin.

    mount("player")                        Streamlit's component of that folder
    find(VERSION, "player/player.js")      the bytes that the route components/VERSION/PATH answers with

Streamlit hands a component's script to the browser as text without an address, from which a relative import cannot resolve. That text is
therefore a loader of two lines: it imports the component's entry module by the address of our own route, and from there on the browser
follows ordinary relative imports. VERSION is a hash of all modules, so the browser may keep them for good and never mixes two releases.
"""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import streamlit as st

from tubelet.store import StoreError

HERE = Path(__file__).parent
FILES = {
    path.relative_to(HERE).as_posix(): path.read_bytes() for path in sorted(HERE.glob("*/*.js"))
}
VERSION = sha256(
    b"".join(name.encode() + b"\0" + text + b"\0" for name, text in FILES.items())
).hexdigest()[:16]
LOADER = """export default async function (component) {{
  const module = await import(new URL("components/{version}/{name}/{name}.js", document.baseURI).href)
  return module.default(component)
}}
"""


def mount(name: str) -> Callable:
    """Streamlit's component of a folder, to be called with its data."""
    html, css = ((HERE / name / f"{name}.{kind}").read_text() for kind in ("html", "css"))
    return st.components.v2.component(
        f"tubelet.{name}", html=html, css=css, js=LOADER.format(version=VERSION, name=name)
    )


def find(version: str, path: str) -> bytes:
    """A module by the path of its file below this folder. Raises StoreError for another version or an unknown path."""
    if version != VERSION:
        raise StoreError("the dashboard has been updated: reload the page")
    if path not in FILES:
        raise StoreError(f"the dashboard has no browser module {path}: reload the page")
    return FILES[path]
