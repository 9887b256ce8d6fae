"""`tubelet score`: how well stored tokens segment and track, against imported masks and points."""

from typing import Any

import click

from tubelet.cli.options import ENCODER_HELP, command, fill, json_option, store_option
from tubelet.cli.printing import print_result
from tubelet.cli.recording import record_job
from tubelet.latent.dense.options import ScoringOptions


@command(ScoringOptions)
@store_option
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="NAME|ID",
    help=f"{ENCODER_HELP} Repeatable.  [default: all that keep tokens]",
)
@json_option
@record_job
def score(
    store: str,
    store_options: dict[str, str],
    encoders: tuple[str, ...],
    as_json: bool,
    **asked: Any,
) -> None:
    """Score segmentation and tracking of every encoder against imported masks (J, F) and points (AJ, delta_avg, OA). Runs no encoder.

    Objects and points are given in the first slice of each clip that shows them; table `scores`.
    """
    from tubelet.latent.dense.keeping import save_scores
    from tubelet.latent.dense.run import score_videos
    from tubelet.latent.dense.summary import ScoringSummary
    from tubelet.store import Store
    from tubelet.store.questions.annotations import groups

    opened, options = Store(store, options=store_options), fill(ScoringOptions, asked)
    scores = list(score_videos(opened, encoders, options))
    save_scores(opened, scores, options)
    units = {row["video_id"]: row["value"] for row in groups().answer(opened).to_pylist()}
    print_result(ScoringSummary(scores, units), as_json)
