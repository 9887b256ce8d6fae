"""The text network of a model: a text in, a vector of length 1 out, as transformers' own `get_text_features` has it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tubelet.ingest.checkpoints import tensors_sha256
from tubelet.ingest.errors import CheckpointError, UsageError
from tubelet.ingest.networks.hub import files, weights
from tubelet.ingest.networks.hub.shapes import Shape, quiet, read_config
from tubelet.ingest.texts.kinds import TEXT_KINDS, Head, TextKind

TOKENIZERS = "tokenizer*", "vocab*", "merges.txt", "*.model", "special_tokens_map.json", "added_tokens.json"  # fmt: skip


@dataclass(frozen=True)
class TextTower:
    """A model with its tokenizer, on the CPU in float32."""

    model: Any
    tokenizer: Any
    kind: TextKind

    @property
    def longest(self) -> int:
        """Tokens of a text that are read."""
        return int(self.model.config.text_config.max_position_embeddings)

    def encode(self, text: str) -> np.ndarray:
        """The vector of a text ``(d,)`` in float64, of length 1; a text that is too long is cut at its end, as in training."""
        taken = self.tokenizer(
            [text.lower()], return_tensors="pt", truncation=True, max_length=self.longest,
            padding="max_length" if self.kind.padded else True,
        )  # fmt: skip
        mask = {} if self.kind.padded else {"attention_mask": taken["attention_mask"]}
        with torch.inference_mode():
            found = self.model.get_text_features(input_ids=taken["input_ids"], **mask)
        vector = found.pooler_output[0].double().numpy()
        return vector / np.linalg.norm(vector)

    def read_head(self) -> Head:
        return self.kind.read_head(self.model)


def load_tower(source: str, weights_sha256: str) -> TextTower:
    """The tower of an id or a directory whose weights are those that encoded the clips. Raises UsageError and CheckpointError."""
    folder = files.with_weights(source)
    kind = _find_kind(files.with_settings(source))
    tensors = weights.read(folder)
    if tensors_sha256(tensors) != weights_sha256:
        raise UsageError(
            f"{source} has other weights than the encoder of these clips: pass the directory of its own as --model"
        )
    shape = Shape(family="text", model=kind.model)
    config = read_config(folder, shape)
    model = weights.load(folder, tensors, config, shape).eval().requires_grad_(False)
    return TextTower(model, _load_tokenizer(source, folder), kind)


def _find_kind(folder: Path) -> TextKind:
    config = files.settings(folder, "config.json")
    type_ = str(config.get("model_type"))
    if type_ not in TEXT_KINDS or not isinstance(config.get("text_config"), dict):
        raise UsageError(
            f"{folder} holds no text network: pass the directory of the whole model as --model, one of type {', '.join(TEXT_KINDS)}"
        )
    return TEXT_KINDS[type_]


def _load_tokenizer(source: str, folder: Path) -> Any:
    """No code out of the files is run."""
    from transformers import AutoTokenizer

    if not files.is_directory(source):
        folder = files.fetch_files(source, TOKENIZERS)
    try:
        with quiet():
            return AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # whatever odd files meet in transformers' code
        raise CheckpointError(
            f"{folder} holds no tokenizer that transformers can read, such as tokenizer.json: download the model again"
        ) from error
