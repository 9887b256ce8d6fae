"""Tokens, and the statistics that are computed from them."""

from tubelet.store.schema.columns import ADDRESS, CLIP, DIM, EMBEDDING, HALF, SLICE, Column, Table
from tubelet.store.statistics import TOKEN_STATISTICS

TOKEN_STATS = Table(
    "token_stats",
    "token",
    ("clip_id", "slice", "y", "x"),
    (*ADDRESS, *(Column(s.name, "FLOAT", s.meaning, s.unit) for s in TOKEN_STATISTICS.values())),
)

SLICE_STATS = Table(
    "slice_stats",
    "clip and slice",
    ("clip_id", "slice"),
    (
        CLIP,
        SLICE,
        *(
            Column(s.name, "FLOAT", f"mean over the slice's patches of: {s.meaning}", s.unit)
            for s in TOKEN_STATISTICS.values()
        ),
    ),
)

DIM_STATS = Table(
    "dim_stats",
    "clip, slice and dimension",
    ("clip_id", "slice", "dim"),
    (
        CLIP,
        SLICE,
        DIM,
        Column("dim_mean", "FLOAT", "mean over the slice's patches"),
        Column("dim_std", "FLOAT", "population standard deviation over the slice's patches"),
        Column("dim_min", "FLOAT", "smallest value in the slice"),
        Column("dim_max", "FLOAT", "largest value in the slice"),
    ),
)

TOKEN_SAMPLES = Table(
    "token_samples",
    "sampled token of a clip, the same ones on every machine",
    ("clip_id", "slice", "y", "x"),
    (*ADDRESS, EMBEDDING),
)

POOLED = Table(
    "pooled",
    "clip, slice and layer: its pooled state",
    ("clip_id", "slice", "layer"),
    (
        CLIP,
        SLICE,
        Column(
            "layer",
            "VARCHAR",
            "one layer of those that `encoders.layer` of the clip's encoder joins, such as `block:8`",
        ),
        Column("pooled_mean", HALF, "mean over the slice's patches, of each dimension"),
        Column("pooled_max", HALF, "largest value among the slice's patches, of each dimension"),
        Column(
            "pooled_std",
            HALF,
            "population standard deviation over the slice's patches, of each dimension",
        ),
    ),
)

TOKENS = Table(
    "tokens",
    "token, with its embedding (a view over the embedding files)",
    ("clip_id", "slice", "y", "x"),
    (
        Column("video_id", "VARCHAR", "video of the token"),
        Column("encoder_id", "VARCHAR", "encoder of the token"),
        *ADDRESS,
        EMBEDDING,
    ),
)
