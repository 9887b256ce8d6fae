"""Rollouts as a decoder draws them: predictions from the first half of a clip alone, beside the true slices and a copy, with both models' figures."""

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from tests.planted_transitions import (  # fmt: skip
    add_pictures,
    plant_decoder,
    plant_linear,
    plant_walk,
    transition_store,
)
from tubelet.cli import main
from tubelet.latent.decoding.decoder import choose_decoder, describe_quality
from tubelet.store.errors import StoreError
from tubelet.training.decoder.rollout import COPIED, PREDICTED, SEEN, TRUE, draw_rollout
from tubelet.training.fitting.errors import FitError
from tubelet.training.transition.options import TransitionOptions
from tubelet.training.transition.rows import load_transition
from tubelet.training.transition.run import fit_transitions

SHORT = TransitionOptions(steps=30, width=16, depth=1, horizons=2, device="cpu")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = transition_store(tmp_path_factory.mktemp("rollout") / "store", videos=6)
    linear = plant_linear(made)
    add_pictures(made, linear)
    plant_decoder(made, linear)
    plant_walk(made)
    fit_transitions(made, ["linear"], SHORT)
    yield made
    made.close()


@pytest.fixture(scope="module")
def known(store):
    """The decoder, a clip and the model of its encoder."""
    (row,) = store.rows("SELECT transition_id, encoder_id FROM transitions WHERE control IS NULL")
    (clip, *_) = store.rows("FROM clips WHERE encoder_id = $1 ORDER BY clip_id", [row["encoder_id"]])  # fmt: skip
    return choose_decoder(store, row["encoder_id"]), clip["clip_id"], row["transition_id"]


def test_rows_are_decoded_from_the_truth_the_rollout_and_a_copy(store, known) -> None:
    decoder, clip_id, transition_id = known
    found = draw_rollout(store, decoder, clip_id, transition_id)
    assert found.slices == tuple(range(6, 12))
    rows = dict(found.rows)
    assert list(rows) == [SEEN, TRUE, PREDICTED, COPIED]
    assert {pictures.shape for pictures in rows.values()} == {(6, 4, 4, 3)}
    grid = store.grid(clip_id).astype(np.float32)
    network, scaling = load_transition(store, transition_id)
    seen = scaling.scale(torch.from_numpy(grid[:6]))[None]
    predicted = []
    with torch.no_grad():
        for _ in range(6):
            predicted.append(network(seen[:, -8:])[:, -1])
            seen = torch.cat([seen, predicted[-1][:, None]], 1)
    tokens = (torch.cat(predicted) * scaling.std + scaling.mean).numpy()
    assert np.array_equal(rows[PREDICTED], decoder.head.draw(tokens))
    assert np.array_equal(rows[TRUE], decoder.head.draw(grid[6:]))
    assert np.array_equal(rows[COPIED], np.repeat(decoder.head.draw(grid[5:6]), 6, axis=0))


def test_the_command_says_what_both_models_reached(store, known, tmp_path) -> None:
    decoder, clip_id, transition_id = known
    output = tmp_path / "rolled.png"
    asked = ["decoder", "show", "--store", str(store.root), "-o", str(output), "--clip", clip_id]
    done = CliRunner().invoke(main, [*asked, "--transition", transition_id])
    assert done.exit_code == 0, done.output
    assert describe_quality(decoder.row) in done.output
    assert "One slice ahead the transition model explains" in done.output
    assert output.is_file()


def test_models_of_another_encoder_are_refused(store, known) -> None:
    decoder, clip_id, _ = known
    pixels = store.rows("SELECT transition_id FROM transitions WHERE control = 'pixels'")
    with pytest.raises(FitError, match="predicts raw pixels, and clip"):
        draw_rollout(store, decoder, clip_id, pixels[0]["transition_id"])
    with pytest.raises(StoreError, match="holds no transition nowhere"):
        draw_rollout(store, decoder, clip_id, "nowhere")
