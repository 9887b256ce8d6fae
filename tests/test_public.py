"""The public door: what `tubelet` offers, that each of it is documented, and what objects show of themselves in a notebook."""

import inspect
from dataclasses import replace
from html.parser import HTMLParser
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

import tubelet
from tests.stores import synthetic_store
from tubelet.latent import query, tracking
from tubelet.latent.clips import open_clip
from tubelet.latent.fitting import BasisSpec, fit_basis
from tubelet.latent.null_similarity import sample_other_videos
from tubelet.latent.scope import Scope
from tubelet.store import Store, StoreError

HOSTILE = "<img src=x onerror=alert(1)>&\"'</table>"
TAGS = {"div", "strong", "table", "thead", "tbody", "tr", "th", "td"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory):
    made = synthetic_store(tmp_path_factory.mktemp("public") / "store", videos=2, clips=2)
    yield made
    made.close()


def test_the_public_names_are_these_and_documented() -> None:
    assert tubelet.__all__ == ["Store", "__version__", "open"]
    assert {
        name
        for name in vars(tubelet)
        if not name.startswith("_") and inspect.isfunction(getattr(tubelet, name))
    } - {"import_module"} == {"open"}
    assert all(
        f"`{name}`" in tubelet.__doc__ or name in tubelet.__doc__
        for name in ("open", "Store", "__version__")
    )
    assert tubelet.open.__doc__ and tubelet.Store.__doc__
    own = {
        name: member
        for name, member in vars(tubelet.Store).items()
        if not name.startswith("_") and callable(getattr(tubelet.Store, name))
    }
    assert {"query", "rows", "grid", "close"} <= own.keys()
    assert (
        tubelet.Store.query.__doc__
        and tubelet.Store.rows.__doc__
        and tubelet.Store.grid.__doc__
        and tubelet.Store.close.__doc__
    )


def test_the_public_names_work(store: Store, tmp_path: Path) -> None:
    assert tubelet.__version__ == version("tubelet")
    assert tubelet.Store is Store
    opened = tubelet.open(str(store.root))
    assert isinstance(opened, Store) and opened.rows("SELECT count(*) AS n FROM clips") == [
        {"n": 4}
    ]
    opened.close()
    with pytest.raises(StoreError, match="does not exist: run `tubelet ingest"):
        tubelet.open(tmp_path / "absent")
    with pytest.raises(AttributeError, match="no attribute 'shut'"):
        _ = tubelet.shut


class Tags(HTMLParser):
    """The tags and words of a text of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def shown(thing: object) -> Tags:
    parsed = Tags(thing._repr_html_())
    assert set(parsed.tags) <= TAGS
    return parsed


def test_objects_show_themselves_in_a_notebook(store: Store) -> None:
    clip = open_clip(store, store.rows("FROM clips")[0]["clip_id"])
    basis = fit_basis(store, Scope.of(store), BasisSpec(kind="pca"))
    track = tracking.track(
        query.query_stored(store, clip.clip_id, [(0, 1, 2)]),
        clip,
        sample_other_videos(store, clip.encoder_id, clip.video_id),
    )
    assert shown(store).words[:5] == [f"Store {store.root}", "videos", "2", "encoders", "1"]
    assert shown(clip).words[0] == f"Clip {clip.clip_id}" and {"4", "5", "16", "float16"} <= set(
        shown(clip).words
    )
    assert (
        shown(basis).words[:3] == [f"Basis {basis.basis_id}", "kind", "pca"]
        and f"{basis.tokens:,}" in shown(basis).words
    )
    table = shown(track)
    assert table.tags.count("tr") == 1 + len(track.score) and table.words[1:7] == [
        "slice",
        "y",
        "x",
        "score",
        "margin",
        "lost",
    ]
    assert table.words[7:10] == ["0", "1", "2"], "the query's own slice"


def test_what_objects_show_is_text(store: Store, tmp_path: Path) -> None:
    clip = open_clip(store, store.rows("FROM clips")[0]["clip_id"])
    basis = fit_basis(store, Scope.of(store), BasisSpec(kind="pca"))
    track = tracking.track(
        query.query_stored(store, clip.clip_id, [(0, 1, 2)]),
        clip,
        sample_other_videos(store, clip.encoder_id, clip.video_id),
    )
    odd = synthetic_store(tmp_path / "<img src=x>", videos=1)
    things = [
        replace(clip, clip_id=HOSTILE, video_id=HOSTILE),
        replace(basis, basis_id=HOSTILE, scope_id=HOSTILE),
        replace(track, clip_id=HOSTILE),
    ]
    for thing in things:
        assert any(HOSTILE in word for word in shown(thing).words)
    assert any("<img src=x>" in word for word in shown(odd).words)
    odd.close()
    assert np.isfinite(track.score).all()
