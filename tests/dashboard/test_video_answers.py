"""What the Video page says of its map, its search and videos like this one, on stores of several kinds."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.test_dashboard import open_page, text
from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.latent import colorings, retrieval, search_index, workspace
from tubelet.latent.colorings import Coloring
from tubelet.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = synthetic_store(tmp_path / "store", videos=3, clips=2, dim=48)
    yield made
    made.close()


SEARCHING = {"search-corpus": "true"}


def first_patch(store: Store) -> dict[str, str]:
    clip = store.rows(
        "SELECT clip_id, video_id FROM clips JOIN videos USING (video_id) ORDER BY name, first_frame LIMIT 1"
    )[0]
    return {"video": clip["video_id"], "patches": f"{clip['clip_id']}-0.1.2"}


def test_a_patch_is_followed_through_the_whole_video_where_the_reader_asks(store: Store) -> None:
    window = text(open_page("video", store, **first_patch(store)))
    whole = text(open_page("video", store, **first_patch(store), **{"track-of": "whole video"}))
    assert "of this window" in window and "Each frame belongs to one window" not in window
    frames = 12  # two windows of 8 that share 4
    assert f"of {frames} frames** of the video, in 2 windows" in whole
    assert "where windows overlap, to the one whose middle is nearest" in whole


def test_two_videos_stand_side_by_side_and_one_click_marks_the_same_place_in_both(
    store: Store,
) -> None:
    videos = store.rows("SELECT video_id, name FROM videos ORDER BY name")
    asked = {"beside": "true", "beside-video": videos[1]["video_id"], **first_patch(store)}
    test = open_page("video", store, **asked)
    assert not test.exception and not test.warning
    assert f"**{videos[0]['name']}** by toy" in text(test)
    assert f"**{videos[1]['name']}** by toy" in text(test)
    (scores,) = (frame.value for frame in test.dataframe if "found in" in frame.value.columns)
    assert scores["video"].tolist() == [videos[0]["name"], videos[1]["name"]]
    assert scores["patch"].tolist() == ["(1, 2)"] * 2 and scores["norm"].nunique() == 2
    assert "of the frame's diagonal apart" not in text(test), "two videos have no place in common"
    same = text(open_page("video", store, **asked | {"beside-video": ""}))
    assert "slices on the left" in same and "on average 0.0% of the frame's diagonal apart" in same
    nothing = text(open_page("video", store, beside="true", video=videos[0]["video_id"]))
    assert "the same place is marked in both" in nothing


def test_without_embeddings_the_corpus_still_has_a_map(tmp_path: Path) -> None:
    bare = synthetic_store(tmp_path / "bare", videos=2, embeddings=False)
    window, corpus = (
        open_page("video", bare, map="true", **{"map-of": of})
        for of in ("this window", "the corpus")
    )
    assert "a sample of its tokens is on the map of the corpus" in text(window)
    assert (
        "embeddings of this window were not kept" not in text(corpus)
        and not corpus.warning
        and not corpus.exception
    )
    assert "FROM token_samples s" in text(corpus), "the SQL of what is drawn"
    bare.close()


def test_the_map_of_a_corpus_shows_the_sql_of_a_kept_basis_only(store: Store) -> None:
    shown = text(open_page("video", store, map="true", **{"map-of": "the corpus"}))
    assert "FROM token_stats" in shown or "JOIN token_stats" in shown
    assert "basis_vectors" not in shown, "the page's own basis is not a row of the store"


@pytest.mark.long
def test_search_says_whether_it_was_exact_and_what_a_sketch_is_known_to_miss(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = store.rows(
        "SELECT sum(slices * grid_height * grid_width * embed_dim * 2) AS n FROM clips"
    )[0]["n"]
    exact = text(open_page("video", store, **SEARCHING, **first_patch(store)))
    assert (
        "most similar patches, from 3 videos" in exact
        and f"Exact: all {size / 1000:.1f} kB of embeddings were compared." in exact
    )
    assert "tubelet index" not in exact and "list_cosine_similarity" in exact
    recall = search_index.write_index(store, store.rows("FROM encoders")[0]["encoder_id"])
    add_videos(store, Recipe(videos=1, dim=48), first=3)
    assert "Exact: all" in text(open_page("video", store, **SEARCHING, **first_patch(store))), (
        "a small corpus"
    )
    monkeypatch.setattr(retrieval, "LARGE", 1)
    add_videos(store, Recipe(videos=1, dim=48), first=4)
    said = text(open_page("video", store, **SEARCHING, **first_patch(store)))
    assert (
        f"From the index, which found **{recall.recall:.1%}** of the top 20 of exact search" in said
    )
    assert f"on {recall.queries} sampled patches in 6 clips; 2 clips added since." in said
    assert "Exact: all" in text(
        open_page("video", store, exactly="true", **SEARCHING, **first_patch(store))
    )


def test_a_condition_chooses_the_videos_that_are_searched(store: Store) -> None:
    (name,) = store.rows("SELECT name FROM videos ORDER BY name LIMIT 1")[0].values()
    shown = text(
        open_page(
            "video",
            store,
            **{**SEARCHING, "search-where": f"name = '{name}'"},
            **first_patch(store),
        )
    )
    assert (
        "from 1 video, best first" in shown
        and "of embeddings of the 1 chosen video were compared" in shown
    )
    assert f"SELECT list(video_id) FROM videos WHERE (\nname = '{name}'\n)" in shown, (
        "and so does the SQL"
    )
    nothing = open_page(
        "video", store, **{**SEARCHING, "search-where": "name = 'gone'"}, **first_patch(store)
    )
    assert "matches no video" in nothing.warning[0].value and not nothing.exception
    wrong = open_page(
        "video", store, **{**SEARCHING, "search-where": "nam = 1"}, **first_patch(store)
    )
    assert "nam" in wrong.error[0].value and not wrong.exception


def test_a_large_corpus_without_a_sketch_says_how_to_make_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "LARGE", 1)
    assert f"`tubelet index --store {store.root}`" in text(
        open_page("video", store, **SEARCHING, **first_patch(store))
    )


@pytest.mark.parametrize("by", ["mean", "max"])
def test_videos_like_this_one(store: Store, by: str) -> None:
    page = open_page("video", store, alike="true", **{"alike-by": by})
    assert "Top 2 videos by their most similar window" in text(page)
    names = [
        caption.value.split(" · ")[1] for caption in page.caption if caption.value.count(" · ") == 2
    ]
    assert sorted(names) == ["video-00001.mp4", "video-00002.mp4"]


def test_alone_in_its_store_a_video_has_none_like_it(tmp_path: Path) -> None:
    alone = synthetic_store(tmp_path / "alone", videos=1, clips=2)
    assert "no other video" in text(open_page("video", alone, alike="true"))
    alone.close()


def removed_script(path: str) -> None:
    """Draws what was found of a clip that has been removed meanwhile; AppTest runs its source."""
    from tubelet.dashboard import caching
    from tubelet.dashboard.video import search, similar
    from tubelet.latent.hits import FoundPatch
    from tubelet.latent.questions import SimilarVideo

    store, gone = caching.open_store(path), "0" * 16
    patch = FoundPatch(rank=1, video_id=gone, clip_id=gone, slice=0, y=0, x=0, score=0.5)
    video = SimilarVideo(video_id=gone, clip_id=gone, start_s=0.0, stop_s=1.0, score=0.5)
    search._show_hit(store, patch, "hit")
    similar._show_video(store, video, 0)


def test_what_was_found_and_removed_meanwhile_is_a_sentence(store: Store) -> None:
    page = AppTest.from_function(removed_script, args=(str(store.root),)).run(timeout=60)
    assert not page.exception
    said = [caption.value for caption in page.caption]
    assert len(said) == 2 and all("was removed from the store" in sentence for sentence in said)


def test_a_clip_waits_while_as_many_are_read_as_there_are_processors(store: Store) -> None:
    clip = store.rows("SELECT clip_id, encoder_id FROM clips LIMIT 1")[0]
    basis = colorings.fit_basis(store, clip["encoder_id"], Coloring("corpus"))
    with ThreadPoolExecutor(1) as pool:
        with ExitStack() as others:
            for _ in range(os.cpu_count() or 1):
                others.enter_context(workspace.READING)
            waiting = pool.submit(workspace.Workspace(store).clip_colors, clip["clip_id"], basis)
            with pytest.raises(TimeoutError):
                waiting.result(0.5)
        assert np.array_equal(
            waiting.result(60), colorings.color_clip(store, clip["clip_id"], basis)
        )
