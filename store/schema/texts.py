"""Texts that were searched for, as vectors, and what compares tokens with them: both come from an encoder that was trained on pictures and their captions."""

from tubelet.store.schema.columns import MOMENT, Column, Table
from tubelet.store.schema.models import MODEL_FILE

MADE = Column("created_at", MOMENT, "when the vector or the head was stored", "UTC")

TEXT_HEADS = Table(
    "text_heads",
    "encoder whose tokens can be compared with texts: the part of its model that its tokens do not pass on their way into the store",
    ("text_head_id",),
    (
        Column("text_head_id", "VARCHAR", "hash of the encoder and its weights"),
        Column("encoder_id", "VARCHAR", "the only encoder whose tokens it reads"),
        Column("head_kind", "VARCHAR", "`pooling`: attention pooling, as SigLIP's; `projection`: norm and matrix, as CLIP's; `shared`: tokens lie in the space of texts, as those of TIPS v2"),
        Column("text_dim", "INTEGER", "numbers per vector of a text", "dimensions"),
        MADE,
        *MODEL_FILE,
    ),
)  # fmt: skip

TEXTS = Table(
    "texts",
    "text that was searched for with an encoder",
    ("text_id",),
    (
        Column("text_id", "VARCHAR", "hash of encoder and text"),
        Column("encoder_id", "VARCHAR", "encoder whose text network read it"),
        Column("text", "VARCHAR", "the text as it was typed"),
        Column("text_vector", "DOUBLE[]", "its embedding, of length 1"),
        MADE,
    ),
)

SEARCHED = (TEXT_HEADS, TEXTS)
