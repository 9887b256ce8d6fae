"""What pages say before and after the first click: cards of the Video page, readings of statistics, several videos chosen on Corpus."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.dashboard.test_dashboard import open_page, text
from tests.planted_surprise import plant_surprise, plant_tokens
from tests.planted_transitions import plant_decoder
from tests.stores import synthetic_store
from tubelet import dashboard
from tubelet.dashboard.video import expectation, patches, sections, surprise_heat
from tubelet.latent.marks import MarkedPatches
from tubelet.store import Store
from tubelet.store.questions import clips, corpus
from tubelet.store.questions.surprise import surprise_of_clip, surprise_of_video
from tubelet.store.rows import ClipRow, NamedClip
from tubelet.store.schema import DECODERS
from tubelet.store.statistics import TOKEN_STATISTICS


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("sections") / "store", videos=3)
    yield made
    made.close()


def first_clip(store: Store) -> dict:
    return store.rows("SELECT c.* FROM clips c JOIN videos USING (video_id) ORDER BY name LIMIT 1")[
        0
    ]


def test_the_page_says_what_it_can_do_before_the_first_click(store: Store) -> None:
    clip = first_clip(store)
    test = open_page("video", store, video=clip["video_id"])
    shown = text(test)
    for words in ("Click a patch of the player", "follow it through this window or the whole video", "Choose Foreground", "Select a patch first", "tokens of this window", "Which other videos"):  # fmt: skip
        assert words in shown
    assert {toggle.label for toggle in test.toggle} >= {"Search the corpus", "Map of tokens", "Similar videos"}  # fmt: skip
    marked = text(open_page("video", store, patches=f"{clip['clip_id']}-1.2.3", video=clip["video_id"]))  # fmt: skip
    assert "[Patch (2, 3) of slice 1](#patch)" in marked and "slices](#track) of this window" in marked  # fmt: skip
    both = f"{clip['clip_id']}-0.0.0~0.3.3"
    assert "](#segmentation)" in text(open_page("video", store, segment=both, video=clip["video_id"]))  # fmt: skip


@pytest.mark.parametrize(
    ("marked", "said"),
    [
        (MarkedPatches(), "Choose Foreground"),
        (MarkedPatches("ab", ((0, 0, 0),)), "Mark some background too"),
        (MarkedPatches("ab", (), ((0, 0, 0),)), "Mark some foreground too"),
        (MarkedPatches("ab", ((0, 0, 0),), ((0, 1, 1),)), "A mask spreads"),
    ],
)
def test_the_card_of_a_mask_says_what_is_missing(
    store: Store, marked: MarkedPatches, said: str
) -> None:
    clip = ClipRow.of(first_clip(store))
    assert said in sections.describe_segment(clip, marked)
    bare = replace(clip, embedding_path=None)
    assert sections.describe_segment(bare, marked) == sections.NO_EMBEDDINGS


@pytest.mark.parametrize(
    ("name", "value", "rank", "said"),
    [
        ("previous_cosine", 0.999, 0.5, "near 1: nothing moves; higher than 50%"),
        ("previous_cosine", 0.3, 0.01, "much changes since the slice before; higher than 1%"),
        ("previous_cosine", None, None, "the first slice has none before it"),
        ("previous_cosine", 1.0, None, "near 1: nothing moves; the same in all patches"),
        ("neighbour_cosine", 0.1, 0.0, "an edge, or something small; higher than 0%"),
        ("kurtosis", 30.0, 0.9, "few dimensions carry much"),
        ("norm", 4.0, 0.25, "higher than 25% of the window's patches"),
    ],
)
def test_a_statistic_is_read_in_words(name: str, value: float, rank: float, said: str) -> None:
    assert said in patches.read_statistic(name, value, rank)


def test_a_rank_is_not_given_to_rounding(tmp_path) -> None:
    """Four patches: lengths apart, a mean that differs by less than half precision can tell, a spread with two values as good as equal."""
    con = duckdb.connect()
    names = ", ".join(f"{name} FLOAT" for name in TOKEN_STATISTICS)
    con.execute(f"CREATE TABLE token_stats (clip_id VARCHAR, slice INT, y INT, x INT, {names})")
    con.execute("CREATE TABLE clips (clip_id VARCHAR, grid_height INT, grid_width INT)")
    con.execute("INSERT INTO clips VALUES ('c', 2, 2)")
    columns = {"norm": (1, 2, 3, 4), "mean": (1, 1.0001, 1.0002, 0.9999), "std": (1, 1.0001, 2, 3)}
    for token in range(4):
        row = [columns.get(name, (0, 0, 0, 0))[token] for name in TOKEN_STATISTICS]
        con.execute(f"INSERT INTO token_stats VALUES ('c', 0, {token // 2}, {token % 2}, {', '.join(map(str, row))})")  # fmt: skip
    question = clips.patches("c", [0, 1, 2, 3])
    found = con.sql(question.text).to_arrow_table().to_pylist()
    con.close()
    assert [row["norm_rank"] for row in found] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert [row["mean_rank"] for row in found] == [None] * 4
    assert [row["std_rank"] for row in found] == pytest.approx([0, 0, 2 / 3, 1])
    assert [row["kurtosis_rank"] for row in found] == [None] * 4, "all are 0"


def test_several_videos_are_chosen_summed_up_and_compared(store: Store) -> None:
    ids = [row["video_id"] for row in store.rows("SELECT video_id FROM videos ORDER BY name")]
    test = open_page("corpus", store, video=ids[2], others=f"{ids[0]},nonexistent")
    assert not test.exception
    assert "2 chosen videos" in [element.value for element in test.header]
    assert "list_contains" in text(test) and "Together **" in text(test)
    rows = corpus.chosen_videos([ids[2], ids[0]], first_clip(store)["encoder_id"]).answer(store)
    assert rows["video_id"].to_pylist() == [ids[2], ids[0]] and rows["clips"].to_pylist() == [1, 1]
    one = open_page("corpus", store, video=ids[1])
    assert "1 chosen video" not in text(one) and any(
        "video-00001" in element.value for element in one.header
    )


def test_a_video_with_predictions_shows_their_errors_over_time(tmp_path) -> None:
    made = synthetic_store(tmp_path / "store", videos=2, slices=6)
    video_id = first_clip(made)["video_id"]
    without = text(open_page("video", made, video=video_id))
    assert "predicted from" not in without
    plant_surprise(made, ratio=1.5, where=f"video_id = '{video_id}'")
    shown = text(open_page("video", made, video=video_id))
    assert "4 slices predicted from the 2 slices before, 1 slice ahead." in shown
    assert "**1.50 times** that of a copy of the last slice seen: worse than copying" in shown
    points = expectation.list_errors(surprise_of_video(first_clip(made)["encoder_id"], video_id).answer(made))  # fmt: skip
    assert set(points["guess"].to_pylist()) == {"prediction", "copy of the last slice seen"}
    highest = made.rows("SELECT max(l1) AS l1 FROM slice_surprise")[0]["l1"]
    assert max(points["error"].to_pylist()) == pytest.approx(highest)
    clip = first_clip(made)
    plant_tokens(made, clip["clip_id"])
    named = NamedClip.of(clips.clip_of_video(clip["clip_id"]).answer(made).to_pylist()[0])
    tokens = surprise_of_clip(clip["clip_id"], 2, 1).answer(made)
    grids = expectation.grid_errors(tokens, named)
    assert list(grids) == [2, 3, 4, 5]
    assert grids[3].tolist() == [[30.0 + x for x in range(clip["grid_width"])]] * clip["grid_height"]  # fmt: skip
    test = open_page("video", made, video=video_id)
    assert not test.exception and "FROM surprise" in text(test)
    drawn = "".join(str(block.proto) for block in test.get("html"))
    assert "slice 5, up to" in drawn and drawn.count("slice 2, up to") == 1
    assert "did not expect from the" not in text(test)
    over = open_page("video", made, video=video_id, **{"surprise-over": "true"})
    assert not over.exception and [one.value for one in over.toggle if one.label == "Surprise"] == [True]  # fmt: skip
    assert "Bright patches are those that the predictor did not expect from the 2 slices before" in text(over)  # fmt: skip
    heat = surprise_heat.color_errors(made, named, 2, 1)
    assert (heat[:2] == surprise_heat.NOT_PREDICTED).all()
    last = (len(heat) - 1, 0, clip["grid_width"] - 1)
    assert heat[last].tolist() == [253, 231, 37]  # the largest error of the video is the end
    assert surprise_heat.find_largest(made, clip["clip_id"], 2, 1) == 50 + clip["grid_width"] - 1
    made.close()


def test_a_window_whose_encoder_has_a_decoder_is_shown_as_it_draws_it(tmp_path) -> None:
    """Never without what the decoder reached on videos it never saw."""
    made = synthetic_store(tmp_path / "store", videos=2, slices=4)
    clip = first_clip(made)
    assert "decoder" not in text(open_page("video", made, video=clip["video_id"]))
    row = plant_decoder(made, clip["encoder_id"])
    test = open_page("video", made, video=clip["video_id"])
    assert not test.exception
    assert "On 6 videos it never saw: PSNR 17.0 (15.5 to 18.5) dB (mean picture 14.0 dB), SSIM 0.40 (0.20), no perceptual distance: EfficientNet-Lite0 is not installed." in text(test)  # fmt: skip
    shown = [element.value for element in test.get("html") if "data:image/png" in element.value]
    assert len(shown) == 1 and f"below as decoder {row['decoder_id']} draws them. On 6 videos" in shown[0]  # fmt: skip
    made.layout.model(row["decoder_id"]).write_bytes(b"gone bad")
    made.commit({"decoders": pa.Table.from_pylist([row | {"decoder_id": "other"}], DECODERS.arrow)})
    made.commit({}, {"decoders": ["other"]})  # another fingerprint, so that nothing is kept
    said = text(open_page("video", made, video=clip["video_id"]))
    assert "is missing or has changed: run" in said and "data:image/png" not in said
    made.close()


def test_headings_go_down_one_level_at_a_time() -> None:
    """Below a page's title stand headings of the second level; those of the third are a report's, which says what they belong to."""
    sources = Path(dashboard.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if ".subheader(" in path.read_text()] == ["blocks.py"]
