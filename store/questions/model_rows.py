"""Rows of answers about fitted models, as `store.questions.rows` has them of everything else."""

from dataclasses import dataclass
from datetime import datetime

from tubelet.store.rows import Row


@dataclass(frozen=True, kw_only=True)
class TransitionRunRow(Row):
    """A row of `transitions.transition_runs`: models that were fitted and tested on the same videos."""

    run_id: str
    models: int
    train_videos: int
    test_videos: int
    block_slices: int
    grid_side: int
    network_width: int
    network_depth: int
    seed: int
    fitted_at: datetime


@dataclass(frozen=True, kw_only=True)
class TransitionScore(Row):
    """A row of `transitions.transition_scores`: a model, or a control where `control` says which, on a test video at a horizon."""

    transition_id: str
    encoder_id: str | None
    layer: str | None
    control: str | None
    video_id: str
    name: str
    unit: str  # the video, or its group
    horizon: int
    predicted_slices: int
    squared_error: float
    copy_error: float
    mean_error: float
    explained: float | None
    rank_within: float | None
    rank_between: float | None
    copy_rank_within: float | None
    copy_rank_between: float | None
    candidates_within: int
    candidates_between: int


@dataclass(frozen=True, kw_only=True)
class FittedDecoder(Row):
    """A row of `decoders.fitted_decoders`: a decoder and what it reached on videos it never saw."""

    decoder_id: str
    encoder_id: str
    layer: str
    test_videos: int
    psnr: float
    psnr_low: float | None
    psnr_high: float | None
    ssim: float
    perceptual: float | None
    mean_psnr: float
    mean_ssim: float
    mean_perceptual: float | None


@dataclass(frozen=True, kw_only=True)
class ListedRun(Row):
    """A row of `probes.probe_runs`: probes and controls that one command trained."""

    run_id: str
    label_name: str
    kind: str
    task: str
    metric: str
    trained_at: datetime
    probe_count: int
    video_count: int
    group_count: int
    class_count: int | None
    fold_count: int
    settings: str


@dataclass(frozen=True, kw_only=True)
class ProbeScore(Row):
    """A row of `probes.probe_scores`: a probe, or a control where `control` says which."""

    probe_id: str
    encoder_id: str | None
    layer: str | None
    control: str | None
    train_share: float
    score: float | None
    score_low: float | None
    score_high: float | None
    video_count: int
    group_count: int
    clip_count: int
    hyperparameter: float | None


@dataclass(frozen=True, kw_only=True)
class VideoScore(Row):
    """A row of `scores.video_scores`: what an encoder reached on a video, `unit` its group where it has one."""

    task: str
    measure: str
    encoder_id: str
    layer: str
    video_id: str
    name: str
    unit: str
    score: float | None
    still: float | None
    thing_count: int
    frame_count: int
    clip_count: int
    settings: str


@dataclass(frozen=True, kw_only=True)
class ListedAttentiveProbe(Row):
    """A row of `probes.attentive_probes`."""

    probe_id: str
    encoder_id: str
    layer: str
    label_name: str
    score: float | None


@dataclass(frozen=True, kw_only=True)
class TextHeadRow(Row):
    """A row of `texts.text_head`: what compares the tokens of an encoder with texts."""

    text_head_id: str
    encoder_id: str
    head_kind: str
    text_dim: int


@dataclass(frozen=True, kw_only=True)
class SearchedText(Row):
    """A row of `texts.searched_texts`."""

    text_id: str
    encoder_id: str
    text: str
    text_vector: list[float]


@dataclass(frozen=True, kw_only=True)
class TextEncoder(Row):
    """A row of `texts.text_encoders`: an encoder whose tokens are kept, and where its weights come from."""

    encoder_id: str
    name: str
    family: str
    layer: str
    weights_sha256: str
    weights_source: str
