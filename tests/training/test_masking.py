"""`tubelet mask`: masks hide what they say, only the rest is seen, errors are those of the hidden tokens, and one picture shows all of it."""

import shutil
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.contents import contents, rows
from tests.ingest.test_surprise import ROWS, SLICES, frames, networks  # noqa: F401 - a fixture
from tests.ingest.test_surprise_store import ingest
from tests.videos import make_video
from tubelet.ingest.errors import UsageError
from tubelet.ingest.networks.vjepa import Masks
from tubelet.store import Store
from tubelet.store.disk.integrity import check
from tubelet.training.masking import drawing
from tubelet.training.masking.masks import MASKS, draw_mask
from tubelet.training.masking.measuring import find_nearest, measure_mask
from tubelet.training.masking.options import RATIOS, MaskOptions
from tubelet.training.masking.run import MaskFigures, MaskOutcome, measure_masks

GRID = (8, 10, 12)


def hide(kind: str, ratio: float | None = None, seed: int = 0, grid=GRID) -> np.ndarray:
    return draw_mask(kind, grid, RATIOS[kind] if ratio is None else ratio, seed)


@pytest.mark.parametrize("kind", RATIOS)
def test_a_mask_is_the_same_for_the_same_seed(kind):
    assert RATIOS.keys() == MASKS.keys()
    hidden = hide(kind, seed=3)
    assert hidden.shape == GRID and hidden.dtype == bool
    assert np.array_equal(hidden, hide(kind, seed=3))
    drawn = kind in ("multi-block", "multi-block-long", "tube", "random")
    assert any(not np.array_equal(hidden, hide(kind, seed=seed)) for seed in range(4, 9)) is drawn


def test_masks_hide_what_they_say():
    tube, random = hide("tube", 0.75), hide("random", 0.6)
    assert (tube == tube[:1]).all() and (~tube[0]).sum() == 30
    assert (~random).sum() == int(0.4 * 960) and not (random == random[:1]).all()
    assert hide("multi-block").mean() == pytest.approx(0.61, abs=0.2)
    assert (hide("multi-block-long") == hide("multi-block-long")[:1]).all()
    assert hide("future", 0.25).any((1, 2)).tolist() == [False] * 6 + [True] * 2
    assert hide("past", 0.25).all((1, 2)).tolist() == [True] * 2 + [False] * 6
    assert hide("every-other").all((1, 2)).tolist() == [False, True] * 4


@pytest.mark.parametrize(
    ("kind", "ratio", "said"),
    [
        ("future", 0.01, "hides nothing"),
        ("tube", 0.999, "hides all"),
        ("every-other", 0, "nothing"),
    ],
)
def test_a_mask_that_hides_all_or_nothing_is_refused(kind, ratio, said):
    grid = (1, 10, 12) if kind == "every-other" else GRID
    with pytest.raises(UsageError, match=said):
        draw_mask(kind, grid, ratio, 0)


def test_the_nearest_seen_token_is_nearest_in_the_grid():
    hidden = hide("random", 0.9, grid=(4, 5, 6))
    places = np.argwhere(np.ones_like(hidden)).astype(float)
    context, targets = np.flatnonzero(~hidden), np.flatnonzero(hidden)
    found = find_nearest(torch.from_numpy(context), torch.from_numpy(targets), hidden.shape)
    apart = np.linalg.norm(places[targets][:, None] - places[context][None], axis=-1)
    assert np.allclose(apart[np.arange(len(targets)), found.numpy()], apart.min(1))


def test_errors_are_those_of_the_hidden_tokens_from_the_seen_ones_alone(frames):  # noqa: F811
    ours, hidden = networks("2.1"), np.zeros((SLICES, ROWS, 5), bool)
    hidden[2:, 1] = True
    found = measure_mask(ours, frames, hidden)
    pixels, flat = ours.encoder.normalize(frames[None]), torch.from_numpy(hidden.ravel())
    context, targets = (~flat).nonzero().T, flat.nonzero().T
    told = ours.predict(ours.see(pixels, context), Masks(context, targets, hidden.shape))[0]
    truth = ours.view(pixels)[0][targets[0]]
    assert found.errors["l1"] == pytest.approx((truth - told).abs().mean(-1).numpy(), abs=1e-5)
    assert all(values.shape == (10,) for values in found.errors.values())
    means = found.means
    assert means["l1_over_near"] == pytest.approx(means["l1"] / means["near_l1"])
    assert means["near_l1"] == pytest.approx(found.errors["near_l1"].mean(), rel=1e-5)
    other = frames.clone()
    other[4:, :, 16:32] = 0  # where everything is hidden
    assert torch.allclose(measure_mask(ours, other, hidden).filled, found.filled, atol=1e-5)


@pytest.fixture(scope="module")
def ingested(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masked")
    for name, frames_ in (("a", 20), ("b", 11)):
        make_video(folder / f"videos/{name}.mp4", frames=frames_, height=64, width=64, seed=frames_)
    ingest(folder / "videos", folder / "store", size="64")
    return folder


def run(root, **asked) -> MaskOutcome:
    with closing(Store(root)) as store:
        return measure_masks(store, MaskOptions(**{"device": "cpu", **asked}))


def test_masks_are_measured_once_kept_and_drawn(ingested, tmp_path):
    shutil.copytree(ingested / "store", tmp_path / "store")
    outcome = run(tmp_path / "store", mask="tube,every-other", draw=tmp_path / "masks.png")
    assert (outcome.measured, outcome.kept, outcome.exit_code) == (4, 0, 0)
    assert [one.mask_kind for one in outcome.figures] == ["tube", "every-other"]
    assert [one.windows for one in outcome.figures] == [2, 2]
    joined = """SELECT count(*) AS n, max(abs(m.l1 - t.l1)) AS away, min(m.hidden_tokens = t.n) AS all FROM maskings m
JOIN (SELECT masking_id, count(*) AS n, avg(l1) AS l1 FROM masked_tokens GROUP BY 1) t USING (masking_id)"""
    (found,) = rows(tmp_path / "store", joined)
    assert found["n"] == 4 and found["away"] < 1e-5 and found["all"]
    before = contents(tmp_path / "store")
    again = run(tmp_path / "store", mask="every-other,tube")
    assert (again.measured, again.kept) == (0, 4) and contents(tmp_path / "store") == before
    assert {one.mask_kind: one.l1 for one in again.figures} == {one.mask_kind: one.l1 for one in outcome.figures}  # fmt: skip
    with closing(Store(tmp_path / "store")) as store:
        assert not list(check(store))
    image = np.asarray(Image.open(tmp_path / "masks.png"))
    step = drawing.TILE + drawing.GAP
    assert image.shape == (2 * (5 * step + drawing.HEAD) + drawing.GAP, 5 * step + drawing.GAP, 3)
    second = image[drawing.GAP + drawing.HEAD + 5 * step + drawing.HEAD :][: drawing.TILE]
    tiles = [second[:, drawing.GAP + at * step :][:, : drawing.TILE] for at in range(5)]
    assert [(tile == drawing.HIDDEN).all() for tile in tiles] == [False, True, False, True, False]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"clip": "nothing"}, "holds no clip nothing of vjepa2.1-untrained"),
        ({"mask": "future", "ratio": 0.01}, "hides nothing of a window of 5 x 4 x 4"),
        ({"encoder": "nobody"}, "holds no encoder nobody"),
    ],
)
def test_what_cannot_be_masked_is_refused_in_a_sentence(ingested, asked, said):
    with pytest.raises(Exception, match=said):
        run(ingested / "store", **asked)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"mask": "stripes"}, "--mask stripes: choose multi-block"),
        ({"mask": ""}, "--mask is empty"),
        ({"mask": "multi-block", "ratio": 0.5}, "--ratio: multi-block decides itself"),
        ({"ratio": 1.5, "mask": "tube"}, "--ratio"),
        ({"draw": Path("a.jpg")}, "is not a PNG"),
        ({"draw": Path("absent/a.png")}, "absent is not a folder: create it"),
    ],
)
def test_options_of_masks_that_are_none_are_refused(asked, said):
    with pytest.raises(UsageError, match=said):
        MaskOptions(**asked)


def test_a_line_says_what_the_predictor_is_worse_than():
    asked = {"mask_kind": "tube", "windows": 2, "hidden": 0.75}
    poor = MaskFigures(**asked, l1=0.6, near_l1=0.3, mean_l1=0.5).line
    assert "2.00 times a copy of the nearest seen token" in poor
    assert poor.endswith(": worse than copying a neighbor and the mean token")
    assert "worse" not in MaskFigures(**asked, l1=0.2, near_l1=0.3, mean_l1=0.5).line
