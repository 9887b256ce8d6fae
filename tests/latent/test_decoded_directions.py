"""Directions and cluster centers as a decoder draws them: where a head is known, each picture says the token that was drawn."""

from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.dashboard.test_dashboard import open_page, text
from tests.planted_directions import direction_store, draw_tokens
from tests.planted_transitions import plant_decoder
from tubelet.cli import main
from tubelet.latent import bases, fitting
from tubelet.latent.decoding.along import STEPS, draw_along
from tubelet.latent.decoding.decoder import LoadedDecoder, choose_decoder, describe_quality
from tubelet.latent.decoding.head import DecoderHead
from tubelet.latent.directions.naming import find_direction
from tubelet.latent.errors import LatentError
from tubelet.latent.fitting import BasisSpec
from tubelet.latent.scope import Scope
from tubelet.latent.workspace import Workspace
from tubelet.reports.literal import literal_sentence

DIM, PATCH = 12, 2
GRAY, EACH = 128, 10  # what a head draws of 0, and per unit of dimension 3


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = direction_store(tmp_path_factory.mktemp("along") / "store", draw_tokens(8, 1))
    for name, spec in {"groups": BasisSpec(kind="kmeans", clusters=3), "unit": BasisSpec(unit=True)}.items():  # fmt: skip
        bases.save_basis(made, fitting.fit_basis(made, Scope.of(made), spec), name)
    (row,) = made.rows("SELECT encoder_id FROM encoders")
    plant_decoder(made, row["encoder_id"])
    yield made
    made.close()


@pytest.fixture(scope="module")
def decoder(store):
    """A head that draws dimension 3 as gray: 128 and 10 per unit, whatever lies around."""
    first = np.zeros((2, DIM), np.float32)
    first[0, 3], first[1, 3] = 1, -1  # one of the two is not cut off
    last = np.tile(np.array([[EACH, -EACH]], np.float32) / 255, (PATCH * PATCH * 3, 1))
    tensors = {
        "scaling.mean": np.zeros(DIM, np.float32), "scaling.std": np.ones(DIM, np.float32),
        "first.weight": first, "first.bias": np.zeros(2, np.float32),
        "last.weight": last, "last.bias": np.full(PATCH * PATCH * 3, GRAY / 255, np.float32),
    }  # fmt: skip
    for name in ("near", "far"):
        tensors |= {f"{name}.weight": np.zeros((2, 2, 3, 3), np.float32), f"{name}.bias": np.zeros(2, np.float32)}  # fmt: skip
    (row,) = store.rows("SELECT encoder_id FROM encoders")
    return LoadedDecoder(DecoderHead(tensors, PATCH), choose_decoder(store, row["encoder_id"]).row)


def draw(store, decoder, name):
    encoder_id = decoder.row.encoder_id
    sample = Workspace(store).direction_sample(encoder_id)
    return draw_along(store, decoder, find_direction(store, encoder_id, name), sample), sample


def test_steps_are_standard_deviations_from_the_mean_token(store, decoder) -> None:
    found, sample = draw(store, decoder, "3")
    values = sample.vectors[:, 3].astype(np.float64)
    expected = GRAY + EACH * (values.mean() + np.array(STEPS) * values.std())
    assert found.names == ("-2 sd", "-1 sd", "mean", "+1 sd", "+2 sd")
    assert found.pictures.shape == (5, PATCH, PATCH, 3)
    assert np.abs(found.pictures - expected[:, None, None, None]).max() <= 1
    along, _ = draw(store, decoder, "0")  # a dimension that the head does not see
    assert (along.pictures == along.pictures[2]).all()


def test_a_cluster_is_drawn_with_its_center(store, decoder) -> None:
    found, _ = draw(store, decoder, "cluster:groups:1")
    (row,) = store.rows("SELECT basis_id FROM bases WHERE name = 'groups'")
    center = bases.load_basis(store, row["basis_id"]).model.centers[1]
    assert found.names[-1] == "center"
    assert np.abs(found.pictures[-1] - (GRAY + EACH * center[3])).max() <= 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("basis:unit:1", "no token is a step along it: choose a direction of a basis without that"),
        ("5", "dimension 5 has the same value everywhere: there is no step along it"),
    ],
)
def test_directions_without_steps_are_refused(store, decoder, name, said) -> None:
    with pytest.raises(LatentError, match=said):
        draw(store, decoder, name)


def test_a_decoder_of_another_encoder_is_refused(store, decoder) -> None:
    other = LoadedDecoder(decoder.head, replace(decoder.row, encoder_id="stranger"))
    sample = Workspace(store).direction_sample(decoder.row.encoder_id)
    direction = find_direction(store, decoder.row.encoder_id, "3")
    with pytest.raises(
        LatentError, match="draws tokens of stranger .layer last., and these are of"
    ):
        draw_along(store, other, direction, sample)


def test_the_page_and_the_command_show_them_with_what_the_decoder_reached(store, decoder, tmp_path) -> None:  # fmt: skip
    page = open_page("dimension", store, dimension="3")
    assert not page.exception
    assert "What does a decoder draw along it?" in [one.value for one in page.header]
    assert literal_sentence(describe_quality(decoder.row)) in text(page)
    output = tmp_path / "along.png"
    asked = ["decoder", "show", "--store", str(store.root), "-o", str(output)]
    done = CliRunner().invoke(main, [*asked, "--encoder", "toy", "--direction", "cluster:groups:0"])
    assert done.exit_code == 0, done.output
    assert describe_quality(decoder.row) in done.output
    with Image.open(output) as image:
        assert image.width == 6 * 132 + 4
    for more, said in (([], "pass either --clip or --direction"), (["--direction", "3"], "--direction needs --encoder or --decoder")):  # fmt: skip
        wrong = CliRunner().invoke(main, [*asked, *more])
        assert wrong.exit_code == 2 and said in wrong.output
