"""The rows of encoders through transformers: the well-known ones by short names, any other by its id or directory."""

from collections.abc import Mapping
from functools import partial

from ingest.contract import Encoder, Row, Setting, Supply
from ingest.errors import UsageError
from ingest.facts import EncoderFacts
from ingest.hub import files, models
from ingest.hub.named import NAMED, Named

FLOAT32 = 4  # bytes


def row_of(text: str) -> Row:
    """The row of an id or a directory. Raises UsageError where it cannot be had or is of no known type."""
    return _row(models.described(text))


def _row(named: Named) -> Row:
    shape = named.family, named.dim, named.patch, named.tubelet, named.parameters, named.side
    supply = Supply(
        f"see huggingface.co/{named.id}", FLOAT32 * named.parameters, partial(files.cached, named.id), partial(files.with_weights, named.id)
    )
    local = files.is_directory(named.id)
    weights = f"directory {named.id}" if local else f"Hugging Face {named.id}"
    return Row(*shape, weights, _load, frames=named.frames, supply=None if local else supply)


def _load(name: str, row: Row, setting: Setting) -> tuple[EncoderFacts, Encoder]:
    if setting.weights:
        raise UsageError(f"--weights: {name} brings its own; pass the directory of other weights as --encoder")
    described = NAMED.get(name) or models.described(name)
    encoder, known = models.load(name, described, setting)
    return EncoderFacts.of(models.name_of(name), row, layer="last", **known), encoder


ROWS: Mapping[str, Row] = {name: _row(named) for name, named in NAMED.items()}
