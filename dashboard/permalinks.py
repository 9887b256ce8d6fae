"""Addresses from elsewhere, before their page is sent: names of earlier versions in today's, and complete. A redirect does not add a step to the
Back button, which a change by the page itself would be."""

from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tubelet.dashboard.parameters import PAGES, RENAMED_ROUTES, renew


class Permalinks:
    """An ASGI application before another one; `base` is the path below which it stands."""

    def __init__(self, app: ASGIApp, store: str, base: str = "") -> None:
        self.app, self.store, self.base = app, store, base

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = self._renew_route(scope)
            page = self._page(scope["path"]) if scope["method"] == "GET" else None
            if page and (
                query := await run_in_threadpool(
                    self._query, page, scope["query_string"].decode("latin-1")
                )
            ):
                redirect = RedirectResponse(f"./{scope['path'].rpartition('/')[2]}?{query}")
                await redirect(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _page(self, path: str) -> str | None:
        """The page of a path; the first one stands at the root."""
        name = path.removeprefix(self.base).strip("/")
        return PAGES[0] if not name else name if name in PAGES[1:] else None

    def _query(self, page: str, query: str) -> str | None:
        """The query that should stand there; None where it stands there, or no store says what should."""
        given = dict(parse_qsl(query, keep_blank_values=True, errors="replace"))
        wanted = {
            name: value
            for name, value in self._complete(page, renew(page, given)).items()
            if value or name in given
        }
        return urlencode(wanted) if wanted != given else None

    def _complete(self, page: str, given: dict[str, str]) -> dict[str, str]:
        """Imported when first asked: what is cached is Streamlit's, which has to run by then."""
        from tubelet.dashboard import caching, completion
        from tubelet.store import TubeletError

        try:
            store = caching.open_store(self.store)
            return completion.complete(store, page, completion.replace_short_link(store, given))
        except TubeletError:  # the page says why
            return given

    def _renew_route(self, scope: Scope) -> Scope:
        if scope["path"].startswith(f"{self.base}/mp4/"):
            return {**scope, "query_string": scope["query_string"].replace(b"colours", b"colors")}
        for before, today in RENAMED_ROUTES.items():
            if scope["path"].startswith(f"{self.base}{before}"):
                path = (
                    self.base
                    + today
                    + scope["path"]
                    .removeprefix(f"{self.base}{before}")
                    .replace("/colours.npy", "/colors.npy")
                )
                return {**scope, "path": path, "raw_path": path.encode()}
        return scope
