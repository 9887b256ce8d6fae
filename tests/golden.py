"""Holds the encoders to outputs of Meta's own code: `python -m tests.golden DIR`.

DIR has sets of NAME.json (the model and its cases), NAME.pt (weights in Meta's format) and NAME.npz (inputs and expected outputs).
Everything is taken from the set: shapes, widths, depths, levels. Exit code 0 all within tolerance, 1 not, 2 nothing to compare.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch

from ingest.checkpoints import load_meta
from ingest.vjepa import VisionTransformer, VisionTransformerConfig

TOLERANCE = 5e-5  # largest absolute difference, float32 on a CPU; outputs have a standard deviation near 1
PIXEL_SCALE = 32  # inputs are stored as int8: pixels = stored / 32
Arrays = Mapping[str, np.ndarray]


def covered(card: dict) -> bool:
    """Whether a set's JSON describes a V-JEPA 2.1 model."""
    return "checkpoint_key" in card and "hierarchical_layers" in card.get("encoder_derived", {})


def config(card: dict) -> VisionTransformerConfig:
    """The encoder that a set's JSON describes."""
    encoder = card["encoder"]
    return VisionTransformerConfig(
        dim=encoder["embed_dim"],
        depth=encoder["depth"],
        heads=encoder["num_heads"],
        mlp=int(encoder["embed_dim"] * ratio(encoder["mlp_ratio"])),
        levels=tuple(card["encoder_derived"]["hierarchical_layers"]),
        patch=card["patch_size"],
        tubelet=card["tubelet_size"],
    )


def ratio(text: str | float) -> float:
    """A number or a quotient of two: "4.0", "48 / 11"."""
    numerator, _, denominator = str(text).partition("/")
    return float(numerator) / float(denominator or 1)


def load(folder: Path, name: str) -> tuple[dict, Arrays, VisionTransformer]:
    """One set: its JSON, its arrays, its encoder with weights."""
    card = json.loads((folder / f"{name}.json").read_text())
    with torch.device("meta"):
        model = VisionTransformer(config(card))
    model = load_meta(folder / f"{name}.pt", card["checkpoint_key"], model)
    with np.load(folder / f"{name}.npz") as arrays:
        return card, dict(arrays), model


def expected(arrays: Arrays) -> list[str]:
    """The names of the arrays that a model has to reproduce."""
    return [key for key in arrays if key.rpartition("/")[2].startswith("out_")]


def pixels(arrays: Arrays, case: str) -> torch.Tensor:
    """The input of a case, (B, 3, T, H, W)."""
    return torch.from_numpy(arrays[f"{case}/in_video_i8"].astype(np.float32) / PIXEL_SCALE)


@torch.inference_mode()
def output(model: VisionTransformer, card: dict, arrays: Arrays, key: str) -> np.ndarray | None:
    """Our value for one expected array, None where the key is of a kind not covered yet.

    CASE/out_last, CASE/out_level0 ...   one level of the whole clip
    masked/out_ctx01_last, ..._hier      the masks named by their digits, stacked along the batch; the last level, or all joined
    """
    case, _, name = key.rpartition("/")
    if whole := re.fullmatch(r"out_(?:last|level(\d+))", name):
        return model(pixels(arrays, case))[int(whole[1] or -1)].numpy() if f"{case}/in_video_i8" in arrays else None
    if case == "masked" and (masked := re.fullmatch(r"out_ctx(\d+)_(last|hier)", name)):
        clips = pixels(arrays, card["masked_case"])
        runs = [model(clips, torch.from_numpy(arrays[f"masked/mask_ctx{digit}"])) for digit in masked[1]]
        return torch.cat([levels[-1] if masked[2] == "last" else torch.cat(levels, dim=-1) for levels in runs]).numpy()
    return None


def difference(got: np.ndarray, expected: np.ndarray) -> float:
    """The largest absolute difference; infinite for another shape or a value that is not finite."""
    if got.shape != expected.shape or not np.isfinite(got).all():
        return float("inf")
    return float(np.abs(got - expected).max())


def differences(folder: Path, name: str) -> Iterator[tuple[str, float | None]]:
    """Each expected array of a set and how far we are from it, None where it is not covered yet."""
    card, arrays, model = load(folder, name)
    for key in expected(arrays):
        got = output(model, card, arrays, key)
        yield key, None if got is None else difference(got, arrays[key])


def report(folder: Path, name: str) -> float:
    """Prints every case of a set; the largest difference."""
    found = dict(differences(folder, name))
    compared = {key: value for key, value in found.items() if value is not None}
    for key, value in compared.items():
        print(f"{name} {key}: {value:.1e}{'' if value <= TOLERANCE else ' TOO FAR'}")
    worst = max(compared.values(), default=float("inf"))
    print(f"{name}: {len(compared)} outputs compared, largest difference {worst:.1e}; {len(found) - len(compared)} not covered yet")
    return worst


def main(folder: Path) -> int:
    """The exit code for one folder of sets."""
    worst = []
    for path in sorted(folder.glob("*.json")):
        if covered(json.loads(path.read_text())):
            worst.append(report(folder, path.stem))
        else:
            print(f"{path.stem}: family not covered yet")
    if not worst:
        print(f"{folder} holds no V-JEPA 2.1 set: NAME.json, NAME.pt and NAME.npz side by side", file=sys.stderr)
        return 2
    return int(max(worst) > TOLERANCE)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.golden DIR")
    sys.exit(main(Path(sys.argv[1])))
