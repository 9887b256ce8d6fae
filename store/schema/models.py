"""Models that are fitted to stored tokens and kept as files: transitions, which predict the next slice, decoders, which draw tokens, and how well each does on videos it never saw."""

from tubelet.store.schema.columns import MOMENT, Column, Table
from tubelet.store.schema.surprise import HORIZON, SEED

MODEL_FILE = (
    Column("model_path", "VARCHAR", "file of the model's weights (safetensors) in the store"),
    Column("model_bytes", "BIGINT", "size of the file of weights", "bytes"),
    Column("model_sha256", "VARCHAR", "SHA-256 of the file of weights"),
)
MODEL_SEED = SEED
LEARNED = (
    Column("train_videos", "INTEGER", "videos that were learned from, those held back to decide when to stop included", "videos"),
    Column("test_videos", "INTEGER", "videos that were kept for the test, no group of which was learned from", "videos"),
)  # fmt: skip
FITTED = (
    Column("settings", "VARCHAR", "all settings of the run, as JSON"),
    Column("created_at", MOMENT, "when the model was fitted", "UTC"),
)
TRANSITION = Column("transition_id", "VARCHAR", "hash of run, encoder, layer and control")

TRANSITIONS = Table(
    "transitions",
    "fitted transition model, which predicts the tokens of the next slice, or control of one",
    ("transition_id",),
    (
        TRANSITION,
        Column(
            "run_id",
            "VARCHAR",
            "hash of videos, their sides and settings: the models and controls of a run share videos",
        ),
        Column("encoder_id", "VARCHAR", "encoder of the tokens; NULL for raw pixels"),
        Column("layer", "VARCHAR", "layer of the tokens; NULL for raw pixels"),
        Column(
            "control",
            "VARCHAR",
            "NULL for a model of a trained encoder; `shuffled` time, `untrained` network, `pixels` of the slice pictures",
        ),
        Column("embed_dim", "INTEGER", "numbers per token that are predicted", "dimensions"),
        Column("block_slices", "SMALLINT", "slices that the model sees at most", "slices"),
        Column("grid_side", "SMALLINT", "tokens per side of a slice, at most; larger grids are averaged"),
        Column("network_width", "INTEGER", "width of the network between its first and last layer"),
        Column("network_depth", "SMALLINT", "pairs of blocks, one over time and one over the slice"),
        Column("network_parameters", "BIGINT", "numbers that were fitted"),
        Column("steps", "INTEGER", "steps of the optimizer that were taken"),
        Column("best_step", "INTEGER", "step whose weights were kept; 0: those that it started with"),
        Column("held_explained", "DOUBLE", "variance explained over copying on the videos that were held back to decide when to stop"),
        MODEL_SEED,
        *LEARNED,
        *FITTED,
        *MODEL_FILE,
    ),
)  # fmt: skip

TRANSITION_SCORES = Table(
    "transition_scores",
    "test video and horizon of a transition model: means over its predicted slices",
    ("transition_id", "video_id", "horizon"),
    (
        TRANSITION,
        Column("video_id", "VARCHAR", "video that the model never saw"),
        HORIZON,
        Column("predicted_slices", "INTEGER", "slices that were predicted", "slices"),
        Column("squared_error", "DOUBLE", "mean squared error per number, each in units of its standard deviation over the training part"),
        Column("copy_error", "DOUBLE", "the same error of a copy of the last slice seen; for shuffled time that of the true order"),
        Column("mean_error", "DOUBLE", "the same error of the mean of the slices seen; for shuffled time that of the true order"),
        Column("explained", "DOUBLE", "1 - squared_error / copy_error: variance explained over copying; NULL where a copy has no error"),
        Column("mean_explained", "DOUBLE", "1 - mean_error / copy_error: the same of the mean of the slices seen"),
        Column("rank_within", "DOUBLE", "share of the other slices of the clip that are nearer to the prediction than the true one; chance is 0.5", "0 to 1"),
        Column("rank_between", "DOUBLE", "the same share of slices of other test videos; chance is 0.5", "0 to 1"),
        Column("copy_rank_within", "DOUBLE", "rank_within of a copy of the last slice seen", "0 to 1"),
        Column("copy_rank_between", "DOUBLE", "rank_between of a copy of the last slice seen", "0 to 1"),
        Column("candidates_within", "INTEGER", "other slices of a clip, at most"),
        Column("candidates_between", "INTEGER", "slices of other test videos"),
    ),
)  # fmt: skip

DECODER = Column("decoder_id", "VARCHAR", "hash of encoder, layer, videos and settings")
SIMILARITIES = (
    Column("psnr", "DOUBLE", "peak signal-to-noise ratio of decoded slice pictures", "dB"),
    Column("ssim", "DOUBLE", "structural similarity of decoded and true pictures", "-1 to 1"),
    Column("perceptual", "DOUBLE", "distance in features of EfficientNet-Lite0, made like LPIPS without its learned weights; NULL where that network is not installed"),
    Column("mean_psnr", "DOUBLE", "control: psnr of the mean picture of the training part", "dB"),
    Column("mean_ssim", "DOUBLE", "control: ssim of the mean picture of the training part", "-1 to 1"),
    Column("mean_perceptual", "DOUBLE", "control: perceptual of the mean picture of the training part"),
)  # fmt: skip

DECODERS = Table(
    "decoders",
    "fitted decoder, which draws the tokens of one encoder as pixels",
    ("decoder_id",),
    (
        DECODER,
        Column("encoder_id", "VARCHAR", "the only encoder whose tokens it draws"),
        Column("layer", "VARCHAR", "layer of these tokens"),
        Column("embed_dim", "INTEGER", "numbers per token that are drawn", "dimensions"),
        Column("patch_pixels", "SMALLINT", "pixels per side that a token is drawn as", "pixels"),
        Column("network_width", "INTEGER", "width of the network between its first and last layer"),
        Column("network_parameters", "BIGINT", "numbers that were fitted"),
        Column("steps", "INTEGER", "steps of the optimizer that were taken"),
        Column("best_step", "INTEGER", "step whose weights were kept; 0: those that it started with"),
        MODEL_SEED,
        *LEARNED,
        *SIMILARITIES,
        Column("psnr_low", "DOUBLE", "lower end of the 95% interval of psnr over test videos", "dB"),
        Column("psnr_high", "DOUBLE", "upper end of the 95% interval of psnr over test videos", "dB"),
        *FITTED,
        *MODEL_FILE,
    ),
)  # fmt: skip

DECODER_SCORES = Table(
    "decoder_scores",
    "test video of a decoder: means over its slice pictures",
    ("decoder_id", "video_id"),
    (
        DECODER,
        Column("video_id", "VARCHAR", "video that the decoder never saw"),
        Column("drawn_slices", "INTEGER", "slices that were drawn", "slices"),
        *SIMILARITIES,
    ),
)

MODELS = (TRANSITIONS, TRANSITION_SCORES, DECODERS, DECODER_SCORES)
