"""The rows of `scores`: one per video, encoder, measure and control; a run replaces those of the same encoders and tasks."""

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from tubelet.latent.dense.options import ScoringOptions
from tubelet.latent.dense.run import EncoderScore
from tubelet.store import Store
from tubelet.store.clock import now
from tubelet.store.ids import hash_parts
from tubelet.store.schema import SCORES

BEFORE = """SELECT score_id FROM scores
WHERE encoder_id IN (SELECT unnest($encoders::VARCHAR[])) AND task IN (SELECT unnest($tasks::VARCHAR[]))"""


def save_scores(store: Store, scores: Sequence[EncoderScore], options: ScoringOptions) -> None:
    """Commit scores in the place of the earlier ones of their encoders and tasks."""
    asked = {
        "encoders": sorted({one.encoder_id for one in scores}),
        "tasks": sorted({one.task for one in scores}),
    }
    gone = [row["score_id"] for row in store.rows(BEFORE, asked)]
    rows = [row for one in scores for row in _rows(one, options)]
    table = pa.Table.from_pylist(rows, SCORES.arrow)
    store.commit({SCORES.name: table}, {SCORES.name: gone})


def _rows(one: EncoderScore, options: ScoringOptions) -> list[dict]:
    reached = one.reached
    return [
        {
            "score_id": hash_parts(
                one.encoder_id, one.video_id, one.task, measure, reached.control
            ),
            "encoder_id": one.encoder_id,
            "layer": one.layer,
            "video_id": one.video_id,
            "task": one.task,
            "measure": measure,
            "control": reached.control,
            "score": value if np.isfinite(value) else None,
            "thing_count": reached.things,
            "frame_count": reached.frames,
            "clip_count": reached.clips,
            "settings": json.dumps(options.settings),
            "created_at": now(),
        }
        for measure, value in reached.values.items()
    ]
