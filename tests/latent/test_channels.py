"""Points of the map: each channel shows the number it is bound to."""

from collections.abc import Iterator

import numpy as np
import pytest

from tests.stores import synthetic_store
from tubelet.latent import channels, colorings
from tubelet.latent.basis import Basis
from tubelet.latent.channels import OfClip
from tubelet.latent.colorings import Coloring
from tubelet.store import Store, StoreError
from tubelet.store.rows import ClipRow


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(
        tmp_path_factory.mktemp("channels") / "store", videos=2, slices=3, side=4, dim=20
    )
    yield made
    made.close()


@pytest.fixture
def clip(store: Store) -> ClipRow:
    return ClipRow.of(store.rows("FROM clips ORDER BY clip_id")[0])


@pytest.fixture
def basis(store: Store, clip: ClipRow) -> Basis:
    return colorings.fit_basis(store, clip.encoder_id, Coloring("corpus"))


def read(data: bytes) -> np.ndarray:
    return np.frombuffer(data, [("place", "<f4", 3), ("color", "u1", 4)])


def test_addresses_and_statistics_stand_where_they_are_bound(
    store: Store, clip: ClipRow, basis: Basis
) -> None:
    found = read(
        channels.points(
            OfClip(store, clip),
            basis,
            ("patch column", "patch row", "slice", "norm", "slice", "all alike", "norm"),
        )
    )
    s, y, x = np.indices((3, 4, 4)).reshape(3, -1)
    assert np.allclose(found["place"], np.stack([x / 3, y / 3, s / 2], axis=1) * 2 - 1, atol=1e-6)
    norms = np.linalg.norm(store.grid(clip.clip_id).reshape(-1, 20).astype(np.float32), axis=1)
    low, high = np.quantile(norms, (0.005, 0.995))
    expected = np.clip((norms - low) / (high - low), 0, 1)
    assert np.abs(found["color"][:, 0] - expected * 255).max() <= 2
    assert np.abs(found["color"][:, 3] - (0.15 + 0.85 * expected) * 255).max() <= 2
    assert (found["color"][:, 2] == 255).all() and np.abs(
        found["color"][:, 1] - s / 2 * 255
    ).max() <= 1


def test_components_are_those_of_the_basis(store: Store, clip: ClipRow, basis: Basis) -> None:
    found = read(
        channels.points(OfClip(store, clip), basis, tuple(channels.choose_defaults(basis).values()))
    )
    coordinates = colorings.coordinates(store, clip.clip_id, basis).reshape(-1, basis.components)
    for axis in range(3):
        assert np.corrcoef(found["place"][:, axis], coordinates[:, axis])[0, 1] > 0.99
    assert (found["color"][:, 3] == 255).all()


def test_a_point_takes_sixteen_bytes(store: Store, clip: ClipRow, basis: Basis) -> None:
    assert len(channels.points(OfClip(store, clip), basis, ("slice",) * 7)) == 16 * 3 * 4 * 4


def test_what_is_undefined_stands_at_the_lower_end(
    store: Store, clip: ClipRow, basis: Basis
) -> None:
    found = read(channels.points(OfClip(store, clip), basis, ("previous_cosine", *("slice",) * 6)))
    assert (found["place"][:16, 0] == -1).all() and found["place"][16:, 0].max() == 1


@pytest.mark.parametrize(
    "names", ["", "slice", "|".join(["slice"] * 8), "|".join(["slice"] * 6 + ["component 99"])]
)
def test_names_that_no_token_has_are_refused(names: str, basis: Basis) -> None:
    with pytest.raises(StoreError, match="a map shows 7 of"):
        channels.parse(names, basis)
