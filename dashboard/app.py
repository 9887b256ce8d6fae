"""The frame around the pages: opens the store, draws the sidebar, runs the page that the URL names.

`dashboard/server.py` serves it.
"""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from tubelet.dashboard import (
    address,
    caching,
    dropped_values,
    links,
    report_page,
    selection,
    units,
)
from tubelet.dashboard.collection import set_imports_aside
from tubelet.dashboard.components import connection
from tubelet.dashboard.parameters import PAGES
from tubelet.dashboard.report_page import ReportPage
from tubelet.reports.literal import literal, literal_sentence
from tubelet.store import Store, StoreError
from tubelet.store.remote.address import is_remote
from tubelet.store.sandbox.fair_queue import ASKER
from tubelet.store.sandbox.worker_pool import PROCESSES

HERE = Path(__file__).parent


def main() -> None:
    st.set_page_config(
        page_icon=str(HERE / "favicon.svg"), layout="wide", initial_sidebar_state=250
    )
    st.logo(str(HERE / "logo.svg"), size="large")
    ASKER.set(_name_session())
    path = sys.argv[1] if len(sys.argv) > 1 else ""
    modules = {
        name: import_module(f"tubelet.dashboard.{name}.page") for name in PAGES
    } | report_page.make_pages(PAGES)
    pages: dict[str, st.Page] = {}
    pages |= {name: _page(name, module, path, pages) for name, module in modules.items()}
    page = st.navigation(list(pages.values()), position="hidden")
    st.set_page_config(page_title=f"{page.title} · {Path(path).name or 'Tubelet'}")
    try:
        page.run()
    finally:
        set_imports_aside()
    PROCESSES.keep_ready()


def _name_session() -> str:
    """Who asks the queries of this run: one page of one browser."""
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


def _page(
    name: str, module: ModuleType | ReportPage, path: str, pages: Mapping[str, st.Page]
) -> st.Page:
    default = name == PAGES[0]
    return st.Page(
        _runner(name, module, path, pages),
        title=module.TITLE,
        icon=module.ICON,
        url_path="" if default else name,
        default=default,
    )


def _runner(
    name: str, module: ModuleType | ReportPage, path: str, pages: Mapping[str, st.Page]
) -> Callable[[], None]:
    def run() -> None:
        """Show the page, or why the store cannot be shown."""
        try:
            store = _store(path)
            with store.hold():
                _show_page(store, name, module, pages)
        except StoreError as error:
            _show_unavailable(str(error))

    return run


def _show_page(
    store: Store, name: str, module: ModuleType | ReportPage, pages: Mapping[str, st.Page]
) -> None:
    with st.sidebar:
        selection.complete_address(store, name)
        with st.container(gap="xxsmall", key="menu"):
            links.show_menu(store, pages)
        _show_store(store)
        chosen = selection.choose(store, name)
        summary = caching.summary(store)
        connection.watch(f"tubelet dashboard --store {store.shell_name}", summary)
    with dropped_values.report_dropped(name):
        module.show(store, chosen)
    address.settle(name)


def _store(path: str) -> Store:
    if not path:
        raise StoreError("No store given: run `tubelet dashboard --store STORE`")
    return caching.open_store(path if is_remote(path) else str(Path(path).expanduser().absolute()))


def _show_store(store: Store) -> None:
    """The store's name and how much it holds, on every page."""
    held = caching.summary(store)
    st.markdown(f"**{literal(Path(store.name).name)}**", help=literal(store.name))
    st.caption(
        "  \n".join(
            units.count(held[f"{noun}s"], noun) for noun in ("video", "clip", "token", "failure")
        )
    )


def _show_unavailable(sentence: str) -> None:
    st.title("Could not open this store", anchor=False)
    st.markdown(literal_sentence(sentence))
    st.markdown("To create a store, encode a folder of videos, then open it:")
    st.code(
        "tubelet ingest FOLDER --store STORE --encoder NAME\ntubelet dashboard --store STORE",
        language=None,
        wrap_lines=True,
    )
    st.button("Try again", icon=":material/refresh:")


if __name__ == "__main__":
    main()
