"""Functions of the field in SQL: against NumPy on the grids, through the sandbox and through the store's own connection."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.stores import synthetic_store
from tubelet.latent import bases, fitting
from tubelet.latent.fitting import BasisSpec
from tubelet.latent.scope import Scope
from tubelet.store import Store
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.untrusted import Query, ask


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("functions") / "films", videos=2, clips=2)
    yield made
    made.close()


def column(store: Store, sql: str, **values: object) -> list:
    """The first column of an answer, the same from the sandbox and from the store."""
    asked = ask(store, Query(sql, values)).table.columns[0].to_pylist()
    assert store.query(sql, values or None).columns[0].to_pylist() == asked
    return asked


def test_token_is_the_embedding_at_an_address(store: Store) -> None:
    clip, other = (row["clip_id"] for row in store.rows("FROM clips ORDER BY clip_id LIMIT 2"))
    grids = {name: store.grid(name).astype(np.float32) for name in (clip, other)}
    (found,) = column(store, "SELECT token($clip, 3, 4, 2)", clip=clip)
    assert found == grids[clip][3, 4, 2].tolist()
    sql = "SELECT token(clip_id, slice, y, x) FROM token_stats WHERE clip_id IN ($a, $b) ORDER BY clip_id, slice, y, x"
    expected = np.concatenate([grids[name].reshape(-1, 16) for name in (clip, other)])
    assert np.array_equal(np.array(column(store, sql, a=clip, b=other)), expected)


def test_what_no_clip_holds_is_null(store: Store) -> None:
    (clip, *_) = (row["clip_id"] for row in store.rows("FROM clips ORDER BY clip_id"))
    places = "($clip, 4, 0, 0), ($clip, -1, 0, 0), ($clip, 0, 5, 0), ($clip, 0, 0, 99), ('../../etc/passwd', 0, 0, 0), ('gone', 0, 0, 0), (NULL, 0, 0, 0), ($clip, NULL, 0, 0)"
    sql = f"SELECT token(c, s, y, x) FROM (VALUES {places}) AS places(c, s, y, x)"
    assert column(store, sql, clip=clip) == [None] * 8


def test_cosine_is_that_of_numpy(store: Store) -> None:
    clip = store.rows("FROM clips ORDER BY clip_id LIMIT 1")[0]["clip_id"]
    grid = store.grid(clip).astype(np.float64)
    sql = "SELECT cosine(embedding, token($clip, 0, 1, 2)) FROM tokens WHERE clip_id = $clip ORDER BY slice, y, x"
    vectors, query = grid.reshape(-1, 16), grid[0, 1, 2]
    expected = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    assert column(store, sql, clip=clip) == pytest.approx(expected.tolist(), abs=1e-6)
    assert column(store, "SELECT cosine([1, 0], [1, 1])") == pytest.approx([0.5**0.5])
    assert column(store, "SELECT cosine(NULL, [1, 1])") == [None]
    with pytest.raises(QueryError, match="must be equal"):
        ask(store, "SELECT cosine([1, 2, 3], [1, 1])")


@pytest.mark.parametrize("unit", [False, True])
def test_component_is_the_coordinate_in_a_basis(unit: bool, store: Store) -> None:
    encoder = store.rows("FROM encoders")[0]["encoder_id"]
    basis = fitting.fit_basis(
        store, Scope("corpus", None, encoder), BasisSpec(components=3, unit=unit)
    )
    bases.save_basis(store, basis)
    clip = store.rows("FROM clips ORDER BY clip_id LIMIT 1")[0]["clip_id"]
    y, x = np.indices((4, 5, 5))[1:].reshape(2, -1)
    coordinates = basis.of_tokens(store.grid(clip).astype(np.float32).reshape(-1, 16), y, x)
    for number in range(3):
        sql = "SELECT component($basis, embedding, $i) FROM tokens WHERE clip_id = $clip ORDER BY slice, y, x"
        found = column(store, sql, basis=basis.basis_id, i=number, clip=clip)
        assert found == pytest.approx(coordinates[:, number].tolist(), abs=1e-4)
    assert column(store, "SELECT component('gone', [1.0], 0)") == [None]
    same = "SELECT DISTINCT component(basis_id, embedding, 0) IS NOT NULL FROM tokens, bases"
    assert column(store, same) == [True]


def test_frames_and_seconds_of_slices(store: Store) -> None:
    rows = "SELECT clip_id, slice, frame_of(clip_id, slice) AS frame, seconds_of(clip_id, slice) AS second FROM slice_stats"
    clips = {row["clip_id"]: row for row in store.rows("FROM clips")}
    found = ask(store, rows).table.to_pylist()
    assert len(found) == 16
    for row in found:
        clip = clips[row["clip_id"]]
        assert row["frame"] == clip["first_frame"] + 2 * row["slice"]
        length = clip["stop_s"] - clip["start_s"]
        assert row["second"] == pytest.approx(
            clip["start_s"] + row["slice"] / clip["slices"] * length
        )
    inner = "SELECT frame_of(c.clip_id, 0) = c.first_frame FROM clips c"
    assert column(store, inner) == [True] * 4, "a column of the caller is never one of the macro's"
    assert column(store, "SELECT frame_of('gone', 0)") == [None]


def test_the_address_of_a_picture_is_given_for_tokens_alone(store: Store) -> None:
    (clip, *_) = (row["clip_id"] for row in store.rows("FROM clips ORDER BY clip_id"))
    sql = "SELECT patch_picture(clip_id, slice, y, x) FROM token_stats WHERE clip_id = $clip ORDER BY slice, y, x"
    places = np.indices((4, 5, 5)).reshape(3, -1).T
    assert column(store, sql, clip=clip) == [f"patch/{clip}/{s}.{y}.{x}" for s, y, x in places]
    outside = "($clip, 4, 0, 0), ($clip, -1, 0, 0), ($clip, 0, 5, 0), ($clip, 0, 0, 5), ('../gone', 0, 0, 0), (NULL, 0, 0, 0), ($clip, NULL, 0, 0)"
    sql = f"SELECT patch_picture(c, s, y, x) FROM (VALUES {outside}) AS places(c, s, y, x)"
    assert column(store, sql, clip=clip) == [None] * 7


def test_functions_are_documented_with_their_meaning() -> None:
    from tubelet.store.schema.functions import FUNCTIONS, markdown

    assert list(FUNCTIONS)[:5] == ["cosine", "token", "component", "frame_of", "seconds_of"]
    assert list(FUNCTIONS)[5:] == ["patch_picture", "label_of", "has_label", "has_tag"]
    assert all(f"`{function.signature}`" in markdown() for function in FUNCTIONS.values())
