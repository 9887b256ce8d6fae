"""Colors of tokens against scikit-learn and NumPy; names of colorings there and back."""

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.decomposition import PCA

from tests.stores import Recipe, synthetic_store
from tubelet.latent import colorings
from tubelet.latent.colorings import Coloring, PreparationOptions
from tubelet.store import Store, StoreError, TubeletError


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(
        tmp_path_factory.mktemp("colors") / "store", videos=4, slices=4, side=6, dim=24
    )
    yield made
    made.close()


def scaled(values: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    return np.clip((values - low) / (high - low), 0, 1) * 255


def test_dimensions_are_scaled_by_the_quantiles_of_the_sample(store: Store) -> None:
    clip = store.rows("FROM clips ORDER BY clip_id")[2]
    sample = np.array(store.query("SELECT embedding FROM token_samples")["embedding"].to_pylist())[
        :, [3, 9, 20]
    ]
    expected = scaled(
        store.grid(clip["clip_id"])[..., [3, 9, 20]].astype(float),
        *np.quantile(sample, (0.005, 0.995), axis=0),
    )
    found = colorings.color_clip(
        store,
        clip["clip_id"],
        colorings.fit_basis(store, clip["encoder_id"], Coloring.parse("dimensions-3.9.20")),
    )
    assert np.abs(found - expected).max() <= 1 and found.std() > 30


def test_components_of_a_clip_are_scikit_learn_s(store: Store) -> None:
    clip = store.rows("FROM clips ORDER BY clip_id")[1]
    tokens = store.grid(clip["clip_id"]).reshape(-1, 24).astype(np.float64)
    coordinates = PCA(3).fit_transform(tokens)
    basis = colorings.fit_basis(store, clip["encoder_id"], Coloring("clip", clip["clip_id"]))
    found = colorings.color_clip(store, clip["clip_id"], basis).reshape(-1, 3)
    for channel in range(3):
        low, high = np.quantile(coordinates[:, channel], (0.005, 0.995))
        one = scaled(coordinates[:, channel], low, high)
        assert (
            min(
                np.abs(found[:, channel] - one).max(), np.abs(found[:, channel] - (255 - one)).max()
            )
            <= 1
        )


def test_background_is_gray_where_the_foreground_alone_is_wanted(store: Store) -> None:
    clip = store.rows("FROM clips ORDER BY clip_id")[0]
    basis = colorings.fit_basis(
        store, clip["encoder_id"], Coloring("corpus", options=PreparationOptions(foreground=True))
    )
    found = colorings.color_clip(store, clip["clip_id"], basis)
    gray = np.ptp(found.astype(int), axis=-1) == 0
    assert 0.02 < gray.mean() < 0.98
    assert found[gray].max() <= 64


@pytest.mark.parametrize(
    "name",
    [
        "corpus",
        "corpus~unit~foreground",
        "video-00ff",
        "clip-1a~positions",
        "basis-77",
        "dimensions-0.12.700",
    ],
)
def test_names_of_colorings_lead_there_and_back(name: str) -> None:
    assert Coloring.parse(name).name == name


@pytest.mark.parametrize(
    "name",
    ["", "corpse", "dimensions-1.2", "dimensions", "corpus~loud", "clip-../x", "corpus~unit/x"],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(StoreError, match="no coloring is called"):
        Coloring.parse(name)


def test_clips_without_embeddings_have_no_colors_and_the_reason_is_said(tmp_path) -> None:
    bare = synthetic_store(tmp_path / "store", embeddings=False)
    clip = bare.rows("FROM clips")[0]
    basis = colorings.fit_basis(
        bare, clip["encoder_id"], Coloring("corpus")
    )  # from the sample, which is always there
    with pytest.raises(TubeletError, match="without embeddings"):
        colorings.color_clip(bare, clip["clip_id"], basis)
    bare.close()


def test_wide_and_narrow_encoders_and_long_clips(tmp_path) -> None:
    for dim, slices in ((64, 150), (1664, 2), (2, 1)):
        made = synthetic_store(tmp_path / f"{dim}", videos=1, slices=slices, side=3, dim=dim)
        clip = made.rows("FROM clips")[0]
        found = colorings.color_clip(
            made,
            clip["clip_id"],
            colorings.fit_basis(made, clip["encoder_id"], Coloring("clip", clip["clip_id"])),
        )
        assert found.shape == (Recipe(slices=slices).slices, 3, 3, 3)
        made.close()
