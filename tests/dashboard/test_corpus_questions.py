"""The dashboard's questions about the corpus, against the rows they ask about."""

from pathlib import Path

import pyarrow as pa
import pytest

from tests.compared import encoder_row
from tests.stores import synthetic_store
from tubelet.store import Store
from tubelet.store.questions import clips
from tubelet.store.questions import corpus as queries
from tubelet.store.questions.corpus import ORDERS, STATES, Question, VideoFilter
from tubelet.store.rows import ClipRow
from tubelet.store.sandbox.untrusted import ask
from tubelet.store.schema import TABLES
from tubelet.store.statistics import TOKEN_STATISTICS


def questions(store: Store) -> dict[str, Question]:
    """One of every question, about the first video of the store."""
    video = store.rows("SELECT video_id FROM videos ORDER BY name")[0]["video_id"]
    encoder = store.rows("SELECT encoder_id FROM encoders")[0]["encoder_id"]
    first = store.rows(
        "SELECT clip_id FROM clips WHERE video_id = ? ORDER BY first_frame", [video]
    )[0]["clip_id"]
    (clip,) = clips.clip(first).answer(store).to_pylist()
    everything = VideoFilter(
        encoder_id=encoder, text="it's 100 %", label="o'clock", state="with failures"
    )
    return {
        "videos_count": queries.videos_count(everything),
        "labels": queries.labels(),
        "sparklines": queries.sparklines([video], encoder, "previous_cosine"),
        "no sparklines": queries.sparklines([], encoder, "norm"),
        "statistic_over_time": queries.statistic_over_time(video, encoder, "norm"),
        "video": queries.video(video),
        "clips_of_video": queries.clips_of_video(video, encoder),
        "failures_of_video": queries.failures_of_video(video),
        "failures_page": queries.failures_page(10, 0),
        "failure_stages": queries.failure_stages(),
        "encoders": queries.encoders(),
        "clip": clips.clip(clip["clip_id"]),
        "videos_with_clips": clips.videos_with_clips(encoder, 2),
        "timelines": clips.timelines(video, encoder),
        "timeline": clips.timeline(ClipRow.of(clip)),
        "patches": clips.patches(clip["clip_id"], [0, 7]),
        **{
            f"by {order}": queries.videos_page(VideoFilter(encoder_id=encoder), order, 2, 1)
            for order in ORDERS
        },
        **{
            f"show {state}": queries.videos_page(
                VideoFilter(encoder_id=encoder, state=state), "name", 10, 0
            )
            for state in STATES
        },
    }


def test_the_sql_shown_gives_the_answer_shown(small: Store) -> None:
    for name, question in questions(small).items():
        assert ask(small, question.text).table.equals(question.answer(small)), name


def test_corpus_summary_counts_every_row(small: Store) -> None:
    summary = queries.corpus_summary().answer(small).to_pylist()[0]
    videos = small.rows("FROM videos")
    assert summary["videos"] == summary["encoded_videos"] == 3
    assert summary["seconds"] == pytest.approx(sum(video["duration_s"] for video in videos))
    assert summary["bytes"] == sum(video["bytes"] for video in videos)
    assert (summary["clips"], summary["tokens"]) == (
        6,
        small.rows("SELECT count(*) AS n FROM tokens")[0]["n"],
    )
    assert (summary["encoders"], summary["failures"]) == (1, 1)


def test_filters_are_the_ones_asked_for(small: Store) -> None:
    encoder = small.rows("SELECT encoder_id FROM encoders")[0]["encoder_id"]

    def names(**filters: str) -> list[str]:
        return (
            queries.videos_page(VideoFilter(encoder_id=encoder, **filters), "name", 10, 0)
            .answer(small)["name"]
            .to_pylist()
        )

    every = [f"video-0000{n}.mp4" for n in range(3)]
    assert names() == names(state="encoded") == every
    assert names(text="COOK") == names(label="cooking") == every[:1]
    assert (
        names(text="%")
        == names(label="")
        == names(state="not encoded")
        == names(state="with failures")
        == []
    )
    assert queries.videos_count(VideoFilter(encoder_id="another", state="not encoded")).answer(
        small
    ).to_pylist() == [{"videos": 3}]


@pytest.mark.parametrize("statistic", TOKEN_STATISTICS)
def test_sparkline_is_the_statistic_in_time_order(statistic: str, stores: dict[str, Store]) -> None:
    store = stores["statistics only"]  # one clip a video: a span a slice
    clip = store.rows("FROM clips ORDER BY clip_id")[0]
    points = (
        queries.sparklines([clip["video_id"]], clip["encoder_id"], statistic)
        .answer(store)
        .to_pylist()[0]["points"]
    )
    values = store.rows(
        f"SELECT {statistic} AS value FROM slice_stats WHERE clip_id = ? ORDER BY slice",
        [clip["clip_id"]],
    )
    assert points == pytest.approx([row["value"] for row in values if row["value"] is not None])


def test_sparkline_of_a_long_video_keeps_to_its_points(tmp_path: Path) -> None:
    store = synthetic_store(tmp_path / "store", videos=1, clips=30, slices=8, side=2, dim=4)
    clip = store.rows("FROM clips")[0]
    points = (
        queries.sparklines([clip["video_id"]], clip["encoder_id"], "norm")
        .answer(store)
        .to_pylist()[0]["points"]
    )
    assert len(points) == queries.POINTS
    store.close()


def test_only_registered_names_reach_the_sql() -> None:
    with pytest.raises(KeyError):
        queries.sparklines([], "", "norm FROM clips --")
    with pytest.raises(KeyError):
        queries.videos_page(VideoFilter(encoder_id=""), "name; DROP TABLE videos", 1, 0)


def test_of_as_many_clips_an_encoder_that_learned_something_comes_first(tmp_path: Path) -> None:
    """The pages opened on `toy`, of which no predictor, transition model or decoder ever is."""
    store = synthetic_store(tmp_path / "store", videos=1)
    sources = {"colors": "no weights", "zebra": "trained on videos"}
    rows = [encoder_row(store, name) | {"weights_source": told} for name, told in sources.items()]
    store.commit({"encoders": pa.Table.from_pylist(rows, TABLES["encoders"].arrow)})
    listed = queries.encoders().answer(store)["name"].to_pylist()
    assert listed == ["zebra", "colors", "toy"]  # which says that it is untrained
    store.close()
