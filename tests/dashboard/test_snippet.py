"""The lines for a notebook give the rows of the page; the picture of a token shows it."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from tests.stores import synthetic_store
from tubelet.dashboard.sql.snippet import write_snippet
from tubelet.media.patch_pictures import PictureAddress, draw_patch
from tubelet.store import Store, StoreError
from tubelet.store.sandbox.untrusted import Query, ask

QUERIES = [
    Query("SELECT name FROM videos ORDER BY name"),
    Query("SELECT name -- the names;\nFROM videos\nWHERE frames > $least ORDER BY name;", {"least": 1}),
    Query("SELECT $w AS w,\n'\"\"\"' AS q, 'a\\n' AS b", {"w": "it's \"so\"\\"}),
    Query("SELECT 'é' AS e,\n 'x' AS \"last\""),
    Query("SELECT 1 AS one\r\n, 2 AS two"),
    Query("SELECT true AS a, $f AS f", {"f": 0.5}),
]  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("it's a") / "film store", videos=2)
    yield made
    made.close()


@pytest.mark.parametrize("query", QUERIES)
def test_the_lines_give_the_same_rows(query: Query, store: Store) -> None:
    lines = write_snippet(store, query)
    *first, last = lines.splitlines()
    told: dict = {}
    exec("\n".join(first), told)
    assert last == "rows.to_pandas()"
    assert told["rows"].to_pylist() == ask(store, query).table.to_pylist()
    told["store"].close()


def read_pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_the_ringed_patch_is_the_one_that_was_asked_for(numbered_store: Store) -> None:
    """The corner of the numbered videos is red: patch (0, 0) of six by six; five by five are shown."""
    clip = numbered_store.rows("FROM clips ORDER BY clip_id LIMIT 1")[0]["clip_id"]
    corner = read_pixels(draw_patch(numbered_store, PictureAddress(clip, 1, 0, 0)))
    assert corner.shape == (320, 320, 3)
    middle = corner[32, 32]
    assert middle[0] > 150 and middle[1] < 100
    assert np.abs(corner[1, 1] - (255, 138, 31)).max() < 5, "the ring"
    other = read_pixels(draw_patch(numbered_store, PictureAddress(clip, 1, 2, 3)))
    ringed = np.abs(other - (255, 138, 31)).max(-1) < 5
    rows, columns = np.nonzero(ringed)
    assert [rows.min(), rows.max() + 1, columns.min(), columns.max() + 1] == [128, 192, 128, 192]
    assert len(read_pixels(draw_patch(numbered_store, PictureAddress(clip, 0), side=100))) == 100


@pytest.mark.parametrize("y, x, words", [(9, 0, "y is 9"), (0, None, "both y and x"), (-1, 0, "y is -1")])  # fmt: skip
def test_what_is_no_token_has_no_picture(
    y: int, x: int | None, words: str, numbered_store: Store
) -> None:
    clip = numbered_store.rows("FROM clips ORDER BY clip_id LIMIT 1")[0]["clip_id"]
    with pytest.raises(StoreError, match=words):
        draw_patch(numbered_store, PictureAddress(clip, 0, y, x))


def test_a_store_without_pictures_says_so(store: Store) -> None:
    clip = store.rows("FROM clips LIMIT 1")[0]["clip_id"]
    with pytest.raises(StoreError, match="no pictures of this clip"):
        draw_patch(store, PictureAddress(clip, 0, 0, 0))
