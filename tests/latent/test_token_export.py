"""Tokens as folders for training: read back with the packages they are for, whole or absent, and resumed."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.commands import run_here
from tests.stores import synthetic_store
from tubelet.latent.errors import LatentError
from tubelet.latent.exports import datasets_folder, token_export, webdataset_shards
from tubelet.latent.exports.token_export import TokenRequest, export_tokens
from tubelet.store import Store

VIDEOS, SLICES, SIDE, DIM = 5, 4, 3, 8


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    path = tmp_path_factory.mktemp("tokens") / "store"
    made = synthetic_store(path, videos=VIDEOS, clips=2, slices=SLICES, side=SIDE, dim=DIM)
    yield made
    made.close()


@pytest.fixture
def zarr():
    return pytest.importorskip("zarr", reason="needs the extra: pip install 'tubelet[zarr]'")


def read_samples(folder: Path) -> list[dict]:
    webdataset = pytest.importorskip("webdataset", reason="comes with the extra `test`")
    shards = sorted(map(str, folder.glob("*.tar")))
    return list(webdataset.WebDataset(shards, shardshuffle=False, empty_check=False).decode())


def test_zarr_is_the_store_with_names_and_seconds(store: Store, tmp_path: Path, zarr) -> None:
    said = export_tokens(store, TokenRequest(labels=("folder",)), tmp_path / "all.zarr")
    dataset = store.dataset(labels=["folder"])
    group = zarr.open_group(tmp_path / "all.zarr", mode="r")
    assert f"{len(dataset)} windows" in said and group["tokens"].dtype == np.float16
    assert group["tokens"].shape == (len(dataset), SLICES, SIDE, SIDE, DIM)
    assert group["tokens"].attrs["_ARRAY_DIMENSIONS"] == ["clip", "slice", "y", "x", "dim"]
    for number in range(len(dataset)):
        assert np.array_equal(group["tokens"][number], dataset[number]["tokens"])
    assert group["clip_id"][:].tolist() == [item.clip_id for item in dataset.items]
    assert np.allclose(group["seconds"][:], [item.seconds for item in dataset.items])
    labels = [row["label"] or "" for item in dataset.items for row in store.rows("FROM videos WHERE video_id = ?", [item.video_id])]  # fmt: skip
    assert group["label_folder"][:].tolist() == labels and len(set(labels)) > 2


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning"
)  # the package leaves its files to be collected
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_is_read_by_its_package(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webdataset_shards, "SHARD_BYTES", 3 * 2 * SLICES * SIDE * SIDE * DIM)
    export_tokens(store, TokenRequest(to="webdataset", labels=("folder",)), tmp_path / "shards")
    dataset = store.dataset(labels=["folder"])
    assert len(list((tmp_path / "shards").glob("*.tar"))) == -(-len(dataset) // 3)
    samples = read_samples(tmp_path / "shards")
    assert [sample["__key__"] for sample in samples] == [item.clip_id for item in dataset.items]
    for number, sample in enumerate(samples):
        assert np.array_equal(sample["npy"], dataset[number]["tokens"])
        told = sample["json"]
        assert told["seconds"] == dataset.items[number].seconds.tolist()
        label = dataset[number]["label_folder"]
        assert told["labels"]["folder"] == (None if label < 0 else dataset.classes["folder"][label])


@pytest.mark.parametrize("to", ["zarr", "webdataset", "npy", "datasets"])
def test_a_stopped_export_is_absent_and_a_rerun_goes_on(
    to: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request
) -> None:
    if to == "zarr":
        request.getfixturevalue("zarr")
    monkeypatch.setattr(webdataset_shards, "SHARD_BYTES", 1)
    monkeypatch.setattr(datasets_folder, "PART_BYTES", 1)
    output, writer, written = tmp_path / "out", token_export.WRITERS[to], []

    class Stopping(writer):
        def write(self, part: int) -> None:
            if part == 3 and not written:
                raise KeyboardInterrupt
            super().write(part)

    monkeypatch.setitem(token_export.WRITERS, to, Stopping)
    with pytest.raises(KeyboardInterrupt):
        export_tokens(store, TokenRequest(to=to), output)
    assert not output.exists() and (tmp_path / "out.unfinished").is_dir()
    with pytest.raises(LatentError, match="holds part of another export"):
        export_tokens(store, TokenRequest(to=to, where="label = 'cooking'"), output)

    class Noting(writer):
        def write(self, part: int) -> None:
            written.append(part)
            super().write(part)

    monkeypatch.setitem(token_export.WRITERS, to, Noting)
    said = export_tokens(store, TokenRequest(to=to), output)
    total = len(store.dataset())
    assert written == list(range(3, total)) and f"the first 3 of {total} by an earlier" in said
    assert not (tmp_path / "out.unfinished").exists()
    monkeypatch.setitem(token_export.WRITERS, to, writer)
    export_tokens(store, TokenRequest(to=to), tmp_path / "straight")
    assert read_tree(output) == read_tree(tmp_path / "straight")


def test_two_processes_do_not_write_one_folder(store: Store, tmp_path: Path) -> None:
    asked, output = TokenRequest(to="webdataset"), tmp_path / "out"
    with (
        token_export._hold(tmp_path / "out.unfinished"),
        pytest.raises(LatentError, match="another process writes"),
    ):
        export_tokens(store, asked, output)
    export_tokens(store, asked, output)
    assert output.is_dir() and not (tmp_path / "out.unfinished").exists()


def test_a_folder_that_cannot_be_made_is_told_before_any_work(store: Store, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "gone")
    for output, words in ((link, "exists: name a new folder"), (tmp_path / "a" / "b", "a is not a folder: create it")):  # fmt: skip
        with pytest.raises(LatentError, match=words):
            export_tokens(store, TokenRequest(to="npy"), output)
    assert list(tmp_path.iterdir()) == [link]


def read_tree(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_command_writes_what_a_condition_selects(store: Store, tmp_path: Path) -> None:
    where = ["--where", "label = 'cooking'", "--label", "folder"]
    done = run_here("export", "tokens", "--to", "webdataset", *where, "-o", tmp_path / "cooking", "--store", store.root, check=True)  # fmt: skip
    wanted = len(store.dataset("label = 'cooking'"))
    assert done.stdout.startswith(f"wrote {wanted} window")
    again = run_here("export", "tokens", "--to", "webdataset", "-o", tmp_path / "cooking", "--store", store.root)  # fmt: skip
    assert again.returncode == 2 or again.returncode == 1
    assert "exists: name a new folder" in again.stderr
    wrong = run_here("export", "tokens", "--to", "hdf5", "-o", tmp_path / "x", "--store", store.root)  # fmt: skip
    assert wrong.returncode and "choose zarr, webdataset, npy" in wrong.stderr


def test_names_of_labels_make_no_folders(store: Store, tmp_path: Path, zarr) -> None:
    from tubelet.latent.exports.zarr_arrays import Arrays

    dataset = store.dataset(labels=["folder"])
    hostile = {"../../up": ("a",), "a/b": ("a",), "a b": ("a",)}
    object.__setattr__(dataset, "classes", hostile)
    for item in dataset.items:
        object.__setattr__(item, "labels", (0, -1, 0))
    Arrays(dataset, tmp_path / "here", store).begin()
    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    names = {path.name for path in (tmp_path / "here").iterdir() if path.is_dir()}
    assert {"label_______up", "label_a_b", "label_a_b_2"} <= names
    json.loads((tmp_path / "here" / "tokens" / ".zarray").read_text())
