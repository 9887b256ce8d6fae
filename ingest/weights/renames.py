"""Names of transformers' V-JEPA 2 tensors -> Meta's: two tables, a join of queries, keys and values, and mask tokens split."""

import re
from collections.abc import Mapping

import torch

SECTIONS = {
    "encoder": "blocks",
    "predictor": "predictor_blocks",
}  # section of a file of transformers -> Meta's name of its blocks

# Outside the blocks: a prefix in transformers -> Meta's
PREFIXES = {
    "encoder.embeddings.patch_embeddings.proj": "patch_embed.proj",
    "encoder.layernorm": "norm",
    "predictor.embeddings.predictor_embeddings": "predictor_embed",
    "predictor.layernorm": "predictor_norm",
    "predictor.proj": "predictor_proj",
}

# Inside a block
PARTS = {
    "attention.proj": "attn.proj",
    "norm1": "norm1",
    "norm2": "norm2",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
JOINED = ("query", "key", "value")  # in this order they are the rows of Meta's `attn.qkv`
MASK_TOKENS = "predictor.embeddings.mask_tokens"  # (n, 1, 1, P)

IN_BLOCK = re.compile(r"(encoder|predictor)\.layer\.(\d+)\.(.+)\.(weight|bias)")


def meta_tensors(tensors: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    """Tensors of a VJEPA2Model -> Meta's names and shapes, in the sections `encoder` and `predictor`.

    What Meta's networks lack keeps its name, so that a strict comparison finds it.
    """
    sections: dict[str, dict[str, torch.Tensor]] = {section: {} for section in SECTIONS}
    for name, tensor in tensors.items():
        section = sections.get(name.partition(".")[0], sections["encoder"])
        if name == MASK_TOKENS:
            section |= {f"mask_tokens.{index}": token for index, token in enumerate(tensor)}
        elif not _is_split(name):
            section[_rename(name)] = tensor
        elif name.rpartition(".")[0].endswith(".query"):
            section[_rename(name)] = _join_qkv(tensors, name)
    return sections


def _is_split(name: str) -> bool:
    found = IN_BLOCK.fullmatch(name)
    return found is not None and found[3].removeprefix("attention.") in JOINED


def _rename(name: str) -> str:
    if found := IN_BLOCK.fullmatch(name):
        section, index, part, kind = found.groups()
        part = "attn.qkv" if _is_split(name) else PARTS.get(part)
        return f"{SECTIONS[section]}.{index}.{part}.{kind}" if part else name
    prefix, _, kind = name.rpartition(".")
    return f"{PREFIXES[prefix]}.{kind}" if prefix in PREFIXES else name


def _join_qkv(tensors: Mapping[str, torch.Tensor], query: str) -> torch.Tensor:
    """(3D, D) or (3D): the rows of queries, keys, values. An absent one is left out, and the shape shows it."""
    names = (query.replace(".query.", f".{part}.") for part in JOINED)
    return torch.cat([tensors[name] for name in names if name in tensors])
