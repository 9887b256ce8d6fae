"""The rows of a run of patch probes: `probes`, and of each probe and control the classes, and every predicted video."""

from collections.abc import Iterator

import pyarrow as pa

from tubelet.latent.patch_probes.run import PatchRun
from tubelet.latent.patch_probes.scoring import Tables, score_class
from tubelet.latent.patch_probes.trial import MaskTrial
from tubelet.latent.patch_probes.truth import MaskTruth
from tubelet.latent.probes.controls import SHUFFLED
from tubelet.latent.probes.keeping import describe_probe, name_run, none_for_nan
from tubelet.latent.probes.options import WHOLE
from tubelet.store import Store
from tubelet.store.schema import MASK_CLASSES, MASK_PREDICTIONS, PROBES


def save_patch_run(store: Store, run: PatchRun) -> str:
    """Commit a run, whose id is returned; what the store has already stays as it is."""
    run_id, truth = name_run(run), run.masks
    probes = [describe_probe(run_id, run, result) for result in run.results]
    classes: list[dict] = []
    videos: list[dict] = []
    for row, result in zip(probes, run.results):
        trial = result.trial
        if result.control != SHUFFLED and result.share == WHOLE and isinstance(trial, MaskTrial):
            assert trial.tables is not None
            classes += _class_rows(row["probe_id"], truth, trial.tables)
            videos += _video_rows(row["probe_id"], truth, trial.tables)
    store.commit(
        {
            table.name: pa.Table.from_pylist(rows, table.arrow)
            for table, rows in ((PROBES, probes), (MASK_CLASSES, classes), (MASK_PREDICTIONS, videos))
        }
    )  # fmt: skip
    return run_id


def _class_rows(probe_id: str, truth: MaskTruth, tables: Tables) -> Iterator[dict]:
    for number, name in enumerate(truth.classes):
        found = score_class(tables, truth.units.groups, number)
        yield {
            "probe_id": probe_id,
            "class_value": name,
            "iou": none_for_nan(found.value),
            "iou_low": none_for_nan(found.low),
            "iou_high": none_for_nan(found.high),
        }


def _video_rows(probe_id: str, truth: MaskTruth, tables: Tables) -> Iterator[dict]:
    """One per video and class that its masks show or the probe sees there."""
    for at, place in enumerate(tables.places):
        for number, name in enumerate(truth.classes):
            both, either = tables.intersections[at, number], tables.unions[at, number]
            if either > 0:
                yield {
                    "probe_id": probe_id,
                    "video_id": truth.units.video_ids[place],
                    "fold": int(tables.folds[at]),
                    "class_value": name,
                    "intersection": float(both),
                    "union_share": float(either),
                    "iou": float(both / either),
                    "frame_count": int(tables.frames[at]),
                }
