"""Sparse autoencoders find planted factors, and say what they leave; dictionaries trained elsewhere do what their file says."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

from tests.commands import run_here
from tests.planted_directions import direction_store
from tests.planted_factors import ACTIVE, count_found, draw_factors, draw_sums
from tubelet.latent import bases, dictionary_fit
from tubelet.latent.dictionary import Dictionary, measure_sparsity
from tubelet.latent.dictionary_file import read_dictionary
from tubelet.latent.dictionary_fit import DictionaryOptions, draw_batches
from tubelet.latent.directions.naming import find_direction
from tubelet.latent.errors import LatentError
from tubelet.latent.fitting import BasisSpec
from tubelet.latent.scope import Scope
from tubelet.store import Store
from tubelet.training.dictionaries.method import RATE, make_trainer
from tubelet.training.dictionaries.training import DictionaryRecipe, train_dictionary

DIM, VIDEOS, CLIPS = 32, 8, 4


@pytest.fixture(scope="module")
def factors() -> np.ndarray:
    return draw_factors(5)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, factors: np.ndarray) -> Iterator[Store]:
    tokens, _ = draw_sums(5, VIDEOS * CLIPS * 64, factors)
    shaped = tokens.reshape(VIDEOS, CLIPS, 4, 4, 4, DIM).astype("<f2")
    made = direction_store(tmp_path_factory.mktemp("factors") / "store", shaped)
    yield made
    made.close()


@pytest.mark.parametrize("seed", range(3))
def test_planted_factors_are_found_again(seed: int) -> None:
    """48 factors in 32 dimensions, three per token: at least 95% at a cosine above 0.9."""
    factors = draw_factors(seed)
    tokens, _ = draw_sums(seed, 20_000, factors)
    recipe = DictionaryRecipe(features=96, active=ACTIVE, steps=300, rate=RATE / DIM**0.5, seed=seed, device=torch.device("cpu"))  # fmt: skip
    model, found = measure_sparsity(
        train_dictionary(draw_batches(tokens, 128, seed), tokens, recipe), tokens[:4000]
    )
    assert count_found(factors, model.decoder) >= 0.95
    assert found.explained > 0.85 and found.active_per_token == pytest.approx(ACTIVE, abs=0.1)
    assert np.allclose(np.linalg.norm(model.decoder, axis=1), 1, atol=1e-5)
    mixed = tokens[:, np.random.default_rng(seed).permutation(DIM)]  # other factors
    assert count_found(factors, np.linalg.qr(mixed[:DIM])[0].astype(np.float32)) < 0.2


def test_numbers_say_what_a_dictionary_leaves(factors: np.ndarray) -> None:
    tokens, amounts = draw_sums(1, 2000, factors)
    mean = (tokens - amounts @ factors).mean(0)
    exact = Dictionary.make((np.zeros_like(factors), factors, np.zeros(len(factors)), mean), 0)
    assert np.allclose(exact.rebuild(amounts), tokens, atol=0.4)
    silent, found = measure_sparsity(exact, tokens)
    assert found.active_per_token == 0 and not silent.frequency.any() and found.explained <= 0
    square = tokens - tokens.mean(0)
    assert found.total == pytest.approx((square**2).sum() / 1999, rel=1e-4)
    ones = Dictionary.make((np.eye(DIM), np.eye(DIM), np.zeros(DIM), tokens.mean(0)), 5)
    known, found = measure_sparsity(ones, tokens)
    kept = np.sort(np.maximum(tokens - tokens.mean(0), 0), axis=1)[:, -5:]
    assert found.active_per_token == pytest.approx(5, abs=0.01)
    assert known.transform(tokens).sum() == pytest.approx(kept.sum(), rel=1e-4)
    assert found.explained == pytest.approx((2 * (kept**2).sum() - (kept**2).sum()) / (square**2).sum(), rel=1e-3)  # fmt: skip


def test_all_tokens_are_streamed_and_the_basis_comes_back_from_the_store(
    store: Store, factors: np.ndarray
) -> None:
    where = Scope.of(store)
    options = DictionaryOptions(features=96, active=ACTIVE, steps=400, batch=128, every_token=True)
    wish = BasisSpec(kind="sae"), options
    lines: list[str] = []
    fitted = dictionary_fit.fit_dictionary(store, where, wish, make_trainer("cpu", lines.append))
    bases.save_basis(store, fitted, "factors")
    again = bases.load_basis(store, fitted.basis_id)
    assert count_found(factors, again.model.decoder) >= 0.95
    assert again.parameters == fitted.parameters and lines[-1] == "step 400 of 400"
    for name, part in fitted.model.arrays.items():
        assert np.array_equal(part, again.model.arrays[name]), name
    settings = again.parameters
    assert settings["explained"] > 0.8 and settings["active_per_token"] <= ACTIVE
    assert (
        settings["dead"] == np.count_nonzero(again.model.frequency == 0)
        and settings["steps"] == 400
    )
    (row,) = [row for row in bases.list_bases().read(store, bases.ListedBasis) if row.kind == "sae"]
    said = bases.describe_basis(row)
    assert "factors: sae of 96 features" in said and "features active per token (L0)" in said
    assert f"{settings['dead']:,} dead" in said
    stream = dictionary_fit.stream_clips(store, where.encoder_id, fitted.preparation, (100, 0))
    seen = 0
    while seen < VIDEOS * CLIPS * 64:
        seen += len(next(stream))
    assert seen == VIDEOS * CLIPS * 64, "one pass holds every token once"


def write_dictionary(path: Path, names: tuple[str, str, str, str], transposed: bool) -> Dictionary:
    rng = np.random.default_rng(8)
    encoder, decoder = rng.standard_normal((2, 40, DIM)).astype(np.float32)
    bias, mean = rng.standard_normal(40).astype(np.float32), rng.standard_normal(DIM).astype(np.float32)  # fmt: skip
    turned = encoder.T.copy() if transposed else encoder
    save_file(dict(zip(names, (turned, bias, decoder, mean))), path)
    return Dictionary.make((encoder, decoder, bias, mean), 0)


@pytest.mark.parametrize(
    ("names", "transposed"),
    [
        (("W_enc", "b_enc", "W_dec", "b_dec"), True),
        (("encoder.weight", "encoder.bias", "W_dec", "b_dec"), False),
        (("W", "b", "W_dec", "pre_bias"), False),
    ],
)
def test_a_file_is_read_by_the_names_of_its_trainer(tmp_path: Path, names: tuple, transposed: bool) -> None:  # fmt: skip
    expected = write_dictionary(tmp_path / "x.safetensors", names, transposed)
    found = read_dictionary(tmp_path / "x.safetensors", DIM)
    for name, part in expected.arrays.items():
        assert np.array_equal(part, found.arrays[name]), name


def test_w_and_b_alone_are_tied_and_other_precisions_are_read(tmp_path: Path) -> None:
    rows = torch.randn(20, DIM, generator=torch.Generator().manual_seed(0))
    for kind in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        save_tensors({"W": rows.to(kind), "b": torch.ones(20, dtype=kind)}, tmp_path / "x.safetensors")  # fmt: skip
        found = read_dictionary(tmp_path / "x.safetensors", DIM, active=4)
        assert np.array_equal(found.encoder, rows.to(kind).float().numpy()) and found.active == 4
        assert np.allclose((found.encoder * found.decoder).sum(1), 1, atol=1e-4)
        assert (found.bias == 1).all() and not found.mean.any()


def test_a_feature_is_a_direction_before_its_threshold_and_its_sql_equals_it(store: Store, tmp_path: Path) -> None:  # fmt: skip
    made = write_dictionary(tmp_path / "x.safetensors", ("W_enc", "b_enc", "W_dec", "b_dec"), True)
    path = tmp_path / "x.safetensors"
    said = run_here("basis", "import", path, "--store", store.root, "--name", "else", check=True)
    assert "else: dictionary of 40 features from x.safetensors" in said.stdout
    encoder_id = Scope.of(store).encoder_id
    direction = find_direction(store, encoder_id, "feature:else:17")
    rows = store.query(
        "SELECT embedding, component('feature:else:17', embedding) AS value FROM token_samples LIMIT 50"
    )
    vectors = np.array(rows["embedding"].to_pylist(), np.float32)
    zeros = np.zeros(len(vectors), int)
    values = direction.measure(vectors, zeros, zeros)
    assert np.allclose(values, rows["value"].to_numpy(), atol=1e-3)
    assert np.allclose(np.maximum(values, 0), made.transform(vectors)[:, 17], atol=1e-3)
    with pytest.raises(LatentError, match="dictionary else has no feature 40: it has features 0 to 39"):  # fmt: skip
        find_direction(store, encoder_id, "feature:else:40")


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"W": np.ones((5, 7), np.float32)}, "W of .* is 5 x 7, and this encoder's embeddings have 32 dimensions"),
        ({"V": np.ones((5, 32), np.float32)}, "holds V, and no encoder: name its tensors W, encoder.weight"),
        ({"W": np.ones((5, 32), np.float32), "b": np.ones(4, np.float32)}, "b of .* has 4 numbers, and 5 are needed"),
        ({"W": np.full((5, 32), np.nan, np.float32)}, "holds numbers that are not finite"),
        ({"W": np.full((5, 32), 1e300)}, "holds numbers beyond 1,000,000,000"),
        ({"W": np.full((5, 32), 3e38, np.float32)}, "holds numbers beyond 1,000,000,000"),
        ({"W": np.ones((0, 32), np.float32)}, "has no feature"),
        ({"W": np.array(1, np.float32)}, "W of .* is one number, and this encoder's embeddings have 32 dimensions"),
        ({"W": np.ones((5, 32), np.int8)}, "holds no tensor of real numbers, and no encoder"),
        ({"W_enc": np.ones((32, 5), np.float32), "threshold": np.ones(5, np.float32)}, "is a JumpReLU dictionary"),
        ({"W": np.ones((5, 32), np.float32), "W_dec": np.ones((4, 32), np.float32)}, "5 features in its encoder and 4 in its decoder"),
    ],
)  # fmt: skip
def test_a_dictionary_that_does_not_fit_says_why(tmp_path: Path, tensors: dict, said: str) -> None:
    save_file(tensors, tmp_path / "x.safetensors")
    with pytest.raises(LatentError, match=said):
        read_dictionary(tmp_path / "x.safetensors", DIM)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:7],
        lambda data: data[:60],
        lambda data: data[:-4],
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: data[:8] + b"[" + data[9:],
        lambda data: (4).to_bytes(8, "little") + b"null" + data[8:],
        lambda data: b"PK\x03\x04" + data,
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, damage) -> None:
    path = tmp_path / "x.safetensors"
    save_file({"W": np.ones((5, 32), np.float32)}, path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(LatentError, match="is not a complete safetensors file"):
        read_dictionary(path, DIM)


def test_what_cannot_be_trained_says_so(store: Store) -> None:
    where, train = Scope.of(store), make_trainer("cpu")
    for spec, options, said in (
        (BasisSpec(kind="sae", positions=True), DictionaryOptions(), "leave --remove-position-mean"),
        (BasisSpec(kind="sae"), DictionaryOptions(active=8, features=8), "--active is 8 and --features 8"),
    ):  # fmt: skip
        with pytest.raises(LatentError, match=said):
            dictionary_fit.fit_dictionary(store, where, (spec, options), train)
    clip = store.rows("SELECT min(clip_id) AS id FROM clips")[0]["id"]
    with pytest.raises(LatentError, match="--all-tokens streams the whole corpus"):
        one = Scope.of(store, clip=clip)
        dictionary_fit.fit_dictionary(store, one, (BasisSpec(kind="sae"), DictionaryOptions(every_token=True)), train)  # fmt: skip
