"""Formats of exported tokens hold what the dataset does: read back as files, and by the packages they are for where those are installed."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.stores import synthetic_store
from tubelet.latent.errors import LatentError
from tubelet.latent.exports.token_export import TokenRequest, export_tokens
from tubelet.store import Store
from tubelet.store.placement import Sheet

SLICES, SIDE, DIM = 4, 3, 8
STRETCHES = {"slices": 2, "pooled": True}
KINDS = [{}, STRETCHES]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Slice s of each clip is a gray of brightness 40 * s + 20."""
    path = tmp_path_factory.mktemp("formats") / "store"
    made = synthetic_store(path, videos=4, slices=SLICES, side=SIDE, dim=DIM)
    for clip in made.rows("FROM clips"):
        sheet = Sheet.fit(SLICES, (clip["crop_height"], clip["crop_width"]))
        pixels = np.zeros(sheet.size, np.uint8)
        for slice_ in range(SLICES):
            top, left = sheet.corner(slice_)
            pixels[top : top + sheet.tile[0], left : left + sheet.tile[1]] = 40 * slice_ + 20
        sink = io.BytesIO()
        Image.fromarray(pixels).convert("RGB").save(sink, "JPEG")
        made.write_pictures(clip, sink.getvalue())
    yield made
    made.close()


def export(store: Store, to: str, folder: Path, asked: dict) -> list[dict]:
    """What the dataset holds, with the texts of labels; the folder holds it, too."""
    export_tokens(store, TokenRequest(to=to, labels=("folder",), **asked), folder)
    dataset = store.dataset(labels=["folder"], **asked)
    known = [*dataset.classes["folder"], None]
    return [
        {**dataset[number], "label": known[dataset[number]["label_folder"]], "item": item}
        for number, item in enumerate(dataset.items)
    ]


@pytest.mark.parametrize("asked", KINDS)
def test_npy_is_one_array_with_a_row_per_item(asked: dict, store: Store, tmp_path: Path) -> None:
    items = export(store, "npy", tmp_path / "out", asked)
    tokens = np.load(tmp_path / "out/tokens.npy", mmap_mode="r")
    assert tokens.dtype == (np.float32 if asked else np.float16)
    assert np.array_equal(tokens, [item["tokens"] for item in items])
    rows = pq.read_table(tmp_path / "out/items.parquet").to_pylist()
    for row, item in zip(rows, items, strict=True):
        assert (row["clip_id"], row["first_slice"]) == (item["clip_id"], item["slice"])
        assert (row["label_folder"], row["start_s"]) == (item["label"], item["start_s"])


@pytest.mark.parametrize("asked", KINDS)
def test_parquet_says_how_datasets_is_to_read_it(asked: dict, store: Store, tmp_path: Path) -> None:
    items = export(store, "datasets", tmp_path / "out", asked)
    (path,) = (tmp_path / "out/data").iterdir()
    table = pq.read_table(path)
    assert path.name == "train-00000-of-00001.parquet"
    found = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    shape = [2, DIM] if asked else [SLICES, SIDE, SIDE, DIM]
    array = {"shape": shape, "dtype": "float32" if asked else "float16"}
    assert found["tokens"] == {**array, "_type": f"Array{len(shape)}D"}
    assert found["label_folder"]["names"] == ["cooking", "swimming", "walking"]
    assert table["label_folder"].to_pylist()[-1] is None, "the fourth video has no label"
    for row, item in zip(table.to_pylist(), items, strict=True):
        assert np.array_equal(np.array(row["tokens"], item["tokens"].dtype), item["tokens"])
        assert row["seconds"] == item["item"].seconds.tolist()
        assert row["video"] is None, "a synthetic video has no file"


@pytest.mark.parametrize("asked", KINDS)
def test_datasets_of_hugging_face_reads_it(
    asked: dict, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="no part of the extra `test`: large")
    items = export(store, "datasets", tmp_path / "out", asked)
    found = datasets.load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache"))  # fmt: skip
    type_ = items[0]["tokens"].dtype
    arrays = found.with_format("numpy", columns=["tokens"], dtype=type_)
    assert isinstance(found.features["video"], datasets.Video)
    for number, item in enumerate(items):
        assert np.array_equal(arrays[number]["tokens"], item["tokens"])
        label = found[number]["label_folder"]
        assert item["label"] == (None if label is None else found.features["label_folder"].int2str(label))  # fmt: skip


@pytest.mark.parametrize("asked", KINDS)
def test_lance_has_a_row_per_token(asked: dict, store: Store, tmp_path: Path) -> None:
    lance = pytest.importorskip("lance", reason="needs the extra: pip install 'tubelet[lance]'")
    items = export(store, "lance", tmp_path / "out", asked)
    table = lance.dataset(tmp_path / "out/tokens.lance").to_table()
    vectors = np.stack(table["embedding"].to_numpy(zero_copy_only=False))
    assert vectors.dtype == (np.float32 if asked else np.float16)
    assert np.array_equal(vectors, np.concatenate([item["tokens"].reshape(-1, DIM) for item in items]))  # fmt: skip
    row = table.slice(len(table) - 1).to_pylist()[0]
    assert row["clip_id"] == items[-1]["clip_id"] and row["slice"] == SLICES - 1
    assert asked or (row["y"], row["x"]) == (SIDE - 1, SIDE - 1)
    assert row["seconds"] == pytest.approx(items[-1]["item"].seconds[-1])


@pytest.mark.parametrize("asked", [{}, {"slices": 1}])
def test_embedding_atlas_gets_vectors_and_pictures(
    asked: dict, store: Store, tmp_path: Path
) -> None:
    items = export(store, "atlas", tmp_path / "out", asked)
    rows = pq.read_table(tmp_path / "out/windows.parquet").to_pylist()
    assert len({row["window"] for row in rows}) == len(rows) == len(items)
    for row, item in zip(rows, items):
        mean = item["tokens"].astype(np.float64).mean((0, 1, 2))
        assert np.allclose(row["vector"], mean, atol=1e-6) and len(row["vector"]) == DIM
        assert brightness(row["picture"]["bytes"]) == 20 + 40 * (item["slice"] if asked else 2)
        assert row["label_folder"] == item["label"]


def test_fiftyone_gets_a_numbered_picture_per_row(store: Store, tmp_path: Path) -> None:
    items = export(store, "fiftyone", tmp_path / "out", {"slices": 2})
    with open(tmp_path / "out/labels.csv") as file:
        rows = list(csv.DictReader(file))
    vectors = np.load(tmp_path / "out/vectors.npy")
    names = sorted(path.name for path in (tmp_path / "out/data").iterdir())
    assert [row["filepath"] for row in rows] == names, "FiftyOne takes them in this order"
    for row, vector, item in zip(rows, vectors, items, strict=True):
        picture = (tmp_path / "out/data" / row["filepath"]).read_bytes()
        assert brightness(picture) == 20 + 40 * (item["slice"] + 1)
        assert np.allclose(vector, item["tokens"].astype(np.float64).mean((0, 1, 2)), atol=1e-6)
        assert row["label_folder"] == (item["label"] or "")


def brightness(picture: bytes) -> int:
    with Image.open(io.BytesIO(picture)) as opened:
        return round(float(np.asarray(opened.convert("L")).mean()))


def test_fiftyone_without_pictures_says_what_to_do(tmp_path: Path) -> None:
    made = synthetic_store(tmp_path / "store", videos=1)
    with pytest.raises(LatentError, match="none of 1 window: ingest the videos without --no-pict"):
        export_tokens(made, TokenRequest(to="fiftyone"), tmp_path / "out")
    said = export_tokens(made, TokenRequest(to="atlas"), tmp_path / "out")
    assert said.startswith("wrote 1 window") and not (tmp_path / "out.unfinished").exists()
    assert "picture" not in pq.read_table(tmp_path / "out/windows.parquet").column_names
    made.close()


@pytest.mark.parametrize("asked", KINDS)
def test_zeros_of_zarr_are_not_missing_in_xarray(asked: dict, store: Store, tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr", reason="needs the extra: pip install 'tubelet[zarr]'")
    items = export(store, "zarr", tmp_path / "out", asked)
    group = zarr.open_group(tmp_path / "out", mode="r")
    assert np.array_equal(group["tokens"][:], [item["tokens"] for item in items])
    assert group["first_slice"][:].tolist() == [item["slice"] for item in items]
    for array in (path.parent for path in (tmp_path / "out").glob("*/.zarray")):
        assert json.loads((array / ".zarray").read_text())["fill_value"] is None, array.name
