"""A run of `tubelet decoder fit`: one encoder's decoder is fitted, measured on videos it never saw, and kept."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from tubelet.ingest import encoders
from tubelet.ingest.encoders import device
from tubelet.ingest.errors import UsageError
from tubelet.ingest.layer import LAST
from tubelet.latent.decoding.decoder import describe_quality
from tubelet.latent.probes.states import StoredLayer
from tubelet.store import Store
from tubelet.store.clock import now
from tubelet.store.disk.models import write_model
from tubelet.store.ids import hash_parts
from tubelet.store.intervals import FEWEST, interval
from tubelet.store.questions.decoders import fitted_decoders
from tubelet.store.questions.model_rows import FittedDecoder
from tubelet.store.rows import ClipRow, EncoderRow
from tubelet.store.schema import DECODER_SCORES, DECODERS
from tubelet.store.wording import escape_controls
from tubelet.training.decoder.learning import FittedHead, Pictured, fit_head
from tubelet.training.decoder.measuring import HeadTest, Scores
from tubelet.training.decoder.options import DecoderOptions
from tubelet.training.fitting.errors import FitError
from tubelet.training.fitting.memory import explain_memory
from tubelet.training.fitting.split import Split, split_videos
from tubelet.training.fitting.tokens import TokenSequences, find_places
from tubelet.training.fitting.weights import pack_weights

WHOLE_GRID = 1 << 15  # tokens per side: nothing is averaged
LESS = "a smaller --width or --pixels"


@dataclass(frozen=True)
class DecoderOutcome:
    """The decoder that a call fitted, or that was stored before."""

    row: FittedDecoder
    fitted: bool

    def as_json(self) -> dict:
        return {**asdict(self.row), "fitted": self.fitted}

    def lines(self) -> list[str]:
        done = "fitted" if self.fitted else "already stored"
        name = f"decoder {self.row.decoder_id} of {self.row.encoder_id}, {self.row.layer}: {done}"
        return [escape_controls(name), describe_quality(self.row), "tables `decoders` and `decoder_scores`"]  # fmt: skip


def fit_decoder(
    store: Store,
    encoder: str,
    options: DecoderOptions,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> DecoderOutcome:
    """Fit, measure and keep. Raises FitError, UsageError and StoreError."""
    chosen = device(options.device)
    ((place, _),) = find_places(store, [encoder])
    levels = count_levels(store, place)
    clips = find_pictured(store, place, options.pixels, levels)
    videos = {clip.video_id for clip in clips.tokens.clips}
    split = split_videos(store, videos, options.test / 100, options.seed)
    decoder_id = hash_parts(place.encoder_id, place.layer, split.learn, split.held, split.test, options.settings, *([levels] if levels else []))  # fmt: skip
    if not store.rows("FROM decoders WHERE decoder_id = $1", [decoder_id]):
        learn, held, test = (_pick(clips, part) for part in (split.learn, split.held, split.test))
        with explain_memory(options.batch, LESS):
            head = fit_head(clips, (learn, held), options, chosen, lambda step: progress(step, options.steps))  # fmt: skip
            scores = HeadTest(head, clips, learn, test).measure(options.batch, chosen)
        _keep(store, (decoder_id, place), (head, scores, split), options)
        return DecoderOutcome(_read(store, decoder_id), True)
    return DecoderOutcome(_read(store, decoder_id), False)


def count_levels(store: Store, place: StoredLayer) -> int:
    """Parts of a stored token that are layer-normalized before a head sees them; 0 for an encoder without a predictor, and for layers that none answers.

    Predictions lie in the space of normalized tokens: so a head that was fitted there draws both.
    """
    row = EncoderRow.of(store.rows("FROM encoders WHERE encoder_id = $1", [place.encoder_id])[0])
    try:
        entry = encoders.row(row.name)
    except UsageError:
        return 0
    if entry.predictor is None or row.causal:
        return 0
    return {LAST.name: 1, "all": entry.depth.levels}.get(row.layer, 0)


def find_pictured(store: Store, place: StoredLayer, patch: int, levels: int = 0) -> Pictured:
    """The clips of an encoder that keep tokens and slice pictures. Raises FitError where none has pictures."""
    tokens = TokenSequences.of(store, place, WHOLE_GRID)
    held = {row["clip_id"]: ClipRow.of(row) for row in store.rows("FROM clips WHERE encoder_id = $1", [place.encoder_id])}  # fmt: skip
    kept = [n for n, clip in enumerate(tokens.clips) if store.layout.has_pictures(clip.video_id, clip.clip_id)]  # fmt: skip
    if not kept:
        raise FitError(
            f"no clip of {place.encoder_id} has slice pictures, which a decoder learns to draw: ingest its videos again without --no-pictures"
        )
    chosen = TokenSequences(tuple(tokens.files[n] for n in kept), tuple(tokens.clips[n] for n in kept), levels)  # fmt: skip
    return Pictured(store, chosen, [held[clip.clip_id] for clip in chosen.clips], patch)


def _pick(clips: Pictured, videos: tuple[str, ...]) -> list[int]:
    wanted = set(videos)
    return [n for n, clip in enumerate(clips.tokens.clips) if clip.video_id in wanted]


def _read(store: Store, decoder_id: str) -> FittedDecoder:
    return next(row for row in fitted_decoders().read(store, FittedDecoder) if row.decoder_id == decoder_id)  # fmt: skip


def _keep(
    store: Store,
    what: tuple[str, StoredLayer],
    found: tuple[FittedHead, Scores, Split],
    options: DecoderOptions,
) -> None:
    """Write the weights, then commit the rows: the file is seen once they are."""
    (decoder_id, place), (head, scores, split) = what, found
    levels = {"levels": head.levels} if head.levels else {}
    data = pack_weights(head.network, head.scaling, {"patch": options.pixels, **levels})
    row = {
        "decoder_id": decoder_id,
        "encoder_id": place.encoder_id,
        "layer": place.layer,
        "embed_dim": head.network.first.in_features,
        "patch_pixels": options.pixels,
        "network_width": options.width,
        "network_parameters": sum(p.numel() for p in head.network.parameters()),
        "steps": head.steps,
        "best_step": head.best_step,
        "seed": options.seed,
        "train_videos": len(split.train),
        "test_videos": len(scores),
        **summarize_scores(scores),
        "settings": json.dumps({**options.settings, **levels}),
        "created_at": now(),
    }
    rows = [{"decoder_id": decoder_id, "video_id": video, **one, "drawn_slices": int(one["drawn_slices"])} for video, one in sorted(scores.items())]  # fmt: skip
    with store.ingesting():
        row |= write_model(store, decoder_id, data)
        store.commit(
            {
                DECODERS.name: pa.Table.from_pylist([row], DECODERS.arrow),
                DECODER_SCORES.name: pa.Table.from_pylist(rows, DECODER_SCORES.arrow),
            }
        )


def summarize_scores(scores: Scores) -> dict[str, float | None]:
    """Means over videos; the interval of the PSNR, where there are enough of them."""
    names = [name for name in next(iter(scores.values())) if name != "drawn_slices"]
    found: dict[str, float | None] = {name: float(np.mean([one[name] for one in scores.values()])) for name in names}  # fmt: skip
    psnr = interval([one["psnr"] for one in scores.values()])
    known = psnr.count >= FEWEST
    return found | {"psnr_low": psnr.low if known else None, "psnr_high": psnr.high if known else None}  # fmt: skip
