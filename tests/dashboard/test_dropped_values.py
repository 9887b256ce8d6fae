"""A link that asks a widget for what it does not have: the page says what it shows instead, once, and says nothing of what it has."""

from collections.abc import Iterator

import pytest

from tests.dashboard.test_dashboard import open_page
from tests.stores import synthetic_store
from tests.tiers import thin
from tubelet.dashboard.dropped_values import LONGEST, describe_dropped
from tubelet.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("dropped") / "store", videos=26, clips=3)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("page", "asked", "said"),
    thin([
        ("video", {"color": "basis of July"}, "**color**: basis of July is not available here; using components of the corpus instead."),
        ("video", {"map": "maybe"}, "**map**: maybe is not available here; using off instead."),
        ("video", {"map": "true", "map-x": "length"}, "**map-x**: length is not available here; using component 1 instead."),
        ("corpus", {"section": "Nowhere"}, "**section**: Nowhere is not available here; using Videos instead."),
        ("corpus", {"page": "99"}, "**page**: 99 is not available here; using 1 instead."),
        ("sensitivity", {"shift": "99"}, "**shift**: 99 is not available here; using 2 instead."),
        ("sensitivity", {"resample": "label"}, "**resample**: label is not available here; using each video instead."),
        ("dimension", {"dimension": "first"}, "**dimension**: first is not available here; using 0 instead."),
    ], 3, spread=True),
)  # fmt: skip
def test_a_value_that_is_not_here_is_named_with_what_is_shown_instead(
    store: Store, page: str, asked: dict[str, str], said: str
) -> None:
    test = open_page(page, store, **asked)
    assert not test.exception
    [toast] = test.toast
    assert said in toast.value.replace("\\", "")
    assert not test.run().toast, "said once"


@pytest.mark.parametrize(
    ("page", "asked"),
    thin([
        ("video", {}),
        ("video", {"color": "clusters", "clusters": "20"}),
        ("video", {"color": "components of the corpus"}),  # the default, written out
        ("video", {"map": "TRUE", "map-of": "this window", "clusters": "5"}),  # not drawn: no clusters are shown
        ("corpus", {"section": "Videos", "view": "Pictures", "page": "1"}),
        ("sensitivity", {"shift": "2", "resample": "each label", "where": "duration_s > 0"}),
        ("sensitivity", {"resample": "each video"}),
        ("dimension", {"dimension": "3.0"}),
        ("sql", {"query": "SELECT  1", "picture": "table"}),
    ], 4, spread=True),
)  # fmt: skip
def test_values_that_are_here_are_not_spoken_of(
    store: Store, page: str, asked: dict[str, str]
) -> None:
    test = open_page(page, store, **asked)
    assert not test.exception
    assert not test.toast


def test_data_in_a_link_stays_text_and_short() -> None:
    said = describe_dropped({"color": f"**loud** {'x' * 900}"}, {"color": "[a](b)"})
    assert (
        ": `**loud** xx" in said and "using `[a](b)` instead." in said and len(said) < LONGEST * 4
    )
