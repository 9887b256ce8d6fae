"""Row classes: their fields are the schema's columns, of the schema's types, and nothing of a row is lost on the way."""

import typing
from dataclasses import FrozenInstanceError, fields
from datetime import datetime
from types import NoneType

import pyarrow as pa
import pytest

from tests.stores import synthetic_store
from tubelet.store.rows import (
    ClipRow,
    EncoderRow,
    FailureRow,
    PairRow,
    PlaceRow,
    PlannedClip,
    VideoRow,
)
from tubelet.store.schema import CLIPS, ENCODERS, FAILURES, MOMENT, PAIRS, PLACES, VIDEOS

ROWS = {
    VideoRow: VIDEOS,
    EncoderRow: ENCODERS,
    ClipRow: CLIPS,
    PairRow: PAIRS,
    FailureRow: FAILURES,
    PlaceRow: PLACES,
}
TYPES = {
    "VARCHAR": str,
    "BOOLEAN": bool,
    "DOUBLE": float,
    "FLOAT": float,
    MOMENT: datetime,
    "INTEGER[]": list[int],
    "DOUBLE[]": list[float],
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = synthetic_store(tmp_path_factory.mktemp("rows") / "store", videos=4, clips=2)
    yield made
    made.close()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_the_fields_of_a_row_are_the_columns_of_its_table(row):
    hints, columns = (
        typing.get_type_hints(row),
        {column.name: column for column in ROWS[row].columns},
    )
    assert {field.name for field in fields(row)} == columns.keys()
    for name, column in columns.items():
        told = (
            set(typing.get_args(hints[name]))
            if isinstance(hints[name], typing.types.UnionType)
            else {hints[name]}
        )
        assert told - {NoneType} == {TYPES.get(column.type, int)}, name
        assert name not in ROWS[row].key or NoneType not in told, (
            f"{name} is a key: it is never NULL"
        )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_a_row_is_what_the_table_says_and_says_it_again(store, row):
    held = store.rows(f"FROM {ROWS[row].name}")
    made = [row.of(one) for one in held]
    assert held and [one.columns for one in made] == held
    assert [{name: one[name] for name in held[0]} for one in made] == held
    hints = typing.get_type_hints(row)
    for one in made:
        assert all(
            isinstance(one[name], typing.get_origin(hints[name]) or hints[name])
            for name in held[0]
            if not typing.get_args(hints[name])
        )
        again = pa.Table.from_pylist([one.columns], ROWS[row].arrow)
        assert again.num_rows == 1


def test_rows_are_frozen_and_by_name_alone(store):
    clip = ClipRow.of(store.rows("FROM clips")[0])
    with pytest.raises(FrozenInstanceError):
        clip.slices = 3
    with pytest.raises(TypeError):
        PairRow(
            pair_id="a",
            video_id="b",
            encoder_id="c",
            clip_a="d",
            clip_b="e",
            kind="shifted",
            shift=1,
            shared_slices=3,
            source="live",
            precision="fp32",
            change=datetime(2026, 1, 1),
        )
    with pytest.raises(KeyError, match="height"):
        clip["height"]
    with pytest.raises(KeyError, match="clip_id"):
        ClipRow.of({})


def test_a_clip_grows_from_its_plan_to_what_is_stored(store):
    (held, *_) = store.rows("FROM clips ORDER BY clip_id")
    planned = PlannedClip.of(held)
    shape = tuple(held[name] for name in ("slices", "grid_height", "grid_width", "embed_dim"))
    encoded = planned.encode(shape, held["encode_s"], held["created_at"])
    assert encoded.embedding_path is None and encoded.positions == shape[:3]
    stored = encoded.store(
        held["embedding_path"], held["embedding_bytes"], held["embedding_sha256"]
    )
    assert stored.columns == {name: held[name] for name in stored.columns} and stored == ClipRow.of(
        held
    )
    with pytest.raises(ValueError, match="unpack"):
        planned.encode((2, 3, 4), 0.1, held["created_at"])
