"""Rows of answers that Python reads one by one: a frozen class per question, its fields the columns that the question selects.

    (summary,) = caching.read(store, corpus.corpus_summary(), CorpusSummary)

Rows of tables are in `store.rows`. A column that is NULL in some answer may be `None` here.
"""

from dataclasses import dataclass
from datetime import datetime

from tubelet.store.rows import EncoderRow, PairRow, Row


@dataclass(frozen=True, kw_only=True)
class CorpusSummary(Row):
    """The row of `corpus.corpus_summary`: how much a store holds."""

    videos: int
    seconds: float
    bytes: int
    clips: int
    tokens: int
    embedding_bytes: int
    encoded_videos: int
    encoders: int
    failures: int


@dataclass(frozen=True, kw_only=True)
class PageVideo(Row):
    """A row of `corpus.videos_page`: a video in the list of the corpus; `mean` of a statistic over its slices."""

    video_id: str
    thumbnail: str | None
    name: str
    label: str | None
    duration_s: float
    width: int
    height: int
    fps: float
    frames: int
    codec: str
    clips: int
    tokens: int
    failures: int | None
    mean: float | None


@dataclass(frozen=True, kw_only=True)
class ListedEncoder(EncoderRow):
    """A row of `corpus.encoders`: an encoder and how much it has encoded."""

    videos: int
    clips: int
    tokens: int
    untrained: bool


@dataclass(frozen=True, kw_only=True)
class ListedClip(Row):
    """A row of `corpus.clips_of_video`: a clip in the list of its video."""

    clip_id: str
    start_s: float
    stop_s: float
    first_frame: int
    frame_count: int
    step: int
    slices: int
    grid_height: int
    grid_width: int
    tokens: int
    precision: str
    encode_s: float
    role: str | None


@dataclass(frozen=True, kw_only=True)
class VideoFailure(Row):
    """A row of `corpus.failures_of_video`: what failed in a video, and from which frame on."""

    stage: str
    error: str
    first_frame: int | None


@dataclass(frozen=True, kw_only=True)
class ChosenVideo(Row):
    """A row of `corpus.chosen_videos`: a chosen video and how much of it an encoder has encoded."""

    video_id: str
    name: str
    label: str | None
    duration_s: float
    clips: int
    tokens: int


@dataclass(frozen=True, kw_only=True)
class ShownPair(PairRow):
    """The row of `pairs.pair`: a pair with its video, its encoder and both windows."""

    video: str
    first_a: int
    first_b: int
    frame_count: int
    step: int
    start_a: float
    stop_a: float
    start_b: float
    stop_b: float
    slices: int
    grid_height: int
    grid_width: int
    embed_dim: int
    crop_height: int
    crop_width: int
    encoder: str
    tubelet: int
    embeddings: bool
    untrained: bool


@dataclass(frozen=True, kw_only=True)
class ListedPair(Row):
    """A row of `pairs.pairs_of_video`: a pair in the list of its video."""

    pair_id: str
    kind: str
    shift: int
    shared_slices: int
    source: str
    precision: str
    change: str | None = None
    strength: float | None = None
    first_frame: int
    frame_count: int
    step: int
    start_s: float
    crop_height: int
    crop_width: int


@dataclass(frozen=True, kw_only=True)
class ChangeScope(Row):
    """A row of `changes.change_scopes`: an encoder, window length and setting with changed windows."""

    encoder_id: str
    encoder: str
    frame_count: int
    setting: str
    videos: int


@dataclass(frozen=True, kw_only=True)
class Reaction(Row):
    """A row of `changes.reactions`: how far the tokens of a video moved after a change of one strength."""

    change: str
    strength: float | None
    video_id: str
    relative: float | None
    token_cosine: float | None
    pixel_change: float | None


@dataclass(frozen=True, kw_only=True)
class MeasuredChange(Row):
    """A row of `changes.measured_changes`: a change of one strength, and how much was measured of it; a unit is a video or a group."""

    change: str
    strength: float | None
    units: int
    videos: int
    pairs: int
    embed_dim: int


@dataclass(frozen=True, kw_only=True)
class DimensionReaction(Row):
    """A row of `changes.reactions_of_dimension`: how far one dimension of a video moved, and its mean dimension."""

    change: str
    strength: float | None
    video_id: str
    relative: float | None
    mean_dimension: float | None


@dataclass(frozen=True, kw_only=True)
class SurpriseScope(Row):
    """A row of `surprise.surprise_scopes`: an encoder, context and horizon of which slices were predicted."""

    encoder_id: str
    encoder: str
    context: int
    horizon: int
    videos: int
    slice_count: int
    target: str | None
    arithmetic: str | None
    untrained: bool


@dataclass(frozen=True, kw_only=True)
class KeptMasking(Row):
    """A row of `maskings.maskings_of_clip`: a mask under which a window was predicted."""

    masking_id: str
    mask_kind: str
    mask_ratio: float | None
    seed: int
    painted: str | None
    seen_tokens: int
    hidden_tokens: int
    l1: float
    near_l1: float
    mean_l1: float
    l1_over_near: float | None
    l1_over_mean: float | None
    measured_at: datetime


@dataclass(frozen=True, kw_only=True)
class MatchedLabel(Row):
    """A row of `surprise.labels_for_matching`: a video, what it shares with its partner, and what tells them apart."""

    video_id: str
    match_value: str
    side_value: str


@dataclass(frozen=True, kw_only=True)
class PairedVideo(Row):
    """A row of `pairs.paired_videos`: a video with pairs; `videos` counts all that match, beyond the limit, too."""

    video_id: str
    name: str
    label: str | None
    pairs: int
    videos: int


@dataclass(frozen=True, kw_only=True)
class EdgeAndMiddle(Row):
    """The row of `pairs.edge_and_middle`: relative differences of a pair."""

    edge: float | None
    middle: float | None
    most: float | None
    token_cosine: float | None


@dataclass(frozen=True, kw_only=True)
class RankedDimension(Row):
    """A row of `pairs.ranked_dimensions`: how a dimension of a pair reacts."""

    dim: int
    relative_edge: float | None
    relative_middle: float | None
    edge_over_middle: float | None
    edge: float
    middle: float
    edge_signed: float
    pair_std: float


@dataclass(frozen=True, kw_only=True)
class ControlNoise(Row):
    """The row of `pairs.determinism` and of `pairs.noise_floor`: what the controls of a pair differ by."""

    pairs: int
    most: float | None
    mean: float | None


@dataclass(frozen=True, kw_only=True)
class MeasuredScope(Row):
    """A row of `sensitivity.scopes`: a window length, shift and setting in which an encoder's pairs were measured."""

    encoder_id: str
    encoder: str
    frame_count: int
    shift: int
    setting: str
    videos: int
    pairs: int


@dataclass(frozen=True, kw_only=True)
class NamedVideo(Row):
    """A row of `clips.videos_with_clips`: a video to choose from."""

    video_id: str
    name: str
    label: str | None


@dataclass(frozen=True, kw_only=True)
class ListedTimeline(Row):
    """A row of `clips.timelines`: a way of cutting a video into clips."""

    role: str
    step: int
    geometry: str
    crop_height: int
    crop_width: int
    precision: str
    frame_count: int
    clips: int
    first_clip: str


@dataclass(frozen=True, kw_only=True)
class ClipAtLayer(Row):
    """A row of `clips.other_layers`: the same window at a layer that suits something."""

    encoder_id: str
    name: str
    layer: str
    suits: str
    clip_id: str
