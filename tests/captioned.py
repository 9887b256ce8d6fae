"""Small random models that were "trained" on captions: pictures, texts and a tokenizer of eight words, as transformers saves them."""

import json
from pathlib import Path

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

WORDS = ("[PAD]", "[UNK]", "a", "red", "cup", "blue", "dog", "photo")
SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}  # fmt: skip
IMAGE = {**SIZE, "image_size": 32, "patch_size": 8}
ENDS = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": 0}
TEXT = {**SIZE, "vocab_size": len(WORDS), "max_position_embeddings": 8, **ENDS}
MODELS = {
    "siglip": lambda: transformers.SiglipModel(transformers.SiglipConfig(text_config=TEXT, vision_config=IMAGE)),
    "clip": lambda: transformers.CLIPModel(transformers.CLIPConfig(text_config={**TEXT, "eos_token_id": 4}, vision_config=IMAGE, projection_dim=16)),
    "tipsv2": lambda: transformers.Tipsv2Model(transformers.Tipsv2Config(text_config=TEXT, vision_config={**IMAGE, "num_register_tokens": 1})),
}  # fmt: skip


def save_captioned(folder: Path, name: str) -> torch.nn.Module:
    """A model in a folder of its own, with random norms and positions; returned as transformers has it."""
    torch.manual_seed(len(name))
    with torch.no_grad():
        model = MODELS[name]().eval().requires_grad_(False)
        for tensor in model.parameters():
            tensor.add_(torch.randn_like(tensor) * 0.1)
    model.save_pretrained(folder)
    numbered = {word: number for number, word in enumerate(WORDS)}
    words = Tokenizer(models.WordLevel(numbered, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    made = transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")  # fmt: skip
    made.save_pretrained(folder)
    pixels = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "size": {"height": 32}}
    (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    return model
