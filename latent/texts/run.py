"""A text that is searched for: the encoder that can read it, its vector, encoded where the store does not have it, and what is most like it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from tubelet.array_types import Float64
from tubelet.latent import clips, hits
from tubelet.latent.errors import LatentError
from tubelet.latent.hits import FoundPatch, RankingOptions
from tubelet.latent.texts.keeping import HeadWeights, find_head, require_head, save_head, save_text
from tubelet.latent.texts.search import rank_slices
from tubelet.store import Store
from tubelet.store.encoder_names import find_encoder, has_text
from tubelet.store.questions.model_rows import SearchedText, TextEncoder
from tubelet.store.questions.texts import searched_texts, text_encoders
from tubelet.store.wording import count

LONGEST = 1000  # characters of a text
PER_VIDEO = 3  # hits of one video, at most


@dataclass(frozen=True)
class Encoded:
    """The vector of a text, of length 1, and the head of its model."""

    vector: Float64[np.ndarray, " d"]
    head: HeadWeights


EncodeText = Callable[[TextEncoder, str], Encoded]


@dataclass(frozen=True)
class TextHit:
    """A slice that is like a text, and its patch that is most like it."""

    video: str
    at_s: float
    patch: FoundPatch


@dataclass(frozen=True, kw_only=True)
class TextAnswer:
    """What a search found; `encoded`: whether the text was encoded now."""

    text: str
    encoder_id: str
    clips: int
    encoded: bool
    hits: tuple[TextHit, ...]

    def lines(self) -> list[str]:
        head = f"{self.text!r}: slices of {count(self.clips, 'clip')} of {self.encoder_id} by cosine; patch (row, column) is the most similar one of the slice"
        return [head, *(_line(hit) for hit in self.hits)]

    def as_json(self) -> dict:
        rows = [asdict(hit.patch) | {"video": hit.video, "at_s": hit.at_s} for hit in self.hits]
        return asdict(self) | {"hits": rows}


def search_text(
    store: Store,
    text: str,
    encode: EncodeText,
    encoder: str | None = None,
    limit: int = 12,
    videos: Sequence[str] | None = None,
) -> TextAnswer:
    """The slices most like a text, of some videos only, if given. Raises LatentError, and what `encode` raises."""
    text = clean_text(text)
    model = choose_text_encoder(store, encoder)
    chosen = clips.with_embeddings(store, model.encoder_id, videos)
    clips.require_embeddings(chosen, model.encoder_id)
    vector = find_text(store, model.encoder_id, text)
    known = vector is not None and find_head(store, model.encoder_id) is not None
    if vector is None or not known:
        vector = _encode(store, model, text, encode)
    kept = require_head(store, model.encoder_id)
    slices = ((clip, kept.read_slices(store, clip)) for clip in chosen)
    found = rank_slices(store, kept, vector, slices, RankingOptions(limit, PER_VIDEO))
    shown = [_describe(store, hit, row) for hit, row in zip(found, hits.table(found).to_pylist())]
    return TextAnswer(
        text=text,
        encoder_id=model.encoder_id,
        clips=len(chosen),
        encoded=not known,
        hits=tuple(shown),
    )


def join_words(text: str) -> str:
    """The text with single blanks, as it is encoded and kept."""
    return " ".join(text.split())


def clean_text(text: str) -> str:
    """The text that is searched for. Raises LatentError for none, and for one that is too long."""
    words = join_words(text)
    if not words:
        raise LatentError('there is no text to search for: write some, such as "a red cup"')
    if len(words) > LONGEST:
        raise LatentError(f"the text has {len(words):,} characters: at most {LONGEST:,} are read")
    return words


def choose_text_encoder(store: Store, wanted: str | None = None) -> TextEncoder:
    """The encoder of that name or id, or the only one that reads texts. Raises LatentError and StoreError."""
    known = text_encoders().read(store, TextEncoder)
    able = [row for row in known if has_text(row.family, row.layer)]
    if wanted is not None:
        encoder_id = find_encoder(store, wanted)
        found = [row for row in able if row.encoder_id == encoder_id]
        if not found:
            raise LatentError(f"{encoder_id} cannot be compared with texts: {_explain(able)}")
        return found[0]
    if not able:
        raise LatentError(
            f"no encoder of {store.name} can be compared with texts: {_explain(able)}"
        )
    if len(able) > 1:
        names = ", ".join(row.encoder_id for row in able)
        raise LatentError(f"several encoders read texts: name one with --encoder: {names}")
    return able[0]


def find_text(store: Store, encoder_id: str, text: str) -> Float64[np.ndarray, " d"] | None:
    """The vector of a text that was encoded before; None where there is none."""
    rows = searched_texts(encoder_id).read(store, SearchedText)
    return next((np.array(row.text_vector) for row in rows if row.text == text), None)


def _encode(
    store: Store, model: TextEncoder, text: str, encode: EncodeText
) -> Float64[np.ndarray, " d"]:
    """Encode a text and keep it, with the head of its model."""
    made = encode(model, text)
    if find_head(store, model.encoder_id) is None:
        save_head(store, model.encoder_id, model.weights_sha256, made.head)
    save_text(store, model.encoder_id, text, made.vector)
    return made.vector


def _explain(able: Sequence[TextEncoder]) -> str:
    if able:
        return f"choose one of {', '.join(row.encoder_id for row in able)}"
    return "this needs the output of SigLIP, SigLIP 2, CLIP or TIPS v2, with its tokens: ingest the videos with such an encoder, siglip2-vitb16 for example"


def _describe(store: Store, hit: hits.Hit, row: dict) -> TextHit:
    patch = FoundPatch.of(row)
    share = patch.slice / hit.clip.slices
    at_s = hit.clip.start_s + share * (hit.clip.stop_s - hit.clip.start_s)
    return TextHit(store.video(hit.clip.video_id).name, at_s, patch)


def _line(hit: TextHit) -> str:
    patch = hit.patch
    return f"{patch.rank:3d}  {patch.score:+.4f}  {hit.video} at {hit.at_s:.2f} s, slice {patch.slice}, patch ({patch.y}, {patch.x}) of clip {patch.clip_id}"
