"""The HTML document that a browser gets before the first message of the script: Streamlit's own, with our style sheet and title in it.

Streamlit draws what a page says in the order in which it arrives. Styles that came with it would move what already stands there, and so
would widgets whose modules the browser first learns of when they are drawn.
"""

from html import escape
from pathlib import Path

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tubelet.dashboard import menu

HERE = Path(__file__).parent
TITLE = "Tubelet"
MODULES = (  # of Streamlit, by the first part of their file's name: what most pages draw
    "ArrowVegaLiteChart",
    "BidiComponent",
    "Button",
    "ButtonGroup",
    "Checkbox",
    "DataFrame",
    "DownloadButton",
    "Html",
    "NumberInput",
    "PageLink",
    "Pagination",
    "Selectbox",
    "StreamlitSyntaxHighlighter",
    "TextArea",
    "TextInput",
)
CONDITIONAL = (b"if-none-match", b"if-modified-since", b"accept-encoding")


class Document:
    """An ASGI application before another one: what it answers with as HTML, it answers with our head."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.head = make_head()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self.app(scope, receive, send)
            return
        headers = [pair for pair in scope["headers"] if pair[0] not in CONDITIONAL]
        await self.app({**scope, "headers": headers}, receive, _Rewriting(send, self.head))


class _Rewriting:
    """Passes an answer on, an HTML document as one message with the head in it."""

    def __init__(self, send: Send, head: bytes) -> None:
        self.send, self.head = send, head
        self.start: Message | None = None
        self.body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_document(message):
            self.start = message
        elif self.start is None:
            await self.send(message)
        else:
            self.body += message.get("body", b"")
            if not message.get("more_body"):
                await self._finish(self.start)

    async def _finish(self, start: Message) -> None:
        body = insert(self.body, self.head)
        headers = MutableHeaders(scope=start)
        headers["content-length"] = str(len(body))
        for name in ("etag", "last-modified"):  # they name Streamlit's file
            del headers[name]
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})


def _is_document(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith("text/html")


def insert(document: bytes, head: bytes) -> bytes:
    """The document with our title and our head; one that is not Streamlit's stays as it is."""
    if b'<div id="root">' not in document:
        return document
    titled = document.replace(b"<title>Streamlit</title>", f"<title>{TITLE}</title>".encode())
    return titled.replace(b"</head>", head + b"</head>", 1)


def make_head() -> bytes:
    """Our style sheet, and the modules that a browser may fetch before it is told to draw with them."""
    scripts = Path(st.__file__).parent / "static" / "static" / "js"
    found = [path.name for name in MODULES for path in sorted(scripts.glob(f"{name}.*.js"))]
    links = [
        f'<link rel="modulepreload" crossorigin href="./static/js/{escape(name)}">'
        for name in found
    ]
    pages = f".stApp {{ --pages: {menu.COUNT}; --sections: {len(menu.SECTIONS)} }}"
    style = f"<style>{(HERE / 'style.css').read_text()}{pages}</style>"
    return "\n".join([*links, style, ""]).encode()
