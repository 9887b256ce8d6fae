"""Who may talk to the dashboard, and what its pages may do: stands before pages, routes and web socket alike.

A request has to name a host that is allowed (against DNS rebinding), may not come from a page of another origin, and brings the
token where there is one. Every answer, an error too, carries the rules by which a browser treats it.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from html import escape
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tubelet.dashboard.access import HOST, SANDBOX, Access

TOKEN = "token"  # the parameter of the link that lets a browser in
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FILES = ("/media/", "/_stcore/upload_file/")  # where Streamlit serves such bytes
HEADERS = {
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
INLINE = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class Guard:
    """An ASGI application before another one."""

    def __init__(self, app: ASGIApp, access: Access, base: str = "") -> None:
        self.app, self.access = app, access
        self.files = tuple(f"{base}{path}" for path in FILES)
        self.policy = content_policy(access.frames)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = explain_refusal(scope, self.access)
        if scope["type"] == "websocket":
            if refusal is None:
                await self.app(_own_origin(scope), receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
            return
        answer = self.app if refusal is None else refusal
        await answer(scope, receive, self._with_headers(scope, send))

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._mark(
                    MutableHeaders(scope=message),
                    scope["path"],
                    Headers(scope=scope).get("host", ""),
                )
            await send(message)

        return sending

    def _mark(self, headers: MutableHeaders, path: str, host: str) -> None:
        for name, value in HEADERS.items():
            headers[name] = value
        if path.startswith(self.files):
            headers["Content-Security-Policy"] = SANDBOX
        headers.setdefault(
            "Content-Security-Policy",
            self.policy.replace("$HOST", host if HOST.fullmatch(host) else ""),
        )
        if not self.access.frames:
            headers["X-Frame-Options"] = "DENY"
        for name in [name for name in headers if name.lower().startswith("access-control-")]:
            del headers[
                name
            ]  # Streamlit lets other origins read some of its own routes; nothing here needs it


def explain_refusal(scope: Scope, access: Access) -> Response | None:
    """Why a request is not answered; None where it is."""
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if not access.allows_host(host):
        return PlainTextResponse(
            f"This dashboard does not answer to the host {host[:200]!r}. Start it with `--allow-host NAME` to allow another name.\n",
            421,
        )
    if not _same_origin(scope, headers, access):
        return PlainTextResponse("This dashboard answers only to its own pages.\n", 403)
    if access.token and not _knows_token(headers, access):
        return _ask_for_token(scope, access)
    return None


def _own_origin(scope: Scope) -> Scope:
    """The request as it would come from a page of this server: its origin was judged here, and Streamlit knows no other."""
    host = Headers(scope=scope).get("host", "").encode("latin-1")
    headers = [
        (name, b"http://" + host if name == b"origin" else value)
        for name, value in scope["headers"]
    ]
    return {**scope, "headers": headers}


def _same_origin(scope: Scope, headers: Headers, access: Access) -> bool:
    """Another site may lead here by a link, and no more: it may not send, embed or listen."""
    host, origin = headers.get("host", ""), headers.get("origin")
    if origin is not None and not access.allows_origin(origin, host):
        return False
    if (
        headers.get("sec-fetch-site", "none") not in ("cross-site", "same-site")
        or origin is not None
    ):
        return True
    leads = headers.get("sec-fetch-mode") == "navigate" and scope.get("method") in SAFE_METHODS
    return leads and (headers.get("sec-fetch-dest") == "document" or bool(access.frames))


def _knows_token(headers: Headers, access: Access) -> bool:
    """By a browser's cookie, or as a script says it: ``Authorization: Bearer TOKEN``."""
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and access.admits(bearer.strip()):
        return True
    try:
        held = SimpleCookie(headers.get("cookie", "")).get(access.cookie)
    except CookieError:
        return False
    return held is not None and access.admits(held.value)


def _ask_for_token(scope: Scope, access: Access) -> Response:
    """Admit visitors with the token in the address, and remove it from the address; tell others where to find it.

    The way on is a page, not a redirect: a browser that comes from another site keeps a strict cookie back until it has been here.
    """
    if "/api/" in scope["path"]:
        words = "This API asks for a token: send the header `Authorization: Bearer TOKEN`.\n"
        return PlainTextResponse(words, 401)
    given = parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    rest = urlencode([(name, value) for name, value in given if name != TOKEN])
    here = escape(f"./{quote(scope['path'].rpartition('/')[2])}?{rest}")
    if any(name == TOKEN and access.admits(value) for name, value in given):
        answer = HTMLResponse(
            f'<!doctype html><meta http-equiv="refresh" content="0;url={here}"><a href="{here}">Continue</a>'
        )
        answer.set_cookie(access.cookie, access.token, httponly=True, samesite="strict")
        return answer
    return HTMLResponse(
        "<!doctype html><title>Tubelet</title><p>This dashboard asks for a token: open the link that <code>tubelet dashboard</code> printed. "
        f'If this browser has been here before, <a href="{here}">continue</a>.',
        401,
    )


def content_policy(frames: Iterable[str] = ()) -> str:
    """What a page may fetch and run: of its own origin alone. Streamlit imports a component's script from a blob, and writes styles
    into the page, and calculates 64-bit numbers in WebAssembly; that lets nothing run which is not of this origin."""
    rules = {
        "default-src": "'self'",
        "script-src": f"'self' blob: 'wasm-unsafe-eval' {' '.join(_inline_scripts())}",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' blob: data:",
        "media-src": "'self' blob: data:",
        "font-src": "'self' data:",
        "connect-src": "'self' blob: data: ws://$HOST wss://$HOST",
        "worker-src": "'self' blob:",
        "frame-src": "'self'",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": " ".join(frames) or "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _inline_scripts() -> list[str]:
    """The hashes of the scripts that stand in Streamlit's own page."""
    page = (Path(st.__file__).parent / "static" / "index.html").read_text()
    digests = (hashlib.sha256(script.encode()).digest() for script in INLINE.findall(page))
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
