"""A model of transformers by name, id or directory: what it is before its weights are read, and the encoder afterwards."""

from pathlib import Path

from tubelet.ingest.checkpoints import tensors_sha256
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.errors import CheckpointError
from tubelet.ingest.networks.hub import files, weights
from tubelet.ingest.networks.hub.encoder import HubEncoder, Pixels
from tubelet.ingest.networks.hub.named import BY_ID, NAMED, NamedModel
from tubelet.ingest.networks.hub.ordinary import unusual
from tubelet.ingest.networks.hub.shapes import config_of, geometry, parameters, shape_of


def name_of(text: str) -> str:
    """The name of an encoder: a short one if there is one, else the id or the name of the directory."""
    folder = Path(text).expanduser()
    return folder.resolve().name if folder.is_dir() else BY_ID.get(text, text)


def describe_model(text: str) -> NamedModel:
    """What the configuration of an id or a directory says. Raises UsageError if it cannot be fetched or has an unknown type."""
    folder = files.with_settings(text)
    shape = shape_of(folder)
    config = config_of(folder, shape)
    numbers = geometry(config, shape)
    side = Pixels.of(folder, shape).side if shape.sizes else None
    whole = side if side and side % numbers.patch == 0 else numbers.height
    return NamedModel(
        id=text,
        family=shape.family,
        dim=numbers.dim,
        patch=numbers.patch,
        parameters=parameters(config, shape),
        side=whole,
        tubelet=numbers.tubelet,
        frames=numbers.frames,
        depth=numbers.depth,
        final_norm=numbers.final_norm,
    )


def load(
    text: str, expected: NamedModel, setting: LoadOptions
) -> tuple[HubEncoder, dict[str, str]]:
    """The encoder, and the facts that only its files state. Raises UsageError or CheckpointError."""
    source = expected.id if text in NAMED else text
    folder = files.with_weights(source)
    shape = shape_of(files.with_settings(source))
    config = config_of(folder, shape)
    numbers = geometry(config, shape)
    if (numbers.dim, numbers.patch, numbers.tubelet, numbers.depth) != (
        expected.dim,
        expected.patch,
        expected.tubelet,
        expected.depth,
    ):
        raise CheckpointError(
            f"{source} is no longer the model that Tubelet knows as {text}: its config.json has {numbers}"
        )
    tensors = weights.read(folder)
    pixels = Pixels.of(folder, shape)
    settings = unusual(config, pixels.unusual(shape.pixels))
    words = pixels.words + (f"; unusual settings: {settings}" if settings else "")
    known = {
        "weights_sha256": tensors_sha256(tensors),
        "weights_source": source,
        "preprocessing": words,
        "settings": settings,
    }
    return HubEncoder(
        weights.load(folder, tensors, config, shape), numbers, shape, pixels, setting
    ), known
