"""A local file of any format, opened as sections of tensors that are read only when they are used.

    PyTorch's zip           Meta's .pt and .pth.tar: mapped; one section per key
    PyTorch before 1.6      no zip: PyTorch can only read it whole
    safetensors, Tubelet's  what `extraction` keeps: mapped; tensors are called SECTION.NAME
    safetensors, others'    transformers' V-JEPA 2, a file or a folder with an index of shards: mapped, renamed to Meta's names

The first bytes determine the format, not the name. Only tensors and plain values are ever built from a file, no code of it runs.
"""

import pickle
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file

from tubelet.ingest.errors import CheckpointError
from tubelet.ingest.weights.renames import meta_tensors
from tubelet.ingest.weights.saved_folder import INDEX, SINGLE, tensor_files

ENCODER_KEYS = (
    "ema_encoder",
    "target_encoder",
)  # the averaged encoders; `encoder` in Meta's files is the student, other weights in the same shape
PREDICTOR = "predictor"
PREFIXES = (
    "_orig_mod.",
    "module.",
    "backbone.",
)  # left by torch.compile and the training code's wrappers
FIRST = "patch_embed.proj.weight"  # of every encoder: a file that holds it at its top is a bare state dict
STUDENT = "encoder: the student, as far as its conversion tells"  # not the averaged one: transformers' files keep one encoder
FINE_TUNED = "vjepa2."  # begins the encoder's names in a fine-tuned model of transformers; what begins otherwise is its head
ZIP, PICKLE = b"PK\x03\x04", b"\x80"  # how PyTorch's two formats begin
DEEPEST = 4  # dictionaries inside each other in which an encoder is looked for
MARK = "tubelet"  # in the metadata of our own files: their format
DAMAGE = (
    OSError,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    SafetensorError,
)


@dataclass(frozen=True)
class Weights:
    """An opened file: what is under which key, and its source in words."""

    path: Path
    sections: Mapping[str, object]
    source: str
    renamed: bool = False  # from transformers, which keeps one encoder

    def tensors(self, key: str) -> dict[str, torch.Tensor]:
        """The tensors under a key by their names in the model; every occurrence of a prefix is dropped. Raises CheckpointError."""
        section = _find_section(self.sections, self._place(key))
        if not section:
            held = key != PREDICTOR and list(dict.fromkeys(_find_encoders(self.sections)))
            found = f"{self.path} has no weights under {key!r}, it holds {list_names(held or self.sections)}"
            raise CheckpointError(
                f"{found}: name one of them as --weights-key, or is it the file of another model?"
            )
        return self._clean(section, key)

    def origin(self, key: str) -> str:
        """Where the tensors of a key come from, in words."""
        which = self._place(key)
        return f"{self.source}, {STUDENT if self.renamed and which == 'encoder' else which}"

    def _place(self, key: str) -> str:
        """Where the tensors of a key are: an averaged encoder may have the name used by the other trainer."""
        if key not in ENCODER_KEYS or key in self.sections:
            return key
        return (
            "encoder"
            if self.renamed
            else next((other for other in ENCODER_KEYS if other in self.sections), key)
        )

    def _clean(self, section: Mapping, key: str) -> dict[str, torch.Tensor]:
        tensors = {}
        for name, tensor in section.items():
            cleaned = _clean_name(str(name))
            if cleaned in tensors:
                raise CheckpointError(
                    f"{self.path} under {key!r} holds {cleaned} twice, under different prefixes"
                )
            tensors[cleaned] = tensor
        return tensors


def open_weights(path: str | Path) -> Weights:
    """A file or folder of weights. Raises CheckpointError where it is absent, damaged, of unknown format, or contains code."""
    path = Path(path).expanduser()
    if path.is_dir():
        return _rename_tensors(path, _from_folder(path))
    if not path.is_file():
        raise CheckpointError(f"{path} is not a file: give the path of a downloaded checkpoint")
    head = _head(path, 9)
    return _from_safetensors(path) if head[8:] == b"{" else _from_torch(path)


def list_names(names: Iterable[object], most: int = 5) -> str:
    names = sorted(map(str, names))
    return (
        ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
        if names
        else "nothing"
    )


def unpickle(path: Path) -> object:
    """What a file of PyTorch's holds; only tensors and plain values are ever built from it. Raises CheckpointError."""
    head = _head(path, len(ZIP))
    if not head.startswith((ZIP, PICKLE)):
        raise CheckpointError(
            f"{path} is not a complete checkpoint (neither PyTorch's format nor safetensors): download it again"
        )
    try:
        with warnings.catch_warnings(
            action="ignore"
        ):  # of pickle protocols: what cannot be read is refused below
            return torch.load(
                path, map_location="cpu", weights_only=True, mmap=head.startswith(ZIP)
            )
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} holds code or damaged data besides tensors, none of it was run: download it again"
        ) from error
    except DAMAGE as error:
        raise CheckpointError(
            f"{path} is not a complete checkpoint (cut off or damaged): download it again"
        ) from error


def _head(path: Path, count: int) -> bytes:
    """The first bytes of a regular file. Raises CheckpointError."""
    _require_regular(path)
    try:
        with open(path, "rb") as file:
            return file.read(count)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error


def _require_regular(path: Path) -> None:
    """Raises CheckpointError for a pipe, socket or device: opening one may block forever."""
    if not path.is_file():
        raise CheckpointError(
            f"{path} is not a regular file: give the path of a downloaded checkpoint"
        )


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a file that holds one network by plain names, in either format. Raises CheckpointError."""
    head = _head(path, 9)
    found = map_safetensors(path) if head[8:] == b"{" else unpickle(path)
    if not isinstance(found, Mapping):
        raise CheckpointError(
            f"{path} holds {type(found).__name__}, not tensors by name: is it the file of another model?"
        )
    return {str(name): tensor for name, tensor in found.items() if isinstance(tensor, torch.Tensor)}


def _from_torch(path: Path) -> Weights:
    checkpoint = unpickle(path)
    if not isinstance(checkpoint, dict):
        raise CheckpointError(
            f"{path} does not hold encoders by name but {type(checkpoint).__name__}: is it the file of another model?"
        )
    if any(
        _clean_name(str(name)) == FIRST and isinstance(tensor, torch.Tensor)
        for name, tensor in checkpoint.items()
    ):
        return Weights(path, {ENCODER_KEYS[0]: checkpoint}, f"{path.name}, a bare state dict")
    return Weights(path, checkpoint, path.name)


def _from_safetensors(path: Path) -> Weights:
    tensors = map_safetensors(path)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
    if MARK not in metadata:
        return _rename_tensors(path, tensors)
    sections: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        key, _, inner = name.partition(".")
        sections.setdefault(key, {})[inner] = tensor
    return Weights(
        path, sections, f"{metadata.get('url')}, sha256 {metadata.get('sha256', '')[:16]}"
    )


def _rename_tensors(path: Path, tensors: Mapping[str, torch.Tensor]) -> Weights:
    words = f"{path.name}, by transformers' names"
    if any(name.startswith(FINE_TUNED) for name in tensors):
        heads = {name.partition(".")[0] for name in tensors if not name.startswith(FINE_TUNED)}
        tensors = {
            name.removeprefix(FINE_TUNED): tensor
            for name, tensor in tensors.items()
            if name.startswith(FINE_TUNED)
        }
        words += f", fine-tuned, without its {list_names(heads)}" if heads else ", fine-tuned"
    if any(_clean_name(name) == FIRST for name in tensors):
        return Weights(path, {ENCODER_KEYS[0]: tensors}, f"{path.name}, a bare state dict")
    if any(_find_encoders(tensors)):
        return Weights(path, tensors, path.name)  # Meta's names, below the names of its networks
    return Weights(path, meta_tensors(tensors), words, renamed=True)


def _from_folder(folder: Path) -> dict[str, torch.Tensor]:
    """All tensors of a folder that transformers saved."""
    found = tensor_files(folder)
    if not found:
        raise CheckpointError(
            f"{folder} holds neither {SINGLE} nor {INDEX}: give the folder or file of a downloaded checkpoint"
        )
    return read_files(found)


def read_files(paths: Sequence[Path]) -> dict[str, torch.Tensor]:
    """The tensors of the files of one network. Raises CheckpointError where one is missing or damaged."""
    tensors: dict[str, torch.Tensor] = {}
    for path in paths:
        if not path.exists():
            raise CheckpointError(
                f"{path.parent} lacks {path.name}, which its index names: download it again"
            )
        tensors |= read_tensors(path)
    return tensors


def map_safetensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, mapped. Raises CheckpointError."""
    _require_regular(path)
    try:
        return load_file(path)
    except DAMAGE as error:
        raise CheckpointError(
            f"{path} is not a complete checkpoint (cut off or damaged): download it again"
        ) from error


def _find_section(content: object, key: str) -> Mapping | None:
    """What stands under a key: a dictionary, one inside others with dots between, or the tensors whose names begin so; None where nothing does."""
    if not isinstance(content, Mapping):
        return None
    if isinstance(content.get(key), Mapping):
        return content[key]
    outer = [name for name in content if isinstance(name, str) and key.startswith(f"{name}.")]
    for name in outer:
        if found := _find_section(content[name], key[len(name) + 1 :]):
            return found
    return {
        name[len(key) + 1 :]: tensor
        for name, tensor in content.items()
        if isinstance(name, str) and name.startswith(f"{key}.")
    } or None


def _find_encoders(
    content: object, depth: int = DEEPEST, seen: set[int] | None = None
) -> Iterator[str]:
    """The keys under which a file holds an encoder by Meta's names, as `--weights-key` takes them; each dictionary is looked into once."""
    seen = set() if seen is None else seen
    if not isinstance(content, Mapping) or not depth or id(content) in seen:
        return
    seen.add(id(content))
    for name, value in content.items():
        if isinstance(value, Mapping):
            inner = _find_encoders(value, depth - 1, seen)
            yield from (f"{name}.{key}".rstrip(".") for key in inner)
        elif str(name).endswith(FIRST):
            yield _drop_wrappers(str(name).removesuffix(FIRST)).rstrip(".")


def _drop_wrappers(key: str) -> str:
    """A key without the prefixes at its end, which no name of a tensor keeps."""
    ends = [prefix for prefix in PREFIXES if key.endswith(prefix)]
    return _drop_wrappers(key.removesuffix(ends[0])) if ends else key


def _clean_name(name: str) -> str:
    for prefix in PREFIXES:
        name = name.replace(prefix, "")
    return name
