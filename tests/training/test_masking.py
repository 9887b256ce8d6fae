"""`tubelet mask`: masks hide what they say, only the rest is seen, errors are those of the hidden tokens, and one picture shows all of it."""

import shutil
from contextlib import closing
from pathlib import Path
from threading import Event

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
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
from tubelet.store.disk import removal
from tubelet.store.disk.integrity import check, repair
from tubelet.store.disk.masked import read_masked
from tubelet.store.errors import StoreError
from tubelet.store.mask_kinds import PAINTED
from tubelet.store.schema import MASKING_TABLES, MASKINGS
from tubelet.training.masking import drawing
from tubelet.training.masking.basis import ColorBasis
from tubelet.training.masking.masks import MASKS, draw_mask
from tubelet.training.masking.measuring import find_nearest, measure_mask
from tubelet.training.masking.options import RATIOS, MaskOptions
from tubelet.training.masking.painting import spread_patches
from tubelet.training.masking.run import MaskFigures, MaskOutcome, measure_masks

GRID = (8, 10, 12)


def hide(kind: str, ratio: float | None = None, seed: int = 0, grid=GRID) -> np.ndarray:
    return draw_mask(kind, grid, RATIOS[kind] if ratio is None else ratio, seed)


@pytest.mark.parametrize("kind", MASKS)
def test_a_mask_is_the_same_for_the_same_seed(kind):
    assert RATIOS.keys() == {*MASKS, PAINTED}
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


def test_what_is_painted_on_a_slice_holds_until_the_next_painted_one():
    hidden = spread_patches("1.2.3, 1.2.4,4.0.0", None, (6, 3, 5))
    held = np.zeros((6, 3, 5), bool)
    held[1:4, 2, 3:], held[4:, 0, 0] = True, True
    assert np.array_equal(hidden, held)
    held[3:] = False
    assert np.array_equal(spread_patches("4.0.0,1.2.4,1.2.3,1.2.3", 2, (6, 3, 5)), held)
    assert not spread_patches("4.0.0", 3, (6, 3, 5)).any()


@pytest.mark.parametrize("rows, columns", [(4, 4), (14, 14), (24, 43)])
def test_a_painted_frame_is_one_patch_per_cell_at_every_size(rows, columns):
    corner = f"0.{rows - 1}.{columns - 1}"
    hidden = spread_patches(f"{corner},0.0.0", 1, (3, rows, columns))
    assert np.argwhere(hidden).tolist() == [[s, y, x] for s in (0, 1) for y, x in ((0, 0), (rows - 1, columns - 1))]  # fmt: skip
    for outside in (f"0.{rows}.0", f"0.0.{columns}", "3.0.0"):
        with pytest.raises(UsageError, match=f"--paint {outside} lies outside of a window of 3 x"):
            spread_patches(outside, None, (3, rows, columns))


def test_colors_are_those_of_the_widest_axes_whichever_way_they_are_computed():
    generator = np.random.default_rng(1)
    tokens = generator.normal(size=(40, 60)) * np.r_[9, 6, 3, np.full(57, 0.1)]
    wide, tall = ColorBasis(tokens), ColorBasis(np.concatenate([tokens] * 2))
    assert np.allclose(wide.project(tokens), tall.project(tokens), atol=1e-6)
    axes = np.linalg.svd(tokens - tokens.mean(0), full_matrices=False)[2][:3]
    expected = np.abs((tokens - tokens.mean(0)) @ axes.T)
    assert np.allclose(np.abs(wide.project(tokens)), expected, atol=1e-6)
    assert wide.color(tokens).min() == 0 and wide.color(tokens).max() == 255


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


SHOWN = """SELECT p.*, m.l1 FROM masking_projections p LEFT JOIN masked_tokens m USING (clip_id, masking_id, slice, y, x)
ORDER BY p.masking_id, slice, y, x"""


def test_a_painted_mask_is_kept_with_the_colors_of_all_its_tokens(ingested, tmp_path):
    shutil.copytree(ingested / "store", tmp_path / "store")
    clip = rows(tmp_path / "store", "SELECT min(clip_id) AS id FROM clips")[0]["id"]
    asked = {"mask": "painted", "clip": clip, "paint": "2.1.1,1.0.0", "until": 3}
    assert run(tmp_path / "store", **asked).measured == 1
    (kept,) = rows(tmp_path / "store", "FROM maskings")
    assert (kept["mask_kind"], kept["painted"]) == ("painted", "1.0.0,2.1.1-3")
    assert (kept["hidden_tokens"], kept["mask_ratio"]) == (3, None)
    shown = rows(tmp_path / "store", SHOWN)
    assert len(shown) == 5 * 4 * 4
    hidden = [(row["slice"], row["y"], row["x"]) for row in shown if row["hidden"]]
    assert hidden == [(1, 0, 0), (2, 1, 1), (3, 1, 1)]
    assert all((row["l1"] is not None) == row["hidden"] for row in shown)
    own = np.array([[row[f"own_c{n}"] for n in (1, 2, 3)] for row in shown])
    assert np.allclose(own.mean(0), 0, atol=1e-4) and own.var(0)[0] >= own.var(0)[2]
    assert any(row["c1"] != row["own_c1"] for row in shown)
    assert run(tmp_path / "store", **{**asked, "paint": "1.0.0,2.1.1"}).kept == 1
    assert run(tmp_path / "store", **{**asked, "until": 2}).measured == 1


@pytest.mark.long
def test_all_tokens_are_kept_as_files_that_are_checked_swept_and_removed(ingested, tmp_path):
    shutil.copytree(ingested / "store", tmp_path / "store")
    run(tmp_path / "store", mask="tube,future")
    store = Store(tmp_path / "store")
    kept = store.rows("FROM maskings ORDER BY masking_id")
    first = kept[0]
    tokens = read_masked(store, first["clip_id"], first["masking_id"])
    error = np.abs(tokens.target.astype(float) - tokens.shown).mean(-1)
    measured = store.rows("SELECT slice, y, x, l1 FROM masked_tokens WHERE masking_id = ? ORDER BY ALL", [first["masking_id"]])  # fmt: skip
    assert np.argwhere(tokens.hidden).tolist() == [[row["slice"], row["y"], row["x"]] for row in measured]  # fmt: skip
    assert error[tokens.hidden] == pytest.approx([row["l1"] for row in measured], abs=2e-3)
    files = sorted((tmp_path / "store/masked").iterdir())
    assert files == sorted(store.root / row["tokens_path"] for row in kept)
    table = pq.read_table(store.root / first["tokens_path"])
    assert table.column_names == ["clip_id", "slice", "y", "x", "hidden", "embedding", "target"]

    (store.root / first["tokens_path"]).write_bytes(b"gone bad")
    (tmp_path / "store/masked/abc-0123456789abcdef.parquet").write_bytes(b"of nobody")
    with pytest.raises(StoreError, match="is missing or has changed: run `tubelet check"):
        read_masked(store, first["clip_id"], first["masking_id"])
    problems = list(check(store))
    assert sorted(problem.what for problem in problems) == sorted(
        [f"masking {first['masking_id']}: its file of tokens has changed: its SHA-256 differs", "tokens that no masking refers to"]
    )  # fmt: skip
    repair(store, problems)
    assert list(check(store)) == [] and len(store.rows("FROM maskings")) == 3
    counted = "SELECT count(DISTINCT masking_id) AS n FROM "
    assert [store.rows(counted + t.name)[0]["n"] for t in MASKING_TABLES] == [3, 3, 3]

    gone = removal.choose(store, "maskings", [], "mask_kind = 'future'")
    assert removal.remove(store, gone).maskings == len(gone["maskings.masking_id"])
    left = store.rows("FROM maskings")
    assert {row["mask_kind"] for row in left} == {"tube"} and list(check(store)) == []
    said = removal.remove(store, removal.choose(store, "videos", [], "true"))
    assert said.maskings == len(left) and not list((tmp_path / "store/masked").iterdir())
    store.close()


def test_a_run_of_an_earlier_version_stays_and_is_completed_by_the_same_mask(ingested, tmp_path):
    shutil.copytree(ingested / "store", tmp_path / "store")
    asked = {"mask": "tube", "limit": 1}
    run(tmp_path / "store", **asked)
    with closing(Store(tmp_path / "store")) as store:
        (row,) = store.rows("FROM maskings")
        old = {name: None if name.startswith("tokens_") else value for name, value in row.items()}
        old["measured_at"] = row["measured_at"].replace(tzinfo=None)
        store.commit({"maskings": pa.Table.from_pylist([old], MASKINGS.arrow)}, {"maskings.masking_id": [row["masking_id"]]})  # fmt: skip
        (store.root / row["tokens_path"]).unlink()
        assert list(check(store)) == []
        with pytest.raises(StoreError, match="kept no tokens: an older version measured it"):
            read_masked(store, row["clip_id"], row["masking_id"])
    again = run(tmp_path / "store", **asked)
    assert (again.measured, again.kept) == (1, 0)
    (now,) = rows(tmp_path / "store", "FROM maskings")
    assert now["tokens_sha256"] == row["tokens_sha256"] and run(tmp_path / "store", **asked).kept == 1  # fmt: skip


def test_masks_that_are_stopped_leave_whole_windows(ingested, tmp_path):
    shutil.copytree(ingested / "store", tmp_path / "store")
    stopping, told = Event(), []
    stopping.set()
    with closing(Store(tmp_path / "store")) as store:
        options = MaskOptions(device="cpu", mask="tube,random")
        outcome = measure_masks(store, options, stopping, lambda *far: told.append(far))
    assert outcome.interrupted and outcome.exit_code == 130 and told == [(1, 2)]
    assert outcome.lines()[-1].startswith("stopped; everything measured so far is committed")
    counted = "SELECT count(DISTINCT masking_id) AS n, count(DISTINCT clip_id) AS clips FROM "
    for table in ("maskings", "masked_tokens", "masking_projections"):
        assert rows(tmp_path / "store", counted + table) == [{"n": 2, "clips": 1}]
    rest = run(tmp_path / "store", mask="tube,random")
    assert (rest.measured, rest.kept, rest.exit_code) == (2, 2, 0)


def test_a_window_that_memory_cannot_hold_is_named_and_the_others_are_measured(ingested, tmp_path, monkeypatch):  # fmt: skip
    """A device that holds one pass of the encoder and not the next says so as torch does."""
    shutil.copytree(ingested / "store", tmp_path / "store")
    forward, passes = torch.nn.functional.scaled_dot_product_attention, []

    def run_out(*given, **named):
        passes.append(1)
        if len(passes) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return forward(*given, **named)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", run_out)
    outcome = run(tmp_path / "store", mask="tube")
    (problem,) = outcome.problems
    assert "mp4: out of memory for one window: use --precision bf16" in problem
    assert (outcome.measured, outcome.exit_code) == (1, 1)


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
        ({"mask": "multi-block", "ratio": 0.5}, "--ratio: multi-block hides a fixed share"),
        ({"ratio": 1.5, "mask": "tube"}, "--ratio"),
        ({"mask": "painted", "paint": "0.0.0"}, "--mask painted needs --paint .* and --clip"),
        ({"mask": "painted", "clip": "c"}, "--mask painted needs --paint"),
        ({"paint": "0.0.0"}, "--paint is for --mask painted: add it, or leave --paint out"),
        ({"until": 2}, "--until is for --mask painted"),
        ({"mask": "painted", "clip": "c", "paint": "1.2"}, "is not a list of patches: write slice"),
        ({"mask": "painted", "clip": "c", "paint": ",".join(["0.0.0"] * 201)}, "more than 200"),
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
