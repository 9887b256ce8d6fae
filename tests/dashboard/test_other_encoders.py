"""Where a report has nothing of the chosen encoder, its page leads to those of which there is something."""

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.test_dashboard import stands
from tests.planted_changes import plant_changes
from tests.planted_surprise import plant_surprise
from tests.stores import Recipe, encoder_row, synthetic_store
from tubelet.store.schema import ENCODERS


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = synthetic_store(tmp_path_factory.mktemp("refusals") / "store", videos=3)
    plant_changes(made, {("flip", None): 0.2, ("blur", 2.0): 0.3}, videos=3)
    plant_surprise(made)
    other = encoder_row(Recipe()) | {"encoder_id": "other", "name": "other"}
    made.commit({"encoders": pa.Table.from_pylist([other], ENCODERS.arrow)})
    yield made
    made.close()


def report_script(name: str, path: str) -> None:
    """What the app does for the page of a report; AppTest runs its source."""
    from tubelet.dashboard import address, caching, report_page, selection

    store = caching.open_store(path)
    report_page.make_pages(())[name].show(store, selection.choose(store))
    address.settle(name)


@pytest.mark.parametrize("name", ["changes", "dimensions", "prediction"])
def test_a_report_without_the_chosen_encoder_leads_to_one_that_has_it(store, name):
    test = AppTest.from_function(report_script, args=(name, str(store.root)), default_timeout=60)
    test.query_params["encoder"] = "other"
    test.run()
    assert "store`; there are those of: toy" in test.warning[0].value
    next(one for one in test.button if one.label.startswith("Show toy")).click().run()
    assert stands(test, "encoder") == encoder_row(Recipe())["encoder_id"]
    assert not test.exception and not test.warning and test.dataframe


def test_a_window_length_that_the_chosen_encoder_lacks_offers_no_button_for_that_encoder(store):
    test = AppTest.from_function(
        report_script, args=("changes", str(store.root)), default_timeout=60
    )
    test.query_params["encoder"] = encoder_row(Recipe())["encoder_id"]
    test.query_params["changes-frames"] = "99"
    test.run()
    assert "frames 99 are in" in test.warning[0].value
    assert not any(one.label.startswith("Show ") for one in test.button)
