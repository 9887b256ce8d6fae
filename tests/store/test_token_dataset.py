"""Stored tokens as a dataset: whole windows and stretches of them, labels as numbers, and workers that read for themselves."""

import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.stores import LABELS, synthetic_store
from tubelet.store import Store, StoreError
from tubelet.store.errors import NoVideos, QueryError

VIDEOS, CLIPS, SLICES, SIDE, DIM = 5, 2, 5, 3, 8


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("dataset") / "store"
    made = synthetic_store(path, videos=VIDEOS, clips=CLIPS, slices=SLICES, side=SIDE, dim=DIM)
    yield made
    made.close()


def grid_clips(store: Store) -> list[dict]:
    return store.rows(
        "SELECT c.* FROM clips c JOIN videos v USING (video_id) WHERE role IS DISTINCT FROM 'partner' ORDER BY v.name, video_id, first_frame"
    )


def test_a_window_is_an_item(store: Store) -> None:
    dataset, clips = store.dataset(), grid_clips(store)
    assert len(dataset) == len(clips) >= VIDEOS and dataset.shapes == {(SLICES, SIDE, SIDE, DIM)}
    for item, clip in zip(map(dataset.__getitem__, range(len(dataset))), clips):
        assert (item["clip_id"], item["video_id"]) == (clip["clip_id"], clip["video_id"])
        assert item["tokens"].dtype == np.float16 and item["start_s"] == clip["start_s"]
        assert np.array_equal(item["tokens"], store.grid(clip["clip_id"]))


def test_stretches_and_means(store: Store) -> None:
    dataset, clips = store.dataset(slices=2, pooled=True), grid_clips(store)
    assert len(dataset) == 2 * len(clips), "the fifth slice is left out"
    item, clip = dataset[1], clips[0]
    expected = store.grid(clip["clip_id"])[2:4].astype(np.float64).mean((1, 2))
    assert item["tokens"].dtype == np.float32 and item["slice"] == 2
    assert np.allclose(item["tokens"], expected, atol=1e-6) and dataset.shapes == {(2, DIM)}
    second = store.rows("SELECT seconds_of($clip, 2) AS s", {"clip": clip["clip_id"]})[0]["s"]
    assert item["start_s"] == pytest.approx(second)
    assert dataset.items[1].seconds[0] == pytest.approx(second)


def test_labels_are_numbers_of_their_values(store: Store) -> None:
    dataset = store.dataset(labels=["folder"])
    known = sorted({label for label in LABELS if label})
    assert dataset.classes == {"folder": tuple(known)}
    truth = {row["video_id"]: row["label"] for row in store.rows("FROM videos")}
    for index in range(len(dataset)):
        item = dataset[index]
        number = item["label_folder"]
        assert (known[number] if number >= 0 else None) == truth[item["video_id"]]


def test_a_condition_selects_the_videos(store: Store) -> None:
    dataset = store.dataset("label = 'cooking'")
    wanted = {row["video_id"] for row in store.rows("FROM videos WHERE label = 'cooking'")}
    assert {item.video_id for item in dataset.items} == wanted and 0 < len(wanted) < VIDEOS


LOADER = """
import sys
import torch
import tubelet

if __name__ == "__main__":
    dataset = tubelet.open(sys.argv[1], read_only=True).dataset(labels=["folder"])
    loader = torch.utils.data.DataLoader(dataset, batch_size=3, num_workers=1, multiprocessing_context="spawn")
    batches = list(loader)
    assert sum(len(batch["clip_id"]) for batch in batches) == len(dataset)
    assert batches[0]["tokens"].dtype == torch.float16
    assert (batches[0]["tokens"][2].numpy() == dataset[2]["tokens"]).all()
    assert batches[0]["label_folder"].tolist() == [dataset[i]["label_folder"] for i in range(3)]
    print(tuple(batches[0]["tokens"].shape))
"""


@pytest.mark.long
def test_workers_of_torch_read_for_themselves(store: Store, tmp_path: Path) -> None:
    dataset = store.dataset(labels=["folder"])
    assert pickle.loads(pickle.dumps(dataset))[0]["clip_id"] == dataset[0]["clip_id"]
    script = tmp_path / "loader.py"
    script.write_text(LOADER)
    done = subprocess.run(
        [sys.executable, script, store.root], capture_output=True, text=True, timeout=120
    )
    assert done.stdout.strip() == str((3, SLICES, SIDE, SIDE, DIM)), done.stderr


@pytest.mark.parametrize(
    "asked, error, words",
    [
        ({"where": "label = 'none'"}, NoVideos, "matches no video"),
        ({"where": "COPY videos TO '/tmp/x'"}, QueryError, "syntax error"),
        ({"encoder": "none"}, StoreError, "holds no encoder none"),
        ({"slices": 0}, StoreError, "it must be 1 or more"),
        ({"slices": 99}, StoreError, "the longest window here has 5"),
        ({"labels": ["mood"]}, StoreError, "no selected video has the label 'mood'"),
        ({"labels": ["folder", "folder"]}, StoreError, "different names"),
    ],
)
def test_what_cannot_be_selected_is_a_sentence(
    asked: dict, error: type, words: str, store: Store
) -> None:
    with pytest.raises(error, match=words):
        store.dataset(**asked)


def test_a_store_without_embeddings_says_how_to_get_them(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    made = synthetic_store(tmp_path_factory.mktemp("none") / "store", embeddings=False)
    with pytest.raises(StoreError, match="--keep embeddings"):
        made.dataset()
    made.close()
