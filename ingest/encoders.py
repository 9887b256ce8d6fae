"""The table of encoders, and how to find and load one of them.

To add one: write a module whose class keeps the contract (`ingest/contract.py`), and a row of `ENCODERS`; where its weights are
released, a row of `RELEASES` (`ingest/weights/release.py`) brings download, cache and license.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import torch

from tubelet.ingest import efficientnet_encoder, toy, vjepa_folder, vjepa_rows
from tubelet.ingest.contract import Encoder, EncoderEntry, LoadOptions
from tubelet.ingest.errors import UsageError
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.layer import ONLY
from tubelet.ingest.networks.hub import files as hub_files
from tubelet.ingest.networks.hub import rows as hub_rows
from tubelet.ingest.networks.hub.named import BY_ID as NAMED_BY_ID
from tubelet.ingest.weights.release import RELEASES

MOST_LETTERS = 100  # of a name that is compared with those of the table
ALIKE = 0.9  # from which two names may be the same one, spelled wrong

BY_ID = {
    **NAMED_BY_ID,
    **{release.repository: name for name, release in RELEASES.items() if release.repository},
}  # Hugging Face id -> our name


def row(name: str, weights: Path | None = None) -> EncoderEntry:
    """The row of an encoder of the table, of a Hugging Face id or of a directory. Raises UsageError for anything else.

    Two names of the table differ only in case, so no name is guessed.
    """
    name = BY_ID.get(name, name)
    if name in ENCODERS:
        found = ENCODERS[name]
        return found.of_weights(weights) if found.of_weights and weights else found
    alike = [] if hub_files.is_directory(name) else _find_alike(name)
    if hub_files.is_model(name) and not any(one.lower() == name.lower() for one in alike):
        return vjepa_folder.row_of(name) or hub_rows.row_of(name)
    if os.path.isfile(os.path.expanduser(name)):
        advice = "pass it as --weights, and the name of its network as --encoder"
        raise UsageError(f"--encoder {name} is a file: {advice}")
    case = "names are case-sensitive: " if any(one.lower() == name.lower() for one in alike) else ""
    advice = (
        f"{case}did you mean {' or '.join(alike)}?"
        if alike
        else f"choose one of {', '.join(ENCODERS)}, a Hugging Face id or a directory"
    )
    raise UsageError(f"--encoder {name} is unknown: {advice}")


def _find_alike(name: str) -> list[str]:
    """Names and Hugging Face ids that differ in case, in signs or a letter, or by what surrounds an id in an address."""
    bare = re.sub(r"^\w+://", "", unicodedata.normalize("NFKC", name.strip()).lower())
    bare = re.sub(r"^(www\.)?(huggingface\.co|hf\.co)/", "", bare.replace("\\", "/"))
    bare = re.sub(r"(\.git|/(tree|blob|resolve)/.*|[@:][^/]*)$", "", bare.strip("/"))
    known = dict.fromkeys((*ENCODERS, *BY_ID))
    squeezed = _squeeze(bare)
    same = [one for one in known if squeezed in (_squeeze(one), _squeeze(one.partition("/")[2]))]
    if same or len(squeezed) > MOST_LETTERS:
        return same if squeezed else []
    close = get_close_matches(squeezed, [_squeeze(one) for one in known], 2, ALIKE)
    return [one for one in known if _squeeze(one) in close]


def _squeeze(name: str) -> str:
    """The letters and digits of a name."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def load(name: str, setting: LoadOptions) -> tuple[EncoderFacts, Encoder]:
    """An encoder by its name, id or directory. Raises UsageError for what does not exist or fit together."""
    name = BY_ID.get(name, name)
    found = row(name)
    if setting.weights_key and not (found.keyed and setting.weights):
        needs = (
            "give the file as --weights, too"
            if found.keyed
            else f"{name} has one network: leave it out"
        )
        raise UsageError(f"--weights-key {setting.weights_key}: {needs}")
    return found.load(name, found, setting)


def fetch(name: str) -> Path:
    """The released weights of an encoder on this machine, downloaded where they are absent. Raises UsageError where there are none."""
    supply = row(name).supply
    if supply is None:
        raise UsageError(f"{name} has no weights to download")
    return supply.fetch()


def device(name: str) -> torch.device:
    """The device that `--device` asks for; auto takes CUDA, then MPS, then the CPU."""
    if name == "auto":
        return torch.device(
            "cuda"
            if torch.cuda.is_available()
            else "mps"
            if torch.backends.mps.is_available()
            else "cpu"
        )
    if "," in name:
        raise UsageError(f"--device {name}: only an ingest takes several devices; pass one of them")
    if name.partition(":")[0] not in ("cpu", "cuda", "mps"):
        raise UsageError(f"--device {name} is unknown: choose auto, cpu, cuda, cuda:N or mps")
    missing = {"cuda": not torch.cuda.is_available(), "mps": not torch.backends.mps.is_available()}
    if missing.get(name.partition(":")[0]):
        raise UsageError(f"--device {name}: this machine has none: use --device cpu")
    return torch.device(name)


def _load_toy(name: str, row: EncoderEntry, setting: LoadOptions) -> tuple[EncoderFacts, Encoder]:
    if setting.weights:
        raise UsageError(f"--weights: {name} has no weights: leave it out")
    digest = hashlib.sha256(repr(toy.DIMENSIONS).encode()).hexdigest()
    facts = EncoderFacts.of(
        name,
        row,
        layer=ONLY,
        weights_sha256=digest,
        weights_source="no weights",
        preprocessing="RGB / 255",
    )
    return facts, toy.ToyEncoder(setting.device)


ENCODERS: Mapping[str, EncoderEntry] = {
    "toy": EncoderEntry(
        family="colors and gradients",
        dim=len(toy.DIMENSIONS),
        patch=toy.PATCH,
        tubelet=toy.TUBELET,
        parameters=0,
        side=224,
        weights="none: computed, not learned",
        load=_load_toy,
    ),
    "efficientnet-lite0": efficientnet_encoder.ROW,
    **vjepa_rows.ROWS,
    **hub_rows.ROWS,
}
