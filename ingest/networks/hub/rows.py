"""The rows of encoders through transformers: the well-known ones by short names, any other by its id or directory."""

from collections.abc import Mapping
from functools import partial

from tubelet.ingest.contract import Encoder, EncoderEntry, LoadOptions, WeightsSource
from tubelet.ingest.errors import UsageError
from tubelet.ingest.facts import EncoderFacts
from tubelet.ingest.layer import Depth
from tubelet.ingest.networks.hub import files, models
from tubelet.ingest.networks.hub.named import NAMED, NamedModel

FLOAT32 = 4  # bytes


def row_of(text: str) -> EncoderEntry:
    """The row of an id or a directory. Raises UsageError if it cannot be fetched or has an unknown type."""
    return _row(models.describe_model(text))


def _row(named: NamedModel) -> EncoderEntry:
    supply = WeightsSource(
        f"see huggingface.co/{named.id}",
        FLOAT32 * named.parameters,
        partial(files.find_cached, named.id),
        partial(files.with_weights, named.id),
    )
    local = files.is_directory(named.id)
    weights = f"directory {named.id}" if local else f"Hugging Face {named.id}"
    return EncoderEntry(
        family=named.family,
        dim=named.dim,
        patch=named.patch,
        tubelet=named.tubelet,
        parameters=named.parameters,
        side=named.side,
        weights=weights,
        load=_load,
        frames=named.frames,
        depth=Depth(blocks=named.depth, final_norm=named.final_norm),
        frame_step=named.frame_step,
        supply=None if local else supply,
    )


def _load(name: str, row: EncoderEntry, setting: LoadOptions) -> tuple[EncoderFacts, Encoder]:
    if setting.weights:
        raise UsageError(
            f"--weights: {name} brings its own; pass the directory of other weights as --encoder"
        )
    described = NAMED.get(name) or models.describe_model(name)
    encoder, known = models.load(name, described, setting)
    layer = setting.layer
    shape = {"layer": layer, "dim": row.dim * len(layer.parts)}
    return EncoderFacts.of(models.name_of(name), row, **shape, **known), encoder


ROWS: Mapping[str, EncoderEntry] = {name: _row(named) for name, named in NAMED.items()}
