"""Files of a few bytes that unpack to very many: refused in a sentence, before they are unpacked."""

import json
import struct
import time
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.latent.test_masks import picture
from tests.stores import synthetic_store
from tubelet.latent import mask_json
from tubelet.latent.dictionary_file import read_tensors
from tubelet.latent.errors import LatentError
from tubelet.latent.masks import read_mask
from tubelet.media.mask_folder import MaskFolder
from tubelet.store.annotations import text_table
from tubelet.store.annotations.importing import ImportOptions, import_sources
from tubelet.store.errors import AnnotationError


def write_repeated(path, rows: int, text: str) -> None:
    """Parquet whose rows all have one text, which the file holds once."""
    kept = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), [text])
    pq.write_table(pa.table({"name": kept, "label": kept}), path, store_schema=False)


def write_rows(path, monkeypatch) -> str:
    monkeypatch.setattr(text_table, "CELLS", 100_000)  # 50 million, which take a second to write
    write_repeated(path, 60_000, "a")
    return "2 columns and 60,000 rows"


def write_texts(path, monkeypatch) -> str:
    write_repeated(path, 2_000, "a" * 1_000_000)
    return r"unpacks to 4\.0 GB"


def write_columns(path, monkeypatch) -> str:
    path.write_text(",".join(f"c{n}" for n in range(200_000)) + "\n")
    return "200,000 columns"


def write_columns_by_row(path, monkeypatch) -> str:
    path.write_text("".join(f'{{"c{number}": 1}}\n' for number in range(9_000)))
    return "9,000 columns and 9,000 rows"


def write_blanks(path, monkeypatch) -> str:
    path.write_text("a 1\na" + " " * 300_000 + "b\n")
    return "line 2: not a path and a number"


BOMBS = {
    "a.parquet": write_rows,
    "b.parquet": write_texts,
    "c.csv": write_columns,
    "d.jsonl": write_columns_by_row,
    "e.txt": write_blanks,
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_table_that_unpacks_to_more_than_its_file_is_refused(name, tmp_path, monkeypatch):
    """Rows and texts that the file holds once, a header compared with itself, a column per row, a line of blanks."""
    path = tmp_path / name
    why = BOMBS[name](path, monkeypatch)
    assert path.stat().st_size < 5e6
    began_at = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(AnnotationError, match=why) as raised:
            text_table.read_table(path, "label")
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
    assert time.process_time() - began_at < 20 and "\n" not in str(raised.value)


def test_a_table_within_the_bounds_is_read_as_before(tmp_path):
    write_repeated(tmp_path / "a.parquet", 3, "v")
    found = text_table.read_table(tmp_path / "a.parquet", "label").columns
    assert found.to_pylist() == [{"name": "v", "label": "v"}] * 3


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = synthetic_store(tmp_path_factory.mktemp("bombs") / "store", videos=1, clips=1)
    yield made
    made.close()


@pytest.mark.parametrize("kind", ["large", "numbers"])
def test_a_folder_s_mask_of_too_many_pixels_or_numbers_is_refused(kind, store, tmp_path):
    folder = tmp_path / "video-00000"
    folder.mkdir()
    if kind == "large":
        (folder / "00000.png").write_bytes(picture(12_000, 9_000))
    else:
        numbers = np.arange(96 * 72, dtype=np.uint16).reshape(72, 96)
        Image.fromarray(numbers).save(folder / "00000.png")
    why = "108,000,000 pixels, more than" if kind == "large" else "6,912 numbers, more than"
    with pytest.raises(AnnotationError, match=why):
        import_sources(store, [MaskFolder(tmp_path)], ImportOptions())


def test_tensors_that_lie_over_each_other_are_refused(tmp_path):
    """A header of 100 names for one stretch of 4 MB, which stands for 400 MB."""
    entry = {"dtype": "F32", "shape": [1_000_000], "data_offsets": [0, 4_000_000]}
    head = json.dumps({f"t{number}": entry for number in range(100)}).encode()
    path = tmp_path / "dictionary.safetensors"
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(4_000_000))
    with pytest.raises(LatentError, match="is not a complete safetensors file"):
        read_tensors(path)


@pytest.mark.long
@pytest.mark.parametrize(
    "polygons", [[[0, 0, 0, 9000, 9, 5]] * 200, [[0, 0, *[0, 9000, 9, 5] * 100_000]]]
)
def test_polygons_that_take_hours_are_refused(polygons, monkeypatch):
    monkeypatch.setattr(mask_json, "EFFORT", 100_000_000)  # a tenth: of a minute
    one = {"id": 1, "image_id": 1, "segmentation": polygons}
    text = json.dumps({"images": [{"id": 1, "height": 9000, "width": 9000}], "annotations": [one] * 2})  # fmt: skip
    began_at = time.process_time()
    with pytest.raises(LatentError, match="too many rows and corners"):
        read_mask(text.encode())
    assert time.process_time() - began_at < 20
