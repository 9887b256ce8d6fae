"""Outputs: the name of an expected array, and our value for it.

    CASE/out_last, out_levelJ, out_blockI_normed, out_hier    the whole clip: last level, level J, block I, all levels joined
    CASE/out_..._interpolated_pos                             V-JEPA 1 with its table stretched in time, where the others cut it
    CASE/out_ctxDIGITS_last, ...                              the masks named by their digits, stacked along the batch
    pred/NAME/out_pred, out_ctx                               what the predictor says of targets and of context; NAME has the words

        maskM      mask token M, else 0           fullenc    the context taken from the encoding of all tokens
        interp     rows and columns stretched     mod        with image: a video, called an image
        image      the card's image case          unsorted   masks in an order of their own
        future     targets beyond the clip

A name with another word in it is not guessed at: Unchecked.
"""

import re
from dataclasses import dataclass

import torch

from tests.golden.cards import Unchecked
from tests.golden.sets import Set
from tubelet.ingest.networks.vjepa import Masks

ENCODING = re.compile(
    r"out_(?:ctx(?P<masks>\d+)_)?(?P<what>last|hier|level\d+|block\d+_normed)(?P<stretched>_interpolated_pos)?"
)
WORDS = re.compile(r"mask\d+|fullenc|interp|mod|image|unsorted|future")


def output(found: Set, key: str) -> torch.Tensor:
    """Our value for one expected array. Raises Unchecked, or what the networks have against it."""
    case, _, name = key.rpartition("/")
    if case.startswith("pred/"):
        return _predicted(found, case, name)
    parsed = ENCODING.fullmatch(name)
    if not parsed:
        raise Unchecked("outputs of this name are unknown")
    cut = not parsed["stretched"]
    if parsed["masks"] is None:
        return _chosen(found, found.levels(case, None, cut), parsed["what"])
    source = _source(found, case)
    runs = [found.levels(source, f"{case}/mask_ctx{digit}", cut) for digit in parsed["masks"]]
    return torch.cat([_chosen(found, levels, parsed["what"]) for levels in runs])


def _chosen(found: Set, levels: list[torch.Tensor], what: str) -> torch.Tensor:
    if what in ("last", "hier"):
        return levels[-1] if what == "last" else torch.cat(levels, dim=-1)
    number = int(re.search(r"\d+", what)[0])
    if what.startswith("level"):
        if number >= len(levels):
            raise Unchecked(f"the encoder has {len(levels)} levels")
        return levels[number]
    blocks = found.encoder(True).config.levels
    if number not in blocks:
        raise Unchecked(f"block {number} is none of the levels, {blocks}")
    return levels[blocks.index(number)]


def _source(found: Set, case: str) -> str:
    """The case whose clips a masked one encodes: as the card says, else the one of as many clips and tokens as the masks."""
    fields = found.card.fields
    named = fields.get("cases", {}).get(case, {}).get("video_case") or fields.get(f"{case}_case")
    if named:
        return named
    context, targets = found.array(f"{case}/mask_ctx0"), found.array(f"{case}/mask_tgt0")
    size = len(context), context.shape[1] + targets.shape[1]
    for other in fields.get("video_cases", {}):
        last = found.arrays.get(f"{other}/out_last")
        if last is not None and last.shape[:2] == size:
            return other
    raise Unchecked(
        f"no case has the {size[0]} clips of {size[1]} tokens that the masks of {case} are for"
    )


@dataclass(frozen=True)
class Prediction:
    """One pred/NAME: the words of NAME, and where its masks are."""

    case: str
    words: frozenset[str]
    context: str
    targets: str

    @classmethod
    def of(cls, found: Set, case: str) -> "Prediction":
        words = case.removeprefix("pred/").split("_")
        if unknown := [word for word in words if not WORDS.fullmatch(word)]:
            raise Unchecked(f"{', '.join(unknown)} in the name of a prediction is unknown")
        own = f"{case}/mask_ctx" in found.arrays
        return cls(
            case,
            frozenset(words),
            *(
                (f"{case}/mask_ctx", f"{case}/mask_tgt")
                if own
                else ("masked/mask_ctx0", "masked/mask_tgt0")
            ),
        )

    @property
    def mask_index(self) -> int:
        return next(
            (int(word.removeprefix("mask")) for word in self.words if word.startswith("mask")), 0
        )

    def source(self, found: Set) -> str:
        """The case whose clips are the context."""
        of_image = "image" in self.words and "mod" not in self.words
        return found.card.of("image_pred_case") if of_image else _source(found, "masked")


def _predicted(found: Set, case: str, name: str) -> torch.Tensor:
    if name not in ("out_pred", "out_ctx"):
        raise Unchecked("outputs of this name are unknown")
    asked = Prediction.of(found, case)
    model = found.predictor("interp" in asked.words or found.card.predictor_interpolated)
    masks = Masks(found.array(asked.context), found.array(asked.targets), found.card.predictor_grid)
    with torch.inference_mode():
        pair = model(
            _context(found, asked, model.config.inputs),
            masks,
            asked.mask_index,
            "image" in asked.words,
        )
    answer = pair[name == "out_ctx"]
    if answer is None:
        raise Unchecked("this generation's predictor does not predict its context")
    return answer


def _context(found: Set, asked: Prediction, inputs: int) -> torch.Tensor:
    """The encoder's output of the context: its last level, or all joined, as the predictor takes it."""
    source = asked.source(found)
    if asked.words & {"fullenc", "future"}:
        ids = found.array(asked.context).long()
        levels = [
            level.gather(1, ids[:, :, None].expand(-1, -1, level.shape[2]))
            for level in found.levels(source, None)
        ]
    else:
        levels = found.levels(source, asked.context)
    return levels[-1] if inputs == levels[-1].shape[2] else torch.cat(levels, dim=-1)
