"""The Video page's introduction and its choice of layer, and the address at which the demo opens them."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import numpy as np
import pyarrow as pa
import pytest

from tests.dashboard.test_dashboard import open_page, stands, text
from tests.stores import Recipe, encoder_row, synthetic_store
from tubelet.dashboard.selection import ChosenEncoder, name_encoders
from tubelet.dashboard.tour import tour_address
from tubelet.latent.highlight import find_highlight
from tubelet.latent.workspace import Workspace
from tubelet.store import Store
from tubelet.store.questions import corpus
from tubelet.store.schema import ENCODERS, SEGMENTATION, TABLES, TRACKING, Table

LAYERS = {"a": ("0-1", SEGMENTATION), "b": ("2-3", TRACKING)}  # by the letter that ids begin with
SOURCE = "untrained-baselines/untrained-7.pth"  # trained weights with such a name


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The synthetic store, and the same clips by two layers of a trained encoder."""
    made = synthetic_store(tmp_path_factory.mktemp("tour") / "store", videos=3, clips=2, side=8)
    own = encoder_row(Recipe(side=8))
    layers = [
        own
        | {
            "encoder_id": letter * 16,
            "name": "net",
            "layer": layer,
            "suits": suits,
            "weights_source": SOURCE,
        }
        for letter, (layer, suits) in LAYERS.items()
    ]
    made.commit({"encoders": pa.Table.from_pylist(layers, ENCODERS.arrow)})
    made.commit({name: copy_rows(made, table) for name, table in TABLES.items() if of_clip(table)})
    yield made
    made.close()


def of_clip(table: Table) -> bool:
    return table.key[0] == "clip_id"


def copy_rows(store: Store, table: Table) -> pa.Table:
    """The rows of the synthetic encoder's clips, as those of both layers, each with an embedding file of its own."""
    copies = [
        row
        | {"clip_id": 4 * letter + row["clip_id"][4:]}
        | ({"embedding_path": copy_file(store, letter, row)} if "embedding_path" in row else {})
        | ({"encoder_id": letter * 16} if "encoder_id" in row else {})
        | (
            {"embedding": np.asarray(row["embedding"], "<f2").tobytes()}
            if "embedding" in row
            else {}
        )
        for letter in LAYERS
        for row in store.rows(f"FROM {table.name}")
    ]
    return pa.Table.from_pylist(copies, table.arrow)


def copy_file(store: Store, letter: str, row: dict) -> str:
    """Path below the store of the embedding file of a clip, copied for another layer."""
    path = Path(row["embedding_path"])
    copied = path.with_name(4 * letter + path.name[4:])
    shutil.copy(store.root / path, store.root / copied)
    return str(copied)


def opened(store: Store) -> dict[str, str]:
    """The parameters of the address at which the demo opens a store."""
    page, _, query = tour_address(find_highlight(Workspace(store))).partition("?")
    assert page == "video"
    return dict(parse_qsl(query))


def links(test) -> dict[str, dict[str, str]]:
    """Parameters of each link of a page, by its label."""
    found = [element.proto for element in test.main if element.type == "page_link"] or [
        element.proto for element in test.get("page_link")
    ]
    return {link.label: dict(parse_qsl(link.query_string)) for link in found}


def test_the_demo_opens_at_a_patch_of_the_layer_that_suits_segmentation(store: Store) -> None:
    address = opened(store)
    assert address["encoder"] == "a" * 16 and address["clip"].startswith("a")
    test = open_page("video", store, **address)
    shown = text(test)
    assert not test.exception and not test.warning
    assert "**net**, layer 0-1, describes each patch" in shown
    assert "Found in **" in shown and "of this window. Chance level" in shown, "its track is shown"


def test_the_introduction_leads_to_five_places(store: Store) -> None:
    address = opened(store)
    found = links(open_page("video", store, **address))
    assert found["Colors of this window"]["color"] == "components of this window"
    assert found["Track"]["encoder"] == "b" * 16
    assert found["Track"]["patches"] == found["Track"]["clip"] + address["patches"][16:]
    foreground, _, background = found["Segment"]["segment"].partition("~")
    assert foreground == address["patches"] and background
    assert found["Windows"]["pair"] and found["Windows"]["video"] == address["video"]
    assert address["clip"] in found["SQL"]["query"]


def test_the_introduction_is_closed_for_good_and_shown_only_where_asked_for(store: Store) -> None:
    address = opened(store)
    test = open_page("video", store, **address)
    (button,) = (one for one in test.button if one.label == "Close introduction")
    button.click().run()
    assert "describes each patch" not in text(test) and stands(test, "tour") == ""
    assert stands(test, "patches") == address["patches"]
    del address["tour"]
    assert "describes each patch" not in text(open_page("video", store, **address))


def test_the_page_says_which_layer_is_shown_and_offers_the_other_at_the_same_place(
    store: Store,
) -> None:
    address = opened(store) | {"slice": "2"}
    test = open_page("video", store, **address)
    assert "You see layer **0-1** of net, which suits segmentation." in text(test)
    other = links(test)["Layer 2-3 suits tracking"]
    assert other["encoder"] == "b" * 16 and other["slice"] == "2"
    back = open_page("video", store, **other)
    assert "You see layer **2-3** of net, which suits tracking." in text(back)
    assert links(back)["Layer 0-1 suits segmentation"]["clip"] == address["clip"]
    alone = store.rows("SELECT encoder_id FROM encoders WHERE name = 'toy'")[0]["encoder_id"]
    assert "You see layer" not in text(open_page("video", store, encoder=alone))


def test_a_store_without_embeddings_opens_on_its_first_page(tmp_path: Path) -> None:
    bare = synthetic_store(tmp_path / "bare", videos=2, embeddings=False)
    assert find_highlight(Workspace(bare)) is None
    bare.close()


def test_only_random_weights_are_called_untrained(store: Store) -> None:
    """A file or folder of trained weights may have the word in its name."""
    rows = corpus.encoders().answer(store).to_pylist()
    assert {row["name"]: row["untrained"] for row in rows} == {"net": False, "toy": True}
    shown = text(open_page("video", store, encoder="a" * 16))
    assert "untrained weights" not in shown
    assert "untrained weights in this store:] toy" in text(open_page("corpus", store))


def test_encoders_are_chosen_by_name_and_layer() -> None:
    a, b = (
        ChosenEncoder(encoder_id=id_, name="net", layer="0-1", untrained=False)
        for id_ in ("net-0-1-111111", "net-0-1-222222")
    )
    c = ChosenEncoder(encoder_id="net-last-333333", name="net", layer="last", untrained=False)
    assert name_encoders([a, c]) == {
        a.encoder_id: "net, layer 0-1",
        c.encoder_id: "net, layer last",
    }
    assert name_encoders([a, b])[b.encoder_id] == "net, layer 0-1 (222222)"
