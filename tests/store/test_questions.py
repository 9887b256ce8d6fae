"""Every question of the store: asked once on a small store, and shown to readers as the SQL that ran."""

import inspect
import pkgutil
import re
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from importlib import import_module
from types import NoneType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.ordering import sort_unordered
from tests.stores import synthetic_store
from tubelet.store import Store, questions
from tubelet.store.questions import (
    changes,
    clips,
    comparison,
    corpus,
    dimensions,
    rows,
    sensitivity,
)
from tubelet.store.questions.corpus import Question, VideoFilter
from tubelet.store.rows import ClipRow, PairRow, Row

ARROW = {
    str: {pa.string()},
    datetime: {pa.timestamp("us"), pa.timestamp("us", "UTC")},
    bool: {pa.bool_()},
    int: {pa.int8(), pa.int16(), pa.int32(), pa.int64()},
    float: {pa.float32(), pa.float64()},
}  # types of a column, by that of a field
QUOTED = "it's 100 % -- $none"  # text of a reader


def list_questions() -> dict[str, Callable[..., Question]]:
    """Every public function below `store/questions` that returns a question."""
    modules = [
        import_module(f"{questions.__name__}.{found.name}")
        for found in pkgutil.iter_modules(questions.__path__)
    ]
    return {
        f"{module.__name__.rpartition('.')[2]}.{name}": function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and inspect.signature(function).return_annotation in (Question, "Question")
        and not name.startswith("_")
    }


def list_rows() -> dict[str, type[Row]]:
    """Every class of an answer's rows, by the question that its docstring names."""
    classes = [
        one
        for _, one in inspect.getmembers(rows, inspect.isclass)
        if one.__module__ == rows.__name__
    ]
    return {re.findall(r"`(\w+\.\w+)`", one.__doc__ or "")[0]: one for one in classes}


QUESTIONS, ROWS = list_questions(), list_rows()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(
        tmp_path_factory.mktemp("questions") / "store", videos=3, clips=2, slices=8
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def arguments(store: Store) -> Mapping[str, Any]:
    """What a question is asked with, by the name of its argument."""
    (pair,) = store.rows("FROM pairs ORDER BY pair_id LIMIT 1")
    (scope,) = sensitivity.scopes().answer(store).to_pylist()[:1]
    of = ClipRow.of(clips.clip(pair["clip_a"]).answer(store).to_pylist()[0])
    encoder = pair["encoder_id"]
    return {
        "clip_id": pair["clip_a"],
        "video_id": pair["video_id"],
        "video_ids": [pair["video_id"]],
        "clip_ids": [pair["clip_a"], pair["clip_b"]],
        "pair_id": pair["pair_id"],
        "pair": PairRow.of(pair),
        "encoder_id": encoder,
        "encoders": [encoder],
        "measure": QUOTED,
        "of": of,
        "videos": VideoFilter(encoder_id=encoder, text=QUOTED),
        "ReactionScope": changes.ReactionScope(encoder_id=encoder, frames=scope["frame_count"], setting=QUOTED),
        "StateScope": dimensions.StateScope(encoder_id=encoder, frames=of.frame_count, slices=of.slices, layer="none", pooled=False),
        "source": comparison.STATISTICS,
        "layers": ["none"],
        "scope": sensitivity.PairScope(encoder_id=encoder, frames=scope["frame_count"], shift=scope["shift"]),
        "frames": scope["frame_count"],
        "setting": scope["setting"],
        "kind": "shifted",
        **dict.fromkeys(("several", "largest"), True),
        "name": QUOTED,
        "names": ["folder"],
        "chosen": [pair["video_id"]],
        "order": next(iter(corpus.ORDERS)),
        "statistic": "norm",
        "text": QUOTED,
        "tokens": [0, 3],
        **dict.fromkeys(("run_id", "probe_id", "transition_id", "masking_id"), "none"),
        "per_video": 2,
        "context": 4, "horizon": 1,
        **dict.fromkeys(("match", "side"), QUOTED),
        "limit": 5,
        "offset": 0,
        "shared_slice": 0,
        "dim": 1,
        "y": 0,
        "x": 0,
    }  # fmt: skip


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_question_is_answered_and_shows_the_sql_that_ran(
    name: str, store: Store, arguments: Mapping[str, Any]
) -> None:
    refuse_unsound(QUESTIONS[name], store, arguments)


def pose(ask: Callable[..., Question], arguments: Mapping[str, Any]) -> Question:
    """A question about the store of the tests."""
    wanted = inspect.signature(ask).parameters
    keys = {name: _key(one, arguments) for name, one in wanted.items()}
    unknown = [
        name
        for name, one in wanted.items()
        if keys[name] not in arguments and one.default is one.empty
    ]
    assert not unknown, f"write a value for {', '.join(unknown)} as a row of `arguments`"
    return ask(**{name: arguments[key] for name, key in keys.items() if key in arguments})


def _key(parameter: inspect.Parameter, arguments: Mapping[str, Any]) -> str:
    """The row of `arguments`: that of its class, where there is one, else that of its name."""
    class_ = getattr(parameter.annotation, "__name__", "")
    return class_ if class_ in arguments else parameter.name


def refuse_unsound(
    ask: Callable[..., Question], store: Store, arguments: Mapping[str, Any]
) -> None:
    """A question says what a row of it is, binds each of its values, and its shown text has the answer that it has."""
    wanted = inspect.signature(ask).parameters
    assert ask.__doc__, "its docstring says what a row is"
    asked = pose(ask, arguments)
    assert set(re.findall(r"\$(\w+)", asked.sql)) == set(asked.values)
    texts = [arguments[name] for name in wanted if isinstance(arguments.get(name), str)]
    written = [text for text in texts if f"'{text}'" in asked.sql and text != "shifted"]
    assert not written, f"bind {written} instead of writing them into the SQL"
    answers = asked.answer(store), store.query(asked.text)
    assert _agree(*(sort_unordered(asked.text, answer) for answer in answers))


def _agree(a: pa.Table, b: pa.Table) -> bool:
    """Whether two answers are the same but for the last digits of sums, which threads add in any order."""
    floats = [field.name for field in a.schema if pa.types.is_floating(field.type)]
    near = (
        np.allclose(a[name].to_numpy(), b[name].to_numpy(), rtol=1e-9, atol=1e-12, equal_nan=True)
        for name in floats
    )
    return a.schema == b.schema and a.drop(floats).equals(b.drop(floats)) and all(near)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda video_id: Question(f"SELECT name FROM videos WHERE video_id = '{video_id}'"),
        lambda video_id: Question("SELECT name FROM videos", {"video": video_id}),
        lambda text: Question(f"SELECT name FROM videos WHERE name = '{text}'"),
        lambda video_id: Question(
            "SELECT nothing FROM videos WHERE $video = ''", {"video": video_id}
        ),
        lambda unheard_of: Question("SELECT name FROM videos"),
    ],
    ids=["written in", "not used", "text written in", "no such column", "unknown argument"],
)
def test_a_wrong_question_is_noticed(
    wrong: Callable[..., Question], store: Store, arguments: Mapping[str, Any]
) -> None:
    wrong.__doc__ = "One row per video."
    with pytest.raises(Exception, match="assert|bind|nothing|write a value|syntax"):
        refuse_unsound(wrong, store, arguments)


def test_questions_are_found() -> None:
    assert len(QUESTIONS) > 60


@pytest.mark.parametrize("name", ROWS)
def test_the_fields_of_a_row_are_the_columns_of_its_question(
    name: str, store: Store, arguments: Mapping[str, Any]
) -> None:
    refuse_misread(ROWS[name], pose(QUESTIONS[name], arguments).answer(store))


def refuse_misread(row: type[Row], answer: pa.Table) -> None:
    """A row class has the columns of an answer, each in its type, and `None` only where its field says so."""
    hints = typing.get_type_hints(row)
    assert {field.name for field in fields(row)} == set(answer.column_names)
    for name in answer.column_names:
        allowed = set(typing.get_args(hints[name])) or {hints[name]}
        column = answer[name]
        assert column.type in ARROW[(allowed - {NoneType}).pop()], f"{name} is {column.type}"
        assert NoneType in allowed or not column.null_count, f"{name} has NULL"
    assert [row.of(found).columns for found in answer.to_pylist()] == answer.to_pylist()


@pytest.mark.parametrize(
    "answer", [{"stage": ["open"]}, {"stage": [1]}, {"stage": [None], "error": ["e"]}, {"stage": ["s"], "error": [None]}]
)  # fmt: skip
def test_a_row_class_that_misreads_its_question_is_refused(answer: dict[str, list]) -> None:
    with pytest.raises(AssertionError):
        refuse_misread(rows.VideoFailure, pa.table({**answer, "first_frame": pa.array([3], pa.int32())}))  # fmt: skip
