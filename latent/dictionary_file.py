"""Reads a dictionary from a safetensors file: weights and biases under the names that trainers of sparse autoencoders use, or W and b.

Names tell which side is which: rows of `W` and `encoder.weight` are features, columns of `W_enc` are. A file without a decoder has that of tied weights.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from tubelet.latent.dictionary import Dictionary
from tubelet.latent.errors import LatentError

HEAD_MOST = 100_000_000  # bytes of a header that the format allows
FEATURES_MOST = 1_000_000
LARGEST = 1e9  # of a number: squares of what it is multiplied with stay finite
NUMBERS_MOST = 2**28  # of an encoder: 1 GB
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
ENCODERS = {"W": False, "encoder.weight": False, "W_enc": True}  # whether features are columns
DECODERS = {"W_dec": False, "decoder.weight": True}
BIASES = ("b", "b_enc", "encoder.bias", "latent_bias")
MEANS = ("b_dec", "decoder.bias", "pre_bias", "bias")
NAMES = f"{', '.join(ENCODERS)} for the encoder; {', '.join(BIASES)} for its bias; {', '.join(DECODERS)} for the decoder; {', '.join(MEANS)} for what is subtracted first"


def read_dictionary(path: Path, dim: int, active: int = 0) -> Dictionary:
    """The dictionary of a file for embeddings of `dim` dimensions. Raises LatentError."""
    tensors = read_tensors(path)
    for name in ("threshold", "log_threshold"):
        if name in tensors:
            raise LatentError(
                f"{path} is a JumpReLU dictionary ({name}), and only ReLU and TopK are supported: import one of these"
            )
    encoder = _matrix(path, tensors, (ENCODERS, dim))
    if encoder is None:
        raise LatentError(
            f"{path} holds {', '.join(sorted(tensors)[:12]) or 'no tensor of real numbers'}, and no encoder: name its tensors {NAMES}"
        )
    features = len(encoder)
    if not features:
        raise LatentError(f"the encoder of {path} has no feature: save or download it again")
    if features > FEATURES_MOST or encoder.size > NUMBERS_MOST:
        raise LatentError(
            f"{path} has {features:,} features of {dim:,} numbers, and at most {FEATURES_MOST:,} features and {NUMBERS_MOST:,} numbers are read: import some of its rows"
        )
    if active > features:
        raise LatentError(f"--active is {active}, and {path} has {features} features: pass fewer")
    decoder = _matrix(path, tensors, (DECODERS, dim))
    if decoder is None:
        lengths = np.maximum(np.square(encoder).sum(axis=1, keepdims=True), np.finfo(np.float32).tiny)  # fmt: skip
        decoder = encoder / lengths
    if len(decoder) != features:
        raise LatentError(
            f"{path} has {features} features in its encoder and {len(decoder)} in its decoder: save it again"
        )
    bias = _vector(path, tensors, (BIASES, features))
    mean = _vector(path, tensors, (MEANS, dim))
    return Dictionary.make((encoder, decoder, bias, mean), active)


def _matrix(
    path: Path, tensors: Mapping[str, np.ndarray], wanted: tuple[Mapping[str, bool], int]
) -> np.ndarray | None:
    """A matrix ``(k, D)`` under one of some names, None where there is none."""
    names, dim = wanted
    name = next((one for one in names if one in tensors), None)
    if name is None:
        return None
    found, columns = tensors[name], names[name]
    if found.ndim != 2 or dim not in found.shape:
        raise LatentError(
            f"{name} of {path} is {' x '.join(map(str, found.shape)) or 'one number'}, and this encoder's embeddings have {dim} dimensions: import it for the encoder that it was trained on (--encoder)"
        )
    if found.shape[0] != found.shape[1]:
        columns = found.shape[0] == dim
    return np.ascontiguousarray(found.T if columns else found, np.float32)


def _vector(
    path: Path, tensors: Mapping[str, np.ndarray], wanted: tuple[tuple[str, ...], int]
) -> np.ndarray:
    """Numbers ``(n,)`` under one of some names, zeros where there are none."""
    names, length = wanted
    for name in names:
        if name in tensors:
            found = tensors[name].reshape(-1)
            if len(found) != length:
                raise LatentError(
                    f"{name} of {path} has {len(found)} numbers, and {length} are needed: save it again"
                )
            return found.astype(np.float32)
    return np.zeros(length, np.float32)


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Every tensor of real numbers of a safetensors file, float32 or float64. Raises LatentError for a file that is not one, or damaged."""
    if not path.is_file():
        raise LatentError(f"{path} is not a file: pass a .safetensors file")
    data = np.memmap(path, np.uint8, "r") if path.stat().st_size else np.empty(0, np.uint8)
    try:
        length = int.from_bytes(data[:8].tobytes(), "little")
        if len(data) < 8 or length > min(HEAD_MOST, len(data) - 8):
            raise ValueError(length)
        head = json.loads(data[8 : 8 + length].tobytes())
        body = data[8 + length :]
        _refuse_overlap(head, len(body))
        found = {
            name: _tensor(entry, body) for name, entry in head.items() if name != "__metadata__"
        }
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise LatentError(
            f"{path} is not a complete safetensors file: save or download it again"
        ) from error
    tensors = {name: tensor for name, tensor in found.items() if tensor is not None}
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise LatentError(f"{name} of {path} holds numbers that are not finite: train it again")
        if np.abs(tensor).max(initial=0) > LARGEST:
            raise LatentError(
                f"{name} of {path} holds numbers beyond {LARGEST:,.0f}, too large to reconstruct a token: train it again"
            )
    return tensors


def _refuse_overlap(head: Mapping, size: int) -> None:
    """Raise ValueError where tensors together are longer than what holds them: each may name all of it."""
    offsets = [entry["data_offsets"] for name, entry in head.items() if name != "__metadata__"]
    if sum(max(0, stop - first) for first, stop in offsets) > size:
        raise ValueError("tensors overlap")


def _tensor(entry: Mapping, body: np.ndarray) -> np.ndarray | None:
    """One tensor, None where it is not of real numbers. Raises ValueError where it does not lie in the file."""
    kind, shape, (first, stop) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
    if kind not in TYPES:
        return None
    size = int(np.dtype(TYPES[kind]).itemsize * np.prod(shape, dtype=object))
    if not 0 <= first <= stop <= len(body) or stop - first != size or min(shape, default=1) < 0:
        raise ValueError(entry)
    values = np.frombuffer(body[first:stop].tobytes(), TYPES[kind]).reshape(shape)
    if kind == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32) if kind == "F16" else values
