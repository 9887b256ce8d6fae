"""Every picture has its SQL: what the pages ask and show gives the same rows when it is opened on the SQL page."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest

from tests.dashboard.test_dashboard import open_page
from tests.dashboard.test_parameters import everything
from tests.ordering import sort_unordered
from tests.planted_maskings import plant_masking
from tests.reports import test_catalogue
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.dashboard.parameters import PAGES
from tubelet.reports.catalogue import REPORTS
from tubelet.store import Store
from tubelet.store.questions.corpus import Question
from tubelet.store.rows import ClipRow
from tubelet.store.sandbox.untrusted import ask

LEAST = {
    "corpus": 5,
    "video": 12,
    "windows": 6,
    "sensitivity": 5,
    "dimension": 8,
    "masking": 3,
    "sql": 1,
    "jobs": 0,
    "help": 0,
    "changes": 3,
    "probes": 2,
    "scores": 3,
    "dimensions": 5,
    "encoders": 2,
    "prediction": 3,
    "transition": 3,
}  # queries of a page


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("walk") / "films", videos=3, clips=2, slices=8)
    first = (
        "SELECT c.* FROM clips c JOIN videos USING (video_id) ORDER BY name, first_frame LIMIT 1"
    )
    for kind in ("tube", "random"):
        plant_masking(made, ClipRow.of(made.rows(first)[0]), kind)
    yield made
    made.close()


@pytest.mark.parametrize(
    "page", thin(sorted({*PAGES, *REPORTS}), ["corpus", "masking", "sensitivity", "sql"])
)
def test_what_a_page_asks_gives_the_same_rows_in_the_workbench(
    page: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    store = request.getfixturevalue("store" if page in PAGES else "planted_everything")
    found: dict[str, Question] = {}
    written = Question.text.fget

    def note(question: Question) -> str:
        text = written(question)
        found[text] = question
        return text

    monkeypatch.setattr(Question, "text", property(note))
    asked = everything(store, page) if page in PAGES else {}
    test = (open_page if page in PAGES else test_catalogue.open_page)(page, store, **asked)
    assert not test.exception
    shown = {code.value for code in test.code if code.language == "sql"}
    assert len(found) >= LEAST[page] and (shown or page in ("sql", "jobs", "help"))
    assert shown <= found.keys(), "the SQL that a page shows is that of a named query"
    for text, question in dict(found).items():
        answers = ask(store, text).table, question.answer(store)
        assert _alike(*(sort_unordered(text, answer) for answer in answers)), text


def _alike(found: pa.Table, right: pa.Table) -> bool:
    """Whether two tables hold the same rows, numbers within the last digits that an order of summation may change."""
    if found.schema.names != right.schema.names or len(found) != len(right[:10_000]):
        return False
    return found.equals(right) or all(
        _alike_columns(a.to_pylist(), b.to_pylist())
        for a, b in zip(found.columns, right[:10_000].columns)
    )


def _alike_columns(found: list, right: list) -> bool:
    if found == right:
        return True
    numbers = [
        np.array([np.nan if v is None else v for v in part], object) for part in (found, right)
    ]
    try:
        return np.allclose(
            *(part.astype(float) for part in numbers), rtol=1e-6, atol=1e-9, equal_nan=True
        )
    except (TypeError, ValueError):
        return False
