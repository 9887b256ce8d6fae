"""`tubelet surprise` and `tubelet mask`: what an encoder's predictor did not expect, of slices to come and of tokens under a mask."""

import sys
from threading import Event
from typing import Any

from tubelet.cli.batches import run_on_cluster, tell
from tubelet.cli.interrupts import stop_on_signals
from tubelet.cli.options import command, fill, json_option, store_option
from tubelet.cli.printing import print_result
from tubelet.cli.recording import record_job
from tubelet.ingest.cluster_options import ClusterOptions
from tubelet.ingest.prediction.options import SurpriseOptions
from tubelet.training.masking.options import MaskOptions


@command(SurpriseOptions, ClusterOptions)
@store_option
@json_option
@record_job
def surprise(
    store: str, store_options: dict[str, str], as_json: bool, ray: str | None, **asked: Any
) -> None:
    """Predict slices of stored windows from those before them, with copying and the mean token as baselines. Decodes the videos again.

    A rerun completes what is missing. Tables `surprise` and `slice_surprise`.

    Exit code 0: all done; 1: some videos could not be read, listed; 2: wrong use; 130: stopped by Ctrl-C.
    """
    from tubelet.ingest.prediction.run import measure_surprise
    from tubelet.store import Store

    stopping = Event()
    opened, options = Store(store, options=store_options), fill(SurpriseOptions, asked)
    if ray:
        from tubelet.ingest.prediction.batches import SurpriseBatches

        reached, cluster = (store, store_options), (ray, options.device)
        outcome = run_on_cluster(
            SurpriseBatches.of(options), opened, reached, cluster, tell("clip")
        )
    else:
        stop_on_signals("stopping after the current clip", stopping.set)
        outcome = measure_surprise(opened, options, stopping, tell("clip"))
    print_result(outcome, as_json)
    sys.exit(outcome.exit_code)


@command(MaskOptions, ClusterOptions)
@store_option
@json_option
@record_job
def mask(
    store: str, store_options: dict[str, str], as_json: bool, ray: str | None, **asked: Any
) -> None:
    """Hide tokens of stored windows and predict them from the others, with a copy of the nearest visible token as baseline. Decodes the videos again.

    `--mask tube,random --draw masks.png` compares masks on the same windows. Tables `maskings`, `masked_tokens` and `masking_projections`.

    Exit code 0: all done; 1: some videos could not be read, listed; 2: wrong use; 130: stopped by Ctrl-C.
    """
    from tubelet.store import Store

    stopping = Event()
    opened, options = Store(store, options=store_options), fill(MaskOptions, asked)
    if ray:
        from tubelet.training.masking.batches import MaskBatches

        reached, cluster = (store, store_options), (ray, options.device)
        outcome = run_on_cluster(MaskBatches.of(options), opened, reached, cluster, tell("window"))
    else:
        from tubelet.training.masking.run import measure_masks

        stop_on_signals("stopping after the current window", stopping.set)
        outcome = measure_masks(opened, options, stopping, tell("window"))
    print_result(outcome, as_json)
    sys.exit(outcome.exit_code)
