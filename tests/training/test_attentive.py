"""The attentive probe: its attention equals the plain one, and it tells what the mean of the tokens does not hold."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import binom

from tests.compared import Other, add_encoder
from tests.planted_tokens import DIM, ORDER, PATCH, SIDE, SLICES, plant_tokens, token_store
from tubelet.latent.clips import open_clip
from tubelet.latent.colorings import Coloring, color_clip, fit_basis
from tubelet.latent.probes.attention import ProbeAttention, list_attention, read_attention
from tubelet.latent.probes.keeping import save_run
from tubelet.latent.probes.options import ProbeError, ProbeOptions
from tubelet.latent.probes.run import run_probes
from tubelet.latent.probes.tokens import TokenFiles
from tubelet.latent.probes.truth import read_truth
from tubelet.store import Store
from tubelet.store.disk import integrity
from tubelet.store.questions.model_rows import ListedAttentiveProbe as AttentiveProbeRow
from tubelet.training.attentive.batches import plan_batches
from tubelet.training.attentive.fitting import hold_back
from tubelet.training.attentive.method import make_method
from tubelet.training.attentive.model import AttentiveModel
from tubelet.training.attentive.network import (
    AttentiveProbe,
    answer_all,
    attend,
    choose_heads,
    normalize,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = token_store(tmp_path_factory.mktemp("attentive") / "store")
    yield made
    made.close()


def make_probe(dim: int = 12, heads: int = 3, outputs: int = 5) -> AttentiveProbe:
    """With weights far from those that it starts with."""
    made = AttentiveProbe(dim, heads, outputs, torch.Generator().manual_seed(0)).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.5 * torch.randn(parameter.shape, generator=generator, dtype=torch.double)
    return made


def answer_plainly(made: AttentiveProbe, tokens: torch.Tensor) -> torch.Tensor:
    """The same block with a key and a value per token."""
    seen = made.norm1(tokens)
    query = made.q(made.query).expand(len(tokens), 1, -1)
    split = [x.unflatten(2, (made.heads, -1)).transpose(1, 2) for x in (query, made.k(seen), made.v(seen))]  # fmt: skip
    found = F.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2)[:, 0]
    token = made.query + made.proj(found)
    return made.head(token + made.fc2(F.gelu(made.fc1(made.norm2(token)))))


def test_attention_without_keys_and_values_is_the_plain_one_with_its_gradients() -> None:
    made = make_probe()
    tokens = torch.randn((4, 30, 12), generator=torch.Generator().manual_seed(2)).double()
    normalized = F.layer_norm(tokens, (12,), eps=1e-5)
    gradients = []
    for answer in (answer_plainly(made, tokens), answer_all([made], normalized)[0]):
        made.zero_grad()
        answer.square().sum().backward()
        gradients.append({n: p.grad.clone() for n, p in made.named_parameters() if n != "k.bias"})
    torch.testing.assert_close(
        answer_all([made], normalized)[0], answer_plainly(made, tokens), rtol=1e-9, atol=1e-9
    )
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][name], gradient, rtol=1e-7, atol=1e-8)


def test_probes_of_a_sweep_answer_as_each_alone() -> None:
    probes = [make_probe(), make_probe(heads=2)]
    normalized = normalize(torch.randn((3, 9, 12), generator=torch.Generator().manual_seed(3))).double()  # fmt: skip
    for together, one in zip(answer_all(probes, normalized), probes):
        torch.testing.assert_close(together, answer_all([one], normalized)[0])
    weights, _ = attend(probes[0].attention_vectors(), normalized)
    assert weights.shape == (3, 3, 9)
    torch.testing.assert_close(weights.sum(2), torch.ones(3, 3).double())


@pytest.mark.parametrize(("dim", "heads"), [(16, 1), (768, 12), (1280, 20), (200, 2), (197, 1)])
def test_heads_are_as_those_of_the_encoders(dim, heads) -> None:
    assert choose_heads(dim) == heads


@pytest.mark.long
@pytest.mark.parametrize("name", [ORDER, PATCH])
def test_it_tells_what_the_mean_does_not_hold(name, store) -> None:
    """The label lies in the order of the slices, or in one patch; linear on the mean is at chance, and so are shuffled labels."""
    asked = ProbeOptions(kind="attentive", folds=2, batch=8, device="cpu", rates="3e-3")
    run = run_probes(store, "action", (name,), asked, make_method(asked))
    reached = {one.control: one.score for one in run.results}
    linear = run_probes(store, "action", (name,), ProbeOptions(folds=2))
    assert reached[None].value >= 0.95, reached
    assert linear.probes[0].score.value <= 0.7
    assert reached["shuffled"].value <= 0.7
    assert {"shuffled", "majority", "position"} <= reached.keys()
    assert run.probes[0].trial.strength == 3e-3
    save_run(store, run)
    rows = store.rows(
        "SELECT count(*) AS videos, avg(correct::INT) AS score FROM predictions JOIN probes USING (probe_id) WHERE kind = 'attentive' AND control IS NULL AND starts_with(encoder_id, $name)",
        {"name": name},
    )
    assert rows == [
        {"videos": len(run.truth.video_ids), "score": pytest.approx(reached[None].value)}
    ]
    if name == PATCH:
        check_attention(store, run.probes[0].place.encoder_id)


def check_attention(store: Store, encoder_id: str) -> None:
    """Where a model that never saw a video looks at one patch above all, that is one of the two that the label lies in, more often than patches chosen blindly would be once in a million runs; it may do so
    for one class alone, and need not look at the other. That the map is the attention of the network, exactly, is another test's (`test_a_sweep_keeps_...`)."""
    (probe,) = list_attention(store, encoder_id).values()
    attention = read_attention(store, encoder_id, probe.probe_id)
    clips = store.rows("SELECT clip_id, video_id FROM clips WHERE encoder_id = ? ORDER BY video_id", [encoder_id])  # fmt: skip
    assert set(attention.vectors) == {0, 1} and all(attention.is_held_out(row["video_id"]) for row in clips)  # fmt: skip
    found = []
    for number, row in enumerate(clips):
        told = np.random.default_rng([number, 6]).permutation(SLICES * SIDE * SIDE)[:2]
        looked = attention.of_clip(open_clip(store, row["clip_id"]))
        assert looked.shape == (SLICES, SIDE, SIDE) and looked.mean() == pytest.approx(1, abs=1e-3)
        if looked.max() > looked.size / 4:
            found.append(looked.argmax() in told)
    by_chance = int(binom.isf(1e-6, len(found), 2 / looked.size))
    assert len(found) > len(clips) / 4 and sum(found) > by_chance, found
    basis = fit_basis(store, encoder_id, Coloring("attention", probe.probe_id))
    colors = color_clip(store, row["clip_id"], basis)
    assert colors.reshape(-1, 3)[:, 0].argmax() == looked.argmax(), "the brightest is where it looks"  # fmt: skip
    assert (colors[..., 0] == colors[..., 2]).all()
    other = store.rows("SELECT encoder_id FROM encoders WHERE encoder_id != ?", [encoder_id])
    with pytest.raises(ProbeError, match="holds no attention of a probe"):
        read_attention(store, other[0]["encoder_id"], probe.probe_id)
    assert list(integrity.check(store)) == []


def learn(
    store: Store, name: str, rates: tuple[float, ...], epochs: int
) -> tuple[AttentiveModel, TokenFiles, np.ndarray]:
    """A probe of all videos, and their classes."""
    asked = ProbeOptions(
        kind="attentive", batch=8, device="cpu", epochs=epochs, rates=",".join(map(str, rates))
    )
    method = make_method(asked)
    truth = read_truth(store, "action", asked)
    tokens = method.read(store, method.find_places(store, (name,), ())[0]).only(truth.video_ids)
    data = tokens.take(np.ones(len(tokens.files), bool)), truth.values, truth.groups
    return method.train("attentive", "classes", data, 0)[0], tokens, truth.values


@pytest.mark.long
def test_a_sweep_keeps_the_rate_that_does_best_on_videos_held_back(store) -> None:
    """At 1e-9 nothing is learned."""
    found, tokens, _ = learn(store, ORDER, (1e-9, 3e-3), 24)
    assert found.fitted.rate == 3e-3 and found.fitted.loss < 0.6
    chances = found.predict_proba(tokens.files)
    assert chances.shape == (len(tokens.files), 2)
    np.testing.assert_allclose(chances.sum(1), 1)
    clip = open_clip(store, tokens.clip_ids[0])
    probe = AttentiveProbeRow(probe_id="p", encoder_id=clip.encoder_id, layer="last", label_name="action", score=None)  # fmt: skip
    looked = ProbeAttention(probe, {0: found.attention}, {}).of_clip(clip)
    with torch.inference_mode():
        flat = normalize(torch.from_numpy(clip.grid).reshape(1, -1, DIM))
        weights, _ = attend(found.fitted.probe.attention_vectors(), flat)
    wanted = weights[0].mean(0).numpy() * looked.size
    np.testing.assert_allclose(looked.ravel(), wanted, rtol=1e-3, atol=1e-5)


def test_the_same_seed_gives_the_same_probe(store) -> None:
    first, second = (learn(store, PATCH, (1e-3,), 2)[0] for _ in range(2))
    for one, other in zip(first.fitted.probe.parameters(), second.fitted.probe.parameters()):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_what_is_held_back_shares_no_group_with_what_is_learned() -> None:
    groups = np.arange(40) // 4
    values = np.array(["a", "b"])[groups % 2]
    parts = hold_back("classes", values, groups, 0)
    assert parts is not None
    learned, held = parts
    assert sorted([*learned, *held]) == list(range(40))
    assert not set(groups[learned]) & set(groups[held])
    assert set(values[held]) == {"a", "b"}
    assert hold_back("classes", values[:8], groups[:8], 0) is None  # one group per class
    numbers = hold_back("numbers", np.linspace(0, 1, 40), groups, 0)
    assert numbers is not None and not set(groups[numbers[0]]) & set(groups[numbers[1]])


def test_a_batch_has_clips_of_one_length_and_each_clip_comes_once() -> None:
    tokens = [16, 8, 16, 16, 8, 16]
    batches = plan_batches(tokens, 3, np.random.default_rng(0))
    assert sorted(np.concatenate(batches)) == list(range(6))
    assert all(len({tokens[n] for n in batch}) == 1 and len(batch) <= 3 for batch in batches)
    assert [list(batch) for batch in plan_batches(tokens, 3, None)] == [[1, 4], [0, 2, 3], [5]]


def test_clips_of_several_shapes_are_answered_as_each_alone_and_numbers_are_scaled_back(
    tmp_path,
) -> None:
    made = token_store(tmp_path / "store", videos=6)
    generator = np.random.default_rng(0)
    grids = [generator.normal(0, 1, (2 + n % 2, 2, 1 + n % 3, DIM)) for n in range(6)]
    plant_tokens(made, "mixed", grids)
    asked = ProbeOptions(kind="attentive", device="cpu", epochs=2, batch=4)
    method = make_method(asked)
    tokens = method.read(made, method.find_places(made, ("mixed",), ())[0])
    assert isinstance(tokens, TokenFiles)
    values = np.linspace(900, 1100, 6)
    model, _ = method.train("attentive", "numbers", (tokens.files, values, np.arange(6)), 0)
    found = model.predict(tokens.files)
    alone = [model.predict([file])[0] for file in tokens.files]
    np.testing.assert_allclose(found, alone, rtol=1e-4)
    assert 800 < found.mean() < 1200
    made.close()


def test_what_cannot_be_learned_from_is_a_sentence(tmp_path) -> None:
    made = token_store(tmp_path / "store", videos=6)
    grids = [np.ones((2, 2, 2, DIM)) for _ in range(6)]
    grids[4][1, 0, 1, 3] = np.inf
    with np.errstate(all="ignore"):  # of the statistics
        broken = plant_tokens(made, "broken", grids)
    asked = ProbeOptions(kind="attentive", folds=2, device="cpu", epochs=1)
    with pytest.raises(ProbeError, match="has tokens that are not finite: run `tubelet check`"):
        run_probes(made, "action", (broken,), asked, make_method(asked))
    add_encoder(made, Other("bare", factor=1, embeddings=False))
    with pytest.raises(
        ProbeError,
        match=r"no clip of bare-\S+ in .* keeps its tokens, which an attentive probe learns from",
    ):
        run_probes(made, "action", ("bare",), asked, make_method(asked))
    with pytest.raises(
        ProbeError, match="has stored states of layer 'block:3': available are last"
    ):
        asked = ProbeOptions(kind="attentive", layer="block:3", device="cpu")
        run_probes(made, "action", (), asked, make_method(asked))
    made.close()


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"rates": "1e-3,fast"}, "fast is not a number above 0 and up to 1"),
        ({"rates": "1e-3,,"}, "nothing is not a number"),
        ({"rates": ",".join(f"{n}e-5" for n in range(1, 18))}, "names 17 learning rates"),
    ],
)
def test_rates_that_are_none_are_refused(asked, told) -> None:
    with pytest.raises(ProbeError, match=told):
        ProbeOptions(**asked)


def test_only_what_decides_the_numbers_is_a_setting() -> None:
    assert not {"device", "rates", "batch"} & ProbeOptions(rates="1e-4").settings.keys()
    attentive = ProbeOptions(kind="attentive", rates="1e-4", device="cpu").settings
    assert attentive["rates"] == "1e-4" and "device" not in attentive
