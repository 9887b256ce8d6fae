"""The report on dimensions: planted dimensions are named right, every share is answered by its SQL, and what cannot be concluded is said."""

import numpy as np
import pyarrow as pa
import pytest

from tests.planted_dimensions import store_tokens
from tests.planted_probes import label, video_ids
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.reports.blocks import Picture, Table, Text
from tubelet.reports.catalogue import REPORTS
from tubelet.reports.dimensions.findings import find_dimensions
from tubelet.reports.dimensions.request import DimensionsOptions
from tubelet.reports.dimensions.variance import PARTS
from tubelet.reports.errors import ReportError
from tubelet.store import Store
from tubelet.store.errors import NoVideos

SLICE, VIDEO, NOISE, CONSTANT, COLUMN = range(5)
OPTIONS = DimensionsOptions()


def plant(videos: int = 16, slices: int = 5, clips: int = 2, copies: int = 1) -> np.ndarray:
    """Tokens ``(V, C, S, H, W, D)`` of dimensions that are the slice, the video, noise, a constant and the column, the rest noise."""
    rng = np.random.default_rng(4)
    tokens = rng.standard_normal((videos, clips, slices, 3, 3, 5 * copies))
    tokens[..., SLICE] = 0.2 * tokens[..., SLICE] + np.arange(slices)[:, None, None]
    tokens[..., VIDEO] = 0.2 * tokens[..., VIDEO] + rng.standard_normal((videos, 1, 1, 1, 1)) * 3
    tokens[..., CONSTANT] = 0.1
    tokens[..., COLUMN] = 0.2 * tokens[..., COLUMN] + np.arange(3)
    return tokens


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = store_tokens(tmp_path_factory.mktemp("dimensions") / "store", plant())
    yield made
    made.close()


def blocks(store: Store, **asked) -> list:
    return list(REPORTS["dimensions"].blocks(store, DimensionsOptions(**asked)))


def read(store: Store, **asked) -> str:
    return "\n".join(block.markdown for block in blocks(store, **asked) if isinstance(block, Text))


def table(found: list, name: str) -> Table:
    return next(block for block in found if isinstance(block, Table) and block.name == name)


def test_planted_dimensions_are_named_right(store) -> None:
    text, listed = read(store), table(blocks(store), "dimensions").rows.to_pylist()
    assert text.startswith("**1 of 4 dimensions** depends on the position of the slice in the window (false discovery rate 1%, 16 videos). Dimension 0 depends on it most: 9")  # fmt: skip
    mostly = {row["dim"]: row["mostly"] for row in listed}
    assert mostly == {SLICE: "slice", VIDEO: "video", NOISE: "patch", CONSTANT: "constant", COLUMN: "patch"}  # fmt: skip
    assert listed[0]["dim"] == SLICE and listed[0]["q"] < 0.01 and listed[0]["excess_low"] > 0.9
    assert "1 dimension: constant, with no variance to split (3)" in text
    assert "one window, so the position" not in text  # each video has two


def test_the_sql_behind_the_shares_answers_the_same_numbers(store) -> None:
    label(store, "group", dict.fromkeys(video_ids(store)[3:7], "scene"))
    found = blocks(store)
    assert "16 videos in 13 groups" in found[0].markdown
    shown = table(found, "dimensions")
    answered = store.query(shown.questions["Shares"].text).to_pylist()
    rows = {row["dim"]: row for row in shown.rows.to_pylist()}
    for row in answered:
        if row["dim"] != CONSTANT:
            for name in ("mean", "std", *PARTS):
                assert rows[row["dim"]][name] == pytest.approx(row[name], rel=1e-4, abs=1e-7), name
    profiles = next(block for block in found if isinstance(block, Picture) and block.name == "profiles")  # fmt: skip
    (question,) = profiles.questions.values()
    means = [row["mean"] for row in store.query(question.text).to_pylist() if row["dim"] == SLICE]
    drawn = profiles.numbers()["mean"].to_numpy() * rows[SLICE]["std"]
    assert drawn == pytest.approx(np.array(means), abs=1e-5)
    listed = table(found, "videos")
    assert store.query(listed.questions["Videos"].text)["video_id"].equals(listed.rows["video_id"])


def test_layers_are_reported_one_by_one_from_pooled_states(tmp_path) -> None:
    layers = {"block:0": slice(0, 5), "block:1": slice(5, 10)}
    made = store_tokens(tmp_path / "store", plant(copies=2), layers)
    found = find_dimensions(made, DimensionsOptions())
    assert [layer.scope.layer for layer in found.layers] == ["block:0", "block:1"]
    first, second = found.layers
    assert list(first.named) == [SLICE] and not len(second.named)
    (whole,) = find_dimensions(made, DimensionsOptions(layer="block:0+block:1")).layers
    for part in PARTS:  # pooled states are rounded to half precision
        assert getattr(first.shares, part)[:3] == pytest.approx(getattr(whole.shares, part)[:3], abs=2e-3)  # fmt: skip
    assert read(made).startswith("**1 of 9 dimensions** depends")
    assert table(blocks(made), "layers").rows["named"].to_pylist() == [1, 0]
    only = find_dimensions(made, DimensionsOptions(layer="block:1"))
    assert [layer.scope.layer for layer in only.layers] == ["block:1"]
    made.close()


def test_places_come_from_the_position_means_that_a_basis_stores(tmp_path) -> None:
    made = store_tokens(tmp_path / "store", plant())
    assert "No stored roll-up of these layers holds means by row and column" in read(made)
    encoder_id = made.query("SELECT encoder_id FROM encoders")["encoder_id"][0].as_py()
    means = np.zeros((9, 5))
    means[:, COLUMN], means[:, NOISE] = np.tile(np.arange(3), 3), np.repeat(np.arange(3), 3) * 0.1
    keep_positions(made, encoder_id, means)
    rows = {row["dim"]: row for row in table(blocks(made), "dimensions").rows.to_pylist()}
    column, noise = rows[COLUMN], rows[NOISE]
    assert column["place"] == pytest.approx((2 / 3) / column["std"] ** 2)
    assert column["column"] == pytest.approx(column["place"])
    assert column["row"] == 0 and column["place"] > 0.9
    assert noise["place"] == pytest.approx(0.01 * 2 / 3 / noise["std"] ** 2)
    assert noise["row"] == pytest.approx(noise["place"])
    assert "No stored roll-up" not in read(made)
    made.close()


def keep_positions(store: Store, encoder_id: str, means: np.ndarray) -> None:
    """A basis that stores position means of a grid of 3 x 3."""
    from tubelet.store.schema import TABLES

    basis = dict.fromkeys(TABLES["bases"].arrow.names) | {
        "basis_id": "b1", "encoder_id": encoder_id, "kind": "pca", "scope": "corpus", "settings": '{"grid": [3, 3]}',
        "tokens": 9, "explained_variance": [1.0], "total_variance": 1.0,
        "created_at": store.query("SELECT max(created_at) AS at FROM clips")["at"][0].as_py(),
    }  # fmt: skip
    vectors = [
        {"basis_id": "b1", "name": "position", "number": number, "vector": row.tolist()}
        for number, row in enumerate(means)
    ]
    store.commit(
        {
            "bases": pa.Table.from_pylist([basis], TABLES["bases"].arrow),
            "basis_vectors": pa.Table.from_pylist(vectors, TABLES["basis_vectors"].arrow),
        }
    )


@pytest.mark.parametrize(
    "made_of, words",
    thin([
        ({"slices": 1}, "The windows have one slice: nothing can depend on its position"),
        ({"videos": 2}, "There are 2 videos: shares describe these alone. Tests and intervals need 5."),
        ({"videos": 1}, "There is one video: nothing varies between videos"),
        ({"videos": 6}, "With 6 videos, a single one of 4 dimensions cannot be named, however strong it is: that takes 10."),
        ({"clips": 1}, "Every video has one window, so the position in the window is also the time in the video"),
    ], spread=True),
)  # fmt: skip
def test_what_cannot_be_concluded_is_a_sentence(made_of, words, tmp_path) -> None:
    made = store_tokens(tmp_path / "store", plant(**made_of))
    assert words in read(made)
    for name in ("report.html", "report.md", "report.parquet"):
        REPORTS["dimensions"].write(made, OPTIONS, tmp_path / name)
    made.close()


def test_an_image_encoder_is_not_tested_for_what_it_cannot_know(tmp_path) -> None:
    made = store_tokens(tmp_path / "store", plant(), tubelet=1)
    text, rows = read(made), table(blocks(made), "dimensions").rows
    assert "An image encoder sees each frame alone" in text and "depend on the position" not in text
    assert rows["slice"].null_count == len(rows) and rows["q"].null_count == len(rows)
    first = next(row for row in rows.to_pylist() if row["dim"] == SLICE)
    assert first["mostly"] == "moment" and first["moment"] > 0.9
    made.close()


def test_constant_and_infinite_values_are_left_out(tmp_path) -> None:
    tokens = plant()
    tokens[0, :, 0, ..., NOISE] = np.nan
    made = store_tokens(tmp_path / "a", tokens)
    assert "1 dimension: without a finite value in some slice, and left out (2)" in read(made)
    made.close()
    made = store_tokens(tmp_path / "b", np.full((6, 1, 4, 2, 2, 3), [0.3, 0.4, 0.7]))
    assert "Every dimension is constant or not finite: there is no variance to split." in read(made)
    made.close()


def test_what_the_store_does_not_hold_is_refused_in_a_sentence(store, tmp_path) -> None:
    for asked in ({"encoder": "other"}, {"frames": 3}, {"layer": "block:7"}):
        with pytest.raises(ReportError, match="no statistics by slice of .*; there are those of: toy"):  # fmt: skip
            blocks(store, **asked)
    with pytest.raises(NoVideos, match="matches no video"):
        blocks(store, where="frames > 100000")
    empty = synthetic_store(tmp_path / "empty", videos=0)
    with pytest.raises(ReportError, match="holds no statistics by slice: compute them with `tubelet backfill"):  # fmt: skip
        blocks(empty)
    empty.close()


def test_only_videos_of_a_condition_count(store) -> None:
    kept = blocks(store, where="name < 'video-00008'")
    assert "8 videos" in kept[0].markdown and len(table(kept, "videos").rows) == 8
