"""Loading: the encoder of a store, and the predictor that belongs to it."""

from dataclasses import dataclass

from tubelet.ingest import checkpoints, encoders, precision
from tubelet.ingest.contract import Encoder, EncoderEntry, LoadOptions
from tubelet.ingest.errors import CheckpointError, UsageError
from tubelet.ingest.prediction.networks import EncoderWithPredictor
from tubelet.ingest.prediction.options import NetworkOptions
from tubelet.ingest.vjepa_encoder import VJEPAEncoder
from tubelet.store import Store
from tubelet.store.encoder_names import find_encoder
from tubelet.store.rows import EncoderRow

HAVE_ONE = "V-JEPA has one (`tubelet encoders`)"
HELD = "SELECT e.* FROM encoders e JOIN clips USING (encoder_id) GROUP BY ALL ORDER BY count(*) DESC, e.encoder_id"


@dataclass(frozen=True)
class Loaded:
    """An encoder of a store with its predictor, and which weights that has."""

    row: EncoderRow
    networks: EncoderWithPredictor
    predictor_sha256: str

    @property
    def identity(self) -> tuple[str, str]:
        """The encoder's id and the hash of its predictor's weights."""
        return self.row.encoder_id, self.predictor_sha256


def load_predictor(store: Store, options: NetworkOptions) -> Loaded:
    """Raises UsageError and StoreError in a sentence where there is no such encoder, it has no predictor, or other weights."""
    held = [EncoderRow.of(row) for row in store.rows(HELD)]
    if not held:
        raise UsageError(
            f"{store.name} holds no clips: run `tubelet ingest VIDEO --store {store.shell_name}`"
        )
    row = _choose(store, held, options.encoder)
    if row.causal:
        raise UsageError(
            f"{row.encoder_id} was ingested with --causal: predictions are compared with tokens of whole windows, which it has none of; choose an encoder without it as --encoder"
        )
    entry = _find_entry(row)
    if entry is None or entry.predictor is None:
        raise UsageError(
            f"{row.encoder_id} has no predictor, so nothing can be predicted with it: {HAVE_ONE}"
        )
    return _load(row, entry, options)


def _choose(store: Store, held: list[EncoderRow], wanted: str | None) -> EncoderRow:
    if wanted is not None:
        encoder_id = find_encoder(store, wanted)
        return next((row for row in held if row.encoder_id == encoder_id), held[0])
    for row in held:
        if not row.causal and (entry := _find_entry(row)) and entry.predictor:
            return row
    names = ", ".join(row.encoder_id for row in held)
    raise UsageError(
        f"no encoder of {store.name} has a predictor ({names}): ingest videos with one that has; {HAVE_ONE}"
    )


def _find_entry(row: EncoderRow) -> EncoderEntry | None:
    """The entry of an encoder's name; None where this machine knows none, as of a directory that is gone."""
    try:
        return encoders.row(row.name)
    except UsageError:
        return None


def _load(row: EncoderRow, entry: EncoderEntry, options: NetworkOptions) -> Loaded:
    device = encoders.device(options.device)
    arithmetic = precision.resolve_precision(options.precision, device)
    setting = LoadOptions(
        device=device,
        precision=arithmetic,
        weights=options.weights,
        weights_key=options.weights_key,
    )
    facts, encoder = encoders.load(row.name, setting)
    if facts.weights_sha256 != row.weights_sha256:
        raise UsageError(
            f"these are not the weights of {row.encoder_id}, whose tokens the store holds: pass the file that it was ingested with as --weights"
        )
    return Loaded(row, *add_predictor(row.encoder_id, entry, encoder, setting))


def add_predictor(
    name: str, entry: EncoderEntry, encoder: Encoder, setting: LoadOptions
) -> tuple[EncoderWithPredictor, str]:
    """An encoder with the predictor of its entry, and the hash of that one's weights. Raises UsageError where there is none that fits; `name` says whose."""
    if entry.predictor is None:
        raise UsageError(
            f"{name} has no predictor, so nothing can be predicted with it: {HAVE_ONE}"
        )
    try:
        predictor = entry.predictor(setting)
    except CheckpointError as error:
        raise UsageError(f"{name} has no predictor that can be read: {error}") from error
    digest = checkpoints.weights_sha256(predictor)
    if not isinstance(encoder, VJEPAEncoder):
        raise UsageError(f"{name} has no predictor that Tubelet runs: {HAVE_ONE}")
    try:
        return EncoderWithPredictor(encoder, predictor), digest
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from error
