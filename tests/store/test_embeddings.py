"""The embedding file: what is written is read, whole or by slices, and its layout is the one promised."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tubelet.store.disk import embeddings
from tubelet.store.errors import StoreError


def written(tmp_path, shape, name="clip"):
    grid = np.random.default_rng(1).normal(size=shape).astype("<f2")
    path = tmp_path / f"{name}.parquet"
    data = embeddings.serialize(name, grid)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return path, grid, embeddings.EmbeddingFile.describe(data)


@pytest.mark.parametrize(
    "shape",
    [
        (1, 2, 2, 1),
        (1, 1, 1, 16),
        (4, 5, 7, 16),
        (22, 24, 24, 64),
        (300, 2, 2, 3),
        (2, 24, 24, 1664),
    ],
)
def test_a_grid_comes_back_bit_for_bit(tmp_path, shape):
    path, grid, file = written(tmp_path, shape)
    assert path.stat().st_size == file.bytes
    assert np.array_equal(embeddings.read(path), grid)
    assert np.array_equal(embeddings.read(path, shape[0] - 1), grid[-1:])
    assert np.array_equal(embeddings.read(path, 0, 0), grid[:0])


def test_a_grid_is_read_into_an_array_that_fits_and_into_no_other(tmp_path):
    path, grid, _ = written(tmp_path, (4, 5, 7, 16))
    batch = np.zeros((2, 140, 16), np.float16)
    found = embeddings.read(path, into=batch[1].reshape(4, 5, 7, 16))
    assert np.array_equal(found, grid) and np.array_equal(batch[1], grid.reshape(-1, 16))
    assert not batch[0].any()
    with pytest.raises(StoreError, match=r"holds a grid of \(4, 5, 7, 16\), and its clip says"):
        embeddings.read(path, into=np.zeros((4, 7, 5, 16), np.float16))
    with pytest.raises(ValueError, match="without gaps"):
        embeddings.read(path, into=np.zeros((4, 5, 7, 32), np.float16)[..., ::2])
    table = pq.read_table(path)
    pq.write_table(table, path, compression="zstd", row_group_size=33)
    assert np.array_equal(embeddings.read(path, into=np.zeros_like(grid)), grid)


def test_the_layout_is_plain_bytes_a_page_a_slice_and_needs_no_fallback(tmp_path):
    path, _, _ = written(tmp_path, (4, 6, 6, 768))
    footer = pq.read_metadata(path)
    assert footer.num_row_groups == 4 and footer.row_group(0).num_rows == 36
    column = footer.row_group(0).column(4)
    assert (
        column.compression == "UNCOMPRESSED"
        and not column.has_dictionary_page
        and not column.is_stats_set
    )
    assert footer.schema.to_arrow_schema().field("embedding").type == pa.binary(2 * 768)
    assert embeddings._offsets(str(path), 0, 0).starts is not None


def test_a_file_laid_out_otherwise_is_read_all_the_same(tmp_path):
    path, grid, _ = written(tmp_path, (4, 5, 5, 8))
    table = pq.read_table(path)
    pq.write_table(table, path, compression="zstd", row_group_size=33)
    assert np.array_equal(embeddings.read(path), grid)
    assert np.array_equal(embeddings.read(path, 1, 3), grid[1:3])


def test_the_same_grid_gives_the_same_bytes(tmp_path):
    (_, _, first), (_, _, second) = (
        written(tmp_path / "a", (3, 4, 4, 16)),
        written(tmp_path / "b", (3, 4, 4, 16)),
    )
    assert first == second


def test_a_foreign_parquet_file_is_refused(tmp_path):
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(StoreError, match="not an embedding file"):
        embeddings.read(tmp_path / "other.parquet")


def test_a_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="grid.shape"):
        embeddings.serialize("clip", np.zeros((2, 2, 2), np.float16))
