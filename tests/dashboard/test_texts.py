"""A text on the Video page: patches by their similarity to it, the slices that are most like it, and the command where it was never searched for."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.dashboard.test_dashboard import open_page, text
from tests.stores import synthetic_store
from tubelet.latent import clips
from tubelet.latent.colorings import Coloring, color_clip, fit_basis
from tubelet.latent.texts import keeping
from tubelet.latent.texts.head import SHARED
from tubelet.store import Store

ASKED = "a red <b>cup</b>"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Tokens stand in the space of texts; the text is the vector of patch (2, 3) of slice 1 of one clip, slices of one video are not read yet."""
    made = synthetic_store(tmp_path_factory.mktemp("texts") / "store")
    (encoder,) = made.rows("FROM encoders")
    head = keeping.HeadWeights(kind=SHARED, text_dim=16, weights={"width": np.ones(1, np.float32)}, settings={})  # fmt: skip
    keeping.save_head(made, encoder["encoder_id"], encoder["weights_sha256"], head)
    row = clips.with_embeddings(made, encoder["encoder_id"])[1]
    vector = clips.read(made, row)[1, 2, 3].astype(np.float64)
    keeping.save_text(made, encoder["encoder_id"], ASKED, vector / np.linalg.norm(vector))
    yield made
    made.close()


def test_a_text_lights_up_its_patch_and_ranks_the_slices_that_were_read(store: Store) -> None:
    (encoder_id,) = (row["encoder_id"] for row in store.rows("FROM encoders"))
    rows = clips.with_embeddings(store, encoder_id)
    basis = fit_basis(store, encoder_id, Coloring("text", keeping.name_text(encoder_id, ASKED)))
    colors = color_clip(store, rows[1].clip_id, basis)
    grid = clips.read(store, rows[1]).astype(np.float64)
    wanted = grid @ basis.vector / np.linalg.norm(grid, axis=-1)
    np.testing.assert_allclose(basis.coordinates(clips.open_clip(store, rows[1].clip_id))[..., 1], wanted, atol=1e-5)  # fmt: skip
    assert np.unravel_index(wanted.argmax(), wanted.shape) == (1, 2, 3)
    assert colors[1, 2, 3].tolist() == [255, 255, 255] and colors[wanted < np.median(wanted)].max() < 90  # fmt: skip
    kept = keeping.require_head(store, encoder_id)
    for row in rows[:2]:
        kept.read_slices(store, row)  # as a search leaves it
    url = {"video": rows[1].video_id, "color": "similarity to a text", "color-text": f" {ASKED} "}
    page = open_page("video", store, **url)
    assert not page.exception
    said = text(page)
    assert "Top 6 slices of 2 clips by the cosine of the whole slice" in said
    assert "1 clip not compared yet" in said and "Bright patches look like" in said
    assert f"`{ASKED}`" in said, "a text is data, and stands as code"
    assert sum(button.key.endswith(("text-1", "text-6")) for button in page.button) == 2


def test_a_text_that_was_never_searched_for_says_what_is_missing(store: Store) -> None:
    page = open_page("video", store, color="similarity to a text", **{"color-text": "a blue dog"})
    assert not page.exception
    assert "was not trained on captions" in page.info[0].value
    rows = store.query("FROM encoders")
    (encoder_id,) = rows["encoder_id"].to_pylist()
    captioned = rows.set_column(rows.column_names.index("family"), "family", [["SigLIP vision"]])
    captioned = captioned.set_column(rows.column_names.index("layer"), "layer", [["last"]])
    store.commit({"encoders": captioned}, {"encoders": [encoder_id]})
    page = open_page("video", store, color="similarity to a text", **{"color-text": "a blue dog"})
    assert not page.exception
    (command,) = [one.value for one in page.code if one.value.startswith("tubelet search")]
    assert f"--store={store.root}" in command and command.endswith("-- 'a blue dog'")
