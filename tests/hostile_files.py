"""Files that are not what their name says: what stands in for weights or settings on the disks of other people."""

import json
import os
import socket
import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from tests.checkpoints import Intruder

Maker = Callable[[Path], object]


def safetensors(header: object, data: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with a header as given, which need not be one."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(**changes: object) -> dict:
    """A header of one tensor of four numbers, with changes."""
    return {"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16], **changes}}


def _saved(content: object) -> Maker:
    return lambda path: torch.save(content, path)


def _linked(target: str) -> Maker:
    return lambda path: path.symlink_to(target)


def _listen(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(path.parent)  # a socket's name is short
        try:
            listening.bind(path.name)
        finally:
            os.chdir(here)


BYTES: Mapping[str, bytes] = {
    "empty": b"",
    "one byte": b"\x80",
    "a page": b"<!DOCTYPE html><html><body>404</body></html>",
    "a pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n",
    "zeros": bytes(4096),
    "a cut zip": b"PK\x03\x04" + bytes(100),
    "an empty zip": b"PK\x05\x06" + bytes(18),
    "a pickle of nothing": b"\x80\x02.",
    "a pickle that calls": b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00exit\x85R.",
    "a pickle in text that calls": b"cos\nsystem\n(S'exit'\ntR.",
    "a deep pickle": b"\x80\x02" + b"(" * 100_000 + b".",
    "a pickle that wants memory": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".",
    "no header": safetensors(b"{"),
    "a header of no length": safetensors(b"{}", length=0),
    "a header beyond the file": safetensors(b"{}", length=2**40),
    "a header beyond all": safetensors(b"{}", length=2**64 - 1),
    "a header that is a list": safetensors([]),
    "a deep header": safetensors(b'{"a":' * 50_000),
    "a header that is not UTF-8": safetensors(b'{"\xff": 1}'),
    "a tensor that is a number": safetensors({"a": 3}),
    "a tensor beyond the file": safetensors(tensor(data_offsets=[0, 2**40])),
    "a tensor before the file": safetensors(tensor(data_offsets=[-8, 8]), bytes(16)),
    "a tensor backwards": safetensors(tensor(data_offsets=[16, 0]), bytes(16)),
    "a tensor of no type": safetensors(tensor(dtype="X1"), bytes(16)),
    "a tensor of a null": safetensors(tensor(dtype=None), bytes(16)),
    "a negative shape": safetensors(tensor(shape=[-4]), bytes(16)),
    "an absurd shape": safetensors(tensor(shape=[2**62, 2**62]), bytes(16)),
    "a shape in words": safetensors(tensor(shape=["4"]), bytes(16)),
    "words that are numbers": safetensors({"__metadata__": {"tubelet": 1}}),
    "words that are a list": safetensors({"__metadata__": []}),
    "nothing inside": safetensors({}),
    "a mark without tensors": safetensors({"__metadata__": {"tubelet": "1"}}),
}

CONTENTS: Mapping[str, object] = {
    "nothing": None,
    "a number": 3,
    "a text": "weights",
    "a list": [torch.zeros(3)],
    "a tensor": torch.zeros(3),
    "an empty mapping": {},
    "sections that are lists": {"encoder": [], "ema_encoder": [1], "target_encoder": "x"},
    "sections that are numbers": {"encoder": 1, "ema_encoder": 2.0, "predictor": None},
    "numbers as names": {1: torch.zeros(3), (2, 3): torch.zeros(3)},
    "a first tensor of another shape": {"patch_embed.proj.weight": torch.zeros(0)},
    "a first tensor of whole numbers": {"patch_embed.proj.weight": torch.zeros(3, dtype=torch.long)},
    "a first tensor that is text": {"ema_encoder": {"patch_embed.proj.weight": "x"}},
    "a sparse tensor": {"ema_encoder": {"patch_embed.proj.weight": torch.eye(3).to_sparse()}},
    "a complex tensor": {
        "ema_encoder": {"patch_embed.proj.weight": torch.zeros(3, dtype=torch.complex64)}
    },
    "names that prefixes make one": {"ema_encoder": {"module.a": torch.zeros(1), "a": torch.zeros(1)}},
    "names of megabytes": {"ema_encoder": {"a" * 1_000_000: torch.zeros(1)}},
    "a tensor on a device that is absent": {"ema_encoder": {"a": torch.zeros(1, device="meta")}},
}  # fmt: skip

SPECIAL: Mapping[str, Maker] = {
    "a FIFO": os.mkfifo,
    "a socket": _listen,
    "an endless device": _linked("/dev/zero"),
    "the memory of the process": _linked("/proc/self/mem"),
    "a link to nothing": _linked("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a folder": Path.mkdir,
    "code": lambda path: torch.save({"ema_encoder": Intruder(path.with_name("ran"))}, path),
    "old code": lambda path: torch.save(
        Intruder(path.with_name("ran")), path, _use_new_zipfile_serialization=False
    ),
    "no right to read": lambda path: path.touch(0o000),
}

HOSTILE: Mapping[str, Maker] = {
    **{name: lambda path, data=data: path.write_bytes(data) for name, data in BYTES.items()},
    **{name: _saved(content) for name, content in CONTENTS.items()},
    **SPECIAL,
}
