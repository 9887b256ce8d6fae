"""Search by text, on small random models that transformers saved: texts and slices are its own embeddings, ranks those of a plain loop."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.captioned import MODELS, WORDS, save_captioned
from tests.commands import tubelet
from tests.tiers import thin
from tests.videos import make_video
from tubelet.cli.search import encode_with
from tubelet.ingest import encoders
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import CheckpointError, UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.texts.kinds import TEXT_KINDS
from tubelet.ingest.texts.tower import load_tower
from tubelet.latent.clips import open_clip
from tubelet.latent.errors import LatentError
from tubelet.latent.texts import head, keeping, run, search
from tubelet.store import Store
from tubelet.store.disk import integrity, removal

TEXT = "a Red cup"
SLICES = 4


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """By the name of a model: the model, a store of three videos, what the first search found, and the folder of both."""
    made = {}

    def search_once(name: str) -> tuple:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            model = save_captioned(folder / "model", name)
            for number in range(3):
                make_video(folder / "videos" / f"{number}.mp4", frames=8, seed=number)
            made[name] = model, *_search(folder, command=name == "siglip"), folder
        return made[name]

    yield search_once
    for _, store, _, _ in made.values():
        store.close()


def _search(folder: Path, command: bool) -> tuple[Store, dict]:
    """By the commands, each in a process of its own, or here, which is faster."""
    root, asked = folder / "store", {"frames": str(SLICES), "size": "32x40", "pairs": "0"}
    if command:
        told = [f"--{name}={value}" for name, value in asked.items()]
        tubelet("ingest", folder / "videos", "--store", root, "--encoder", folder / "model", *told, check=True)  # fmt: skip
        done = tubelet("search", TEXT, "--store", root, "--json", check=True)
        return Store(root), json.loads(done.stdout)
    job = Job.of(paths=[str(folder / "videos")], encoder=str(folder / "model"), device="cpu", **(asked | {"frames": SLICES}))  # fmt: skip
    running = job.run(str(root))
    assert not running.execute(job.sources).failures
    return running.store, run.search_text(running.store, TEXT, encode_with(None)).as_json()


def embed_text(name: str, model: torch.nn.Module) -> np.ndarray:
    """As transformers embeds it, its words numbered by hand."""
    numbers = [WORDS.index(word) for word in TEXT.lower().split()]
    if name == "siglip":  # padded, and the padding read
        ids = torch.tensor([numbers + [0] * (8 - len(numbers))])
        found = model.get_text_features(input_ids=ids)
    else:
        ids = torch.tensor([numbers])
        found = model.get_text_features(input_ids=ids, attention_mask=torch.ones_like(ids))
    vector = found.pooler_output[0].double().numpy()
    return vector / np.linalg.norm(vector)


def embed_patches(name: str, model: torch.nn.Module, tokens: torch.Tensor) -> np.ndarray:
    """Each token alone, by the modules of transformers."""
    if name == "siglip":
        return torch.cat([model.vision_model.head(one[None, None]) for one in tokens]).numpy()
    if name == "clip":
        return model.visual_projection(model.vision_model.post_layernorm(tokens)).numpy()
    return tokens.numpy()


def embed_slice(name: str, model: torch.nn.Module, tokens: torch.Tensor) -> np.ndarray:
    """SigLIP's own picture embedding of these tokens; elsewhere the mean direction of the patches."""
    if name == "siglip":
        found = model.vision_model.head(tokens[None])[0].numpy()
    else:
        patches = embed_patches(name, model, tokens)
        found = (patches / np.linalg.norm(patches, axis=1, keepdims=True)).mean(0)
    return found / np.linalg.norm(found)


@pytest.mark.parametrize("name", thin(MODELS, ["clip"]))
def test_texts_slices_and_patches_are_embedded_as_transformers_does_and_ranked_as_by_a_loop(
    name, searched
) -> None:
    model, store, printed, _ = searched(name)
    encoder_id = printed["encoder_id"]
    wanted = embed_text(name, model)
    vector = run.find_text(store, encoder_id, TEXT)
    np.testing.assert_allclose(vector, wanted, atol=1e-6)
    kept, rows = keeping.require_head(store, encoder_id), []
    for clip in store.rows("SELECT clip_id, video_id FROM clips ORDER BY clip_id"):
        grid = open_clip(store, clip["clip_id"]).grid
        heat = search.score_grid(kept, vector, grid)
        for number, slice_ in enumerate(grid):
            tokens = torch.from_numpy(slice_.reshape(-1, slice_.shape[-1]).astype(np.float32))
            patches = embed_patches(name, model, tokens)
            cosines = patches @ wanted / np.linalg.norm(patches, axis=1)
            np.testing.assert_allclose(heat[number].ravel(), cosines, atol=2e-6)
            best = np.unravel_index(cosines.argmax(), slice_.shape[:2])
            score = embed_slice(name, model, tokens) @ wanted
            rows.append((-score, clip["clip_id"], number, *map(int, best)))
    assert printed["encoded"] and printed["clips"] == len({row[1] for row in rows})
    got = [(hit["clip_id"], hit["slice"], hit["y"], hit["x"]) for hit in printed["hits"]]
    held, expected = dict.fromkeys((row[1] for row in rows), 0), []
    videos = {
        r["clip_id"]: r["video_id"] for r in store.rows("SELECT clip_id, video_id FROM clips")
    }
    counts = dict.fromkeys(videos.values(), 0)
    for row in sorted(rows):
        if counts[videos[row[1]]] < run.PER_VIDEO:
            counts[videos[row[1]]] += 1
            expected.append(row)
    assert got == [row[1:] for row in expected] and len(held) > 1
    scores = [hit["score"] for hit in printed["hits"]]
    np.testing.assert_allclose(scores, [-row[0] for row in expected], atol=2e-6)
    assert list(integrity.check(store)) == []


def test_a_slice_of_siglip_is_the_picture_embedding_of_its_frame(searched) -> None:
    """From pixels: what the store keeps, through the head, is what the whole model makes of the frame, but for half precision."""
    model, store, printed, folder = searched("siglip")
    frames = torch.randint(0, 256, (1, 1, 3, 32, 40), dtype=torch.uint8)
    _, encoder = encoders.load(str(folder / "model"), LoadOptions(device=torch.device("cpu")))
    with torch.inference_mode():
        grid = encoder.encode(frames).embeddings[0].half().numpy()
        whole = model.get_image_features((frames[0].float() / 255 - 0.5) / 0.5, interpolate_pos_encoding=True)  # fmt: skip
    found = keeping.require_head(store, printed["encoder_id"]).head.read_slice(grid.reshape(-1, 32).astype(np.float32))  # fmt: skip
    own = whole.pooler_output[0].numpy()
    np.testing.assert_allclose(found, own / np.linalg.norm(own), atol=2e-3)


@pytest.mark.long
def test_a_known_text_loads_no_network_and_a_new_one_the_same_weights_alone(searched) -> None:
    _, store, printed, folder = searched("siglip")

    def refuse(*_: object) -> run.Encoded:
        raise AssertionError("encoded again")

    again = run.search_text(store, f"  {TEXT} ", refuse, limit=2)
    assert not again.encoded and len(again.hits) == 2
    assert again.hits[0].patch.clip_id == printed["hits"][0]["clip_id"]
    (one,) = store.rows("SELECT video_id FROM videos ORDER BY video_id LIMIT 1")
    among = run.search_text(store, TEXT, refuse, videos=[one["video_id"]])
    assert {hit.patch.video_id for hit in among.hits} == {one["video_id"]}
    other = folder / "other"
    save_captioned(other, "siglip")
    (other / "model.safetensors").write_bytes((folder / "model" / "model.safetensors").read_bytes())
    sha = store.rows("SELECT weights_sha256 AS sha FROM encoders")[0]["sha"]
    load_tower(str(other), sha)
    with pytest.raises(UsageError, match="has other weights than the encoder of these clips"):
        load_tower(str(other), "0" * 64)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (other / file).unlink()
    with pytest.raises(CheckpointError, match="holds no tokenizer that transformers can read"):
        load_tower(str(other), sha)
    (other / "config.json").write_text(json.dumps({"model_type": "siglip_vision_model"}))
    with pytest.raises(UsageError, match="holds no text network"):
        load_tower(str(other), sha)


def test_what_cannot_be_searched_is_a_sentence(searched, tmp_path) -> None:
    _, store, _, _ = searched("siglip")
    for text, told in (("  ", "there is no text to search for"), ("a" * 1001, "1,001 characters")):
        with pytest.raises(LatentError, match=told):
            run.search_text(store, text, None)
    empty = Store.create(tmp_path / "store")
    with pytest.raises(LatentError, match="no encoder of .* can be compared with texts"):
        run.search_text(empty, TEXT, None)
    empty.close()


def test_texts_go_with_their_encoder(searched) -> None:
    """The last test of this store: it empties it."""
    _, store, printed, _ = searched("clip")
    removal.remove(store, {"encoders": [printed["encoder_id"]]})
    assert store.rows("SELECT (SELECT count(*) FROM texts) + (SELECT count(*) FROM text_heads) AS n") == [{"n": 0}]  # fmt: skip
    assert not list(store.layout.walk("codes")) and not list(store.layout.walk("models"))
    assert list(integrity.check(store)) == []


def test_heads_are_those_that_the_latent_room_knows() -> None:
    kinds = {kind.head for kind in TEXT_KINDS.values()}
    assert kinds == {head.POOLING, head.PROJECTION, head.SHARED}
