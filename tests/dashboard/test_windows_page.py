"""The Windows page: what it says against the rows, its 8-bit differences against the grids, its questions, and stores with little to show."""

import json
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from tests.dashboard.test_dashboard import open_page, stands, text
from tests.stores import Recipe, encoder_row, synthetic_store
from tubelet.dashboard.components import matrix
from tubelet.dashboard.windows import choice
from tubelet.dashboard.windows import page as windows
from tubelet.store import Store, StoreError
from tubelet.store.pairs.differences import measure_differences, quantize_differences
from tubelet.store.pairs.measurement import Side, measure
from tubelet.store.pairs.rows import CHANGED, DISJOINT, LIVE, REPEATED, SHIFTED, Pair, pair_rows
from tubelet.store.questions import pairs
from tubelet.store.questions.rows import ControlNoise, ListedPair, ShownPair
from tubelet.store.sandbox.untrusted import ask
from tubelet.store.schema import CLIPS, ENCODERS

AT = datetime(2026, 11, 1)


def add_pairs(store: Store, clips: int = 100) -> None:
    """Of the first clips: a shifted pair of every video with two, half a window apart, and controls of the first; made from what is stored."""
    clips = store.rows(f"FROM clips ORDER BY video_id, first_frame LIMIT {clips}")
    made = [
        (a, b, SHIFTED, a["slices"] // 2)
        for a, b in pairwise(clips)
        if a["video_id"] == b["video_id"]
    ]
    for a, b, kind, shift in [
        *made,
        (clips[0], clips[0], REPEATED, 0),
        (clips[0], clips[1], DISJOINT, 2),
    ]:
        pair = Pair(
            video_id=a["video_id"],
            encoder_id=a["encoder_id"],
            clip_a=a["clip_id"],
            clip_b=b["clip_id"],
            kind=kind,
            shift=shift,
            source=LIVE,
            precision=a["precision"],
        )
        sides = (Side.of(grid_of(store, row)) for row in (a, b))
        store.commit(pair_rows(pair, measure(*sides, pair.offset), AT))


def grid_of(store: Store, clip: dict) -> np.ndarray:
    if clip["embedding_path"]:
        return store.grid(clip["clip_id"]).astype(np.float32)
    shape = clip["slices"], clip["grid_height"], clip["grid_width"], clip["embed_dim"]
    return (
        np.random.default_rng(int(clip["clip_id"][:6], 16))
        .standard_normal(shape)
        .astype(np.float32)
    )


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    store = synthetic_store(
        tmp_path_factory.mktemp("paired") / "films", videos=3, clips=2, slices=8
    )
    add_pairs(store)
    yield store
    store.close()


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    store = synthetic_store(
        tmp_path_factory.mktemp("bare") / "films", videos=2, clips=2, embeddings=False
    )
    add_pairs(store)
    yield store
    store.close()


def pair_of(store, kind=SHIFTED):
    pair_id = store.rows("SELECT pair_id FROM pairs WHERE kind = ? ORDER BY ALL LIMIT 1", [kind])[
        0
    ]["pair_id"]
    return ShownPair.of(pairs.pair(pair_id).answer(store).to_pylist()[0])


def unpack(data):
    length = int.from_bytes(data[:4], "little")
    head = json.loads(data[4 : 4 + length])
    return head, {name: data[at : at + size] for name, (at, size) in head["parts"].items()}


def test_differences_in_eight_bits_are_those_of_the_files_to_half_a_step(paired):
    pair = pair_of(paired)
    a, b = (paired.grid(pair[clip]).astype(np.float64) for clip in ("clip_a", "clip_b"))
    expected = b[:4] - a[4:]
    made = measure_differences(paired, pair["pair_id"], 10**9)
    found = (
        (np.frombuffer(made.differences, np.uint8).reshape(made.shape).astype(float) - 128)
        * made.range
        / 127
    )
    inside = np.abs(expected) <= made.range
    assert 0.99 < inside.mean() < 1
    assert np.abs(found - expected)[inside].max() <= made.range / 127 * 0.501
    assert (np.abs(found[~inside]) == made.range).all()
    low, step = np.frombuffer(made.low, "<f4"), np.frombuffer(made.step, "<f4")
    values = low + np.frombuffer(made.values, np.uint8).reshape(made.shape) * step.astype(float)
    assert (np.abs(values - a[4:]) <= 0.501 * step + 1e-6).all()
    assert measure_differences(paired, pair["pair_id"], 10).values == b""


def test_differences_of_nothing_are_all_the_middle():
    grid = np.full((2, 2, 2, 3), 0.25, np.float32)
    made = quantize_differences(grid, grid)
    assert made.range == 0 and set(made.differences) == {128} and set(made.values) == {0}


def test_the_buffer_holds_what_its_heading_names(paired):
    pair = pair_of(paired)
    made = measure_differences(paired, pair["pair_id"], 10**9)
    order = list(range(15, -1, -1))
    head, parts = unpack(matrix.pack(made, matrix.heading(pair), [b"one", b""], order))
    assert (
        head["slices"],
        head["rows"],
        head["columns"],
        head["dim"],
        head["offset"],
        head["tiles_a_row"],
    ) == (4, 5, 5, 16, 4, 3)
    assert (
        parts["differences"] == made.differences
        and parts["values"] == made.values
        and parts["sheet_a"] == b"one"
        and parts["sheet_b"] == b""
    )
    assert list(np.frombuffer(parts["order"], "<u2")) == order
    assert head["times"][0] == pytest.approx([0.32, 0.40]) and head["times"][-1][
        1
    ] == pytest.approx(pair["stop_a"])


@pytest.mark.long
def test_damaged_or_absent_pairs_are_sentences(paired, bare, tmp_path):
    with pytest.raises(StoreError, match="holds no pair gone"):
        measure_differences(paired, "gone", 1)
    with pytest.raises(StoreError, match="--keep embeddings"):
        measure_differences(bare, pair_of(bare)["pair_id"], 1)
    store = synthetic_store(tmp_path / "store", videos=1, clips=2)
    add_pairs(store)
    for row in store.rows("SELECT embedding_path FROM clips"):
        (store.root / row["embedding_path"]).write_bytes(b"PAR1")
    with pytest.raises(StoreError, match="tubelet check --repair"):
        measure_differences(store, pair_of(store)["pair_id"], 1)
    test = open_page("windows", store)
    assert not test.exception and "tubelet check --repair" in test.info[0].value
    store.close()


def test_the_answer_names_the_shift_the_shares_and_the_strongest_dimension(paired):
    pair = pair_of(paired)
    shown = text(open_page("windows", paired, pair=pair["pair_id"]))
    curve = paired.rows(
        "SELECT relative FROM slice_sensitivity WHERE pair_id = ? ORDER BY shared_slice",
        [pair["pair_id"]],
    )
    strongest = max(
        paired.rows(
            "SELECT dim, relative_edge AS r FROM dim_sensitivity WHERE pair_id = ?",
            [pair["pair_id"]],
        ),
        key=lambda row: row["r"],
    )
    edge, middle = (
        (curve[0]["relative"] + curve[3]["relative"]) / 2,
        (curve[1]["relative"] + curve[2]["relative"]) / 2,
    )
    assert (
        f"Shifted by 4 slices (8 frames), the same frames differ by **{100 * edge:.3g}%**" in shown
    )
    assert (
        f"by **{100 * middle:.3g}%** in the middle; dimension **{strongest['dim']}** reacts most"
        in shown
    )
    assert "differs by at most 0 (1 control)" in shown and "untrained weights" in shown


@pytest.mark.parametrize(
    "kind,words",
    [
        (REPEATED, "The same window encoded twice"),
        (DISJOINT, "Two windows of one video that share no frame differ by"),
    ],
)
def test_controls_have_their_own_answer(kind, words, paired):
    assert words in text(open_page("windows", paired, pair=pair_of(paired, kind)["pair_id"]))


def find_box(test, label: str):
    """The list of choices that is called so."""
    return next(box for box in test.selectbox if box.label == label)


def test_the_url_chooses_the_pair_and_a_stale_one_falls_back(paired):
    last = paired.rows("SELECT video_id, name FROM videos ORDER BY name DESC")[0]
    chosen = find_box(open_page("windows", paired, video=last["video_id"]), "Video")
    assert chosen.value == last["video_id"]
    pair_id = paired.rows("SELECT pair_id FROM pairs WHERE video_id = ?", [last["video_id"]])[0][
        "pair_id"
    ]
    test = open_page("windows", paired, pair=pair_id)
    values = find_box(test, "Video").value, find_box(test, "Pair").value
    assert values == (last["video_id"], pair_id)
    for stale in (
        {"pair": "gone"},
        {"pair": pair_id, "dim": "many", "y": "-1", "x": "99", "slice": "x"},
        {"pair_search": "nothing like it"},
    ):
        assert not open_page("windows", paired, **stale).exception


def test_choosing_another_pair_changes_the_url(paired):
    test = open_page("windows", paired)
    other = find_box(test, "Video").options[1]
    find_box(test, "Video").select_index(1).run()
    chosen = find_box(test, "Video").value
    assert not test.exception and paired.rows(
        "SELECT name FROM videos WHERE video_id = ?", [chosen]
    ) == [{"name": other}]
    assert test.query_params["video"] in (chosen, [chosen])


def test_without_embeddings_the_page_shows_the_tables_and_says_how_to_get_the_rest(bare):
    test = open_page("windows", bare)
    assert not test.exception and "--keep embeddings" in test.info[0].value
    assert "Shifted by 2 slices" in text(test) and "Where in the frame" in text(test)


def test_a_store_without_pairs_says_which_command_makes_them(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=1)
    shown = text(open_page("windows", store))
    assert (
        f"--pairs 1 --store {store.root}" in shown
        and f"tubelet pairs --pairs all --store {store.root}" in shown
    )
    store.close()


def test_the_sql_shown_gives_the_answer_shown(paired):
    pair = pair_of(paired)
    questions = [
        pairs.paired_videos(pair["encoder_id"], "o'clock", 5),
        pairs.pairs_of_video(pair["video_id"], pair["encoder_id"]),
        *(
            question(pair["pair_id"])
            for question in (pairs.pair, pairs.edge_and_middle, pairs.noise_floor)
        ),
        *(question(pair["pair_id"]) for question in (pairs.slice_curves, pairs.patch_map)),
        pairs.ranked_dimensions(pair["pair_id"], 5),
        pairs.cells_of_slice(pair, 1),
        pairs.cell_over_slices(pair, 3, 2, 1),
    ]
    for question in questions:
        assert ask(paired, question.text).table.equals(question.answer(paired)), question.text


def test_the_sql_of_a_cell_gives_its_values(paired):
    pair = pair_of(paired)
    a, b = (paired.grid(pair[clip])[:, 2, 1, 3].astype(np.float32) for clip in ("clip_a", "clip_b"))
    found = pairs.cell_over_slices(pair, 3, 2, 1).answer(paired)
    assert found["a"].to_pylist() == a[4:].tolist() and found["b"].to_pylist() == b[:4].tolist()
    assert len(pairs.cells_of_slice(pair, 1).answer(paired)) == 25


def test_a_changed_window_says_what_was_done_and_how_much_the_pixels_changed(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=1)
    (clip,) = store.rows("FROM clips")
    a = store.grid(clip["clip_id"]).astype(np.float32)
    pair = Pair(
        video_id=clip["video_id"], encoder_id=clip["encoder_id"], clip_a=clip["clip_id"], clip_b=clip["clip_id"],
        kind=CHANGED, shift=0, source=LIVE, precision=clip["precision"], change="noise", strength=0.1, pixel_change=0.0785,
    )  # fmt: skip
    store.commit(pair_rows(pair, measure(Side.of(a), Side.of(a + 1), 0), AT))
    test = open_page("windows", store, pair=pair.pair_id)
    assert not test.exception
    assert "after noise 0.1: the same places differ by" in text(test)
    assert "its pixels changed by 7.85% of their range" in text(test)
    assert any("the changed window of pair" in info.value for info in test.info)
    store.close()


def test_labels_and_sentences():
    row = ListedPair(
        pair_id="p", kind="shifted", shift=1, shared_slices=7, source="stored", precision="bf16",
        first_frame=80, frame_count=16, step=2, start_s=3.2, crop_height=224, crop_width=224,
    )  # fmt: skip
    assert (
        choice.label(row)
        == "shifted by 1 slice at 3.20 s, 16 frames 2 apart, 224 × 224 px, from stored files"
    )
    noisy = replace(row, kind="changed", change="noise", strength=0.1, source="live")
    assert choice.label(noisy).startswith("noise 0.1: the same window changed at 3.20 s, 16 frames")
    assert choice.label(replace(noisy, change="flip", strength=None)).startswith("flip: the same")
    assert windows.share(None) == "an unknown share" and windows.share(0.1234) == "12.3%"
    none = ControlNoise(pairs=0, most=None, mean=None)
    some = ControlNoise(pairs=2, most=0.01, mean=0.002)
    assert windows.noise(none, none, "fp32").endswith("whether the arithmetic is deterministic.")
    assert windows.noise(some, none, "bf16").endswith(
        "The effect of rounding to bf16 was not measured."
    )
    assert "differs by 0.002 on average (2 controls)" in windows.noise(some, some, "bf16")


def test_another_encoder_leads_away_from_the_pair(tmp_path):
    """The address then names a pair of its own, or none; going back to the first encoder does not bring the other's pair."""
    store = synthetic_store(tmp_path / "store", videos=1, clips=2)
    other = encoder_row(Recipe()) | {"encoder_id": "other", "name": "other"}
    store.commit({"encoders": pa.Table.from_pylist([other], ENCODERS.arrow)})
    test = open_page("windows", store, dim="3")
    shown = stands(test, "pair")
    assert shown and stands(test, "dim") == "3"
    test.selectbox[0].set_value("other").run()
    assert (stands(test, "encoder"), stands(test, "pair"), stands(test, "dim")) == (
        "other",
        "",
        "",
    ) and "No pairs of other" in text(test)
    next(one for one in test.button if one.label.startswith("Show toy")).click().run()
    assert stands(test, "encoder") == encoder_row(Recipe())["encoder_id"]
    assert stands(test, "pair") == shown
    store.close()


def test_clips_that_only_pairs_need_are_told_from_the_others(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=1, clips=2)
    rows = store.rows("FROM clips ORDER BY first_frame")
    partner = rows[1] | {"clip_id": "f" * 16, "role": "partner"}
    store.commit({"clips": pa.Table.from_pylist([partner], CLIPS.arrow)})
    shown = text(open_page("corpus", store, video=rows[0]["video_id"]))
    assert "2 clips over" in shown and "200 tokens, 1 more for pairs of windows by" in shown
    store.close()


@pytest.mark.parametrize("page", ["windows", "sensitivity"])
def test_no_pairs_are_advised_for_an_image_encoder(page, tmp_path):
    """It sees one frame at a time: the page says so, and leads to an encoder that sees several."""
    store = synthetic_store(tmp_path / "store", videos=1, clips=2)
    image = encoder_row(Recipe()) | {"encoder_id": "image", "name": "image", "tubelet": 1}
    store.commit({"encoders": pa.Table.from_pylist([image], ENCODERS.arrow)})
    test = open_page(page, store, encoder="image")
    assert "is an image encoder" in text(test) and not test.code and "--pairs" not in text(test)
    video = encoder_row(Recipe())["encoder_id"]
    next(button for button in test.button if button.label.startswith("Show toy")).click().run()
    assert stands(test, "encoder") == video and "is an image encoder" not in text(test)
    store.close()
