"""`tubelet pretrain` and `tubelet evaluate`: your own encoder, and what its tokens are good for."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tubelet.cli.batches import show_progress
from tubelet.cli.interrupts import stop_on_signals
from tubelet.cli.options import FOLDER, OutputFile, command, json_option
from tubelet.cli.printing import note, print_result
from tubelet.ingest.cluster_options import BankClusterOptions
from tubelet.store.wording import count
from tubelet.training.pretraining.settings import Settings

if TYPE_CHECKING:
    from tubelet.ingest.ray_place import RayPlace
    from tubelet.training.pretraining.bank import Bank
    from tubelet.training.pretraining.run import Pretraining

device_option = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps."
)


@command(Settings, BankClusterOptions)
@click.argument("videos", nargs=-1, required=True, metavar="VIDEOS...")
@click.option(
    "-o",
    "--output",
    required=True,
    type=OutputFile(regular=True),
    help="File for the weights; a log is written beside it.",
)
@click.option(
    "--steps",
    default=20_000,
    show_default=True,
    type=click.IntRange(1, 10**9),
    help="Total number of steps; a resumed run continues up to this one.",
)
@click.option("--photographs", type=FOLDER, metavar="DIR", help="Pictures for generated scenes.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Folder for prepared clips and the teacher's features; it can be deleted.  [default: FILE.bank]",
)
@device_option
def pretrain(
    videos: tuple[str, ...],
    output: Path,
    steps: int,
    photographs: Path | None,
    cache: Path | None,
    device: str,
    ray: str | None,
    **settings: Any,
) -> None:
    """Train a small V-JEPA 2.1 on videos, from scratch; after an interruption, the same command resumes it."""
    from tubelet.ingest import encoders as table
    from tubelet.training.pretraining.run import Pretraining

    cluster = _connect(ray, device if settings["teacher"] else "cpu") if ray else None
    run = Pretraining.of(
        videos, output.resolve(), steps, photographs, table.device(device), cache, **settings
    )
    for line in run.unusable:
        note(f"skipped: {line}")
    stop_on_signals("stopping after the current step", run.stopping.set)
    run.execute(_fill_on(cluster, run) if cluster else None)
    click.echo(
        f"{output} holds the encoder and its predictor; try it with `tubelet evaluate --weights {output}`"
    )


def _connect(address: str, device: str) -> "RayPlace":
    from tubelet.ingest.ray_place import RayPlace

    return RayPlace(address, device)


def _fill_on(cluster: "RayPlace", run: "Pretraining") -> Callable[["Bank"], None]:
    """What makes the clips of a run on the actors of a cluster."""
    from tubelet.ingest.batches import BatchCrew
    from tubelet.training.pretraining.bank_filling import share_bank
    from tubelet.training.pretraining.run import Stopped

    def fill(bank: "Bank") -> None:
        with share_bank(bank, run.material, run.steps) as batches:
            crew = BatchCrew(batches, bank, batches, cluster, partial(show_progress, noun="clip"))
            stop_on_signals("stopping after the current clips", crew.stop)
            outcome: Any = crew.execute()
        cluster.leave()
        stop_on_signals("stopping after the current step", run.stopping.set)
        if outcome.interrupted:
            raise Stopped(
                f"stopped with {count(outcome.made, 'clip')} prepared; run the same command again to continue"
            )
        for line in outcome.lines():
            note(line)

    return fill


pretrain.gone = {
    "--repeats": "clips are made once and seen in many crops; --bank sets how many clips there are"
}


@command()
@click.option(
    "--encoder",
    metavar="NAME",
    help="One of `tubelet encoders`, a Hugging Face id, or a directory.  [default: vjepa2.1-tiny, with --weights vjepa2.1-pretrained]",
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="Checkpoint file of the encoder, or what `tubelet pretrain` wrote.",
)
@click.option(
    "--videos", metavar="DIR", help="Videos that the encoder has not seen.  [default: the samples]"
)
@click.option(
    "--photographs",
    type=FOLDER,
    metavar="DIR",
    help="Photographs that the encoder has not seen.  [default: scikit-image's]",
)
@click.option(
    "--scenes",
    default=60,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="Number of scenes to track; direction uses eight times as many.",
)
@device_option
@click.option("--precision", default="fp32", show_default=True, help="fp32, bf16 or fp16.")
@json_option
def evaluate(as_json: bool, **arguments: Any) -> None:
    """Measure how useful an encoder's tokens are, compared with raw pixels and with the same network untrained."""
    from tubelet.training.evaluation.evaluation import evaluate

    print_result(evaluate(**arguments), as_json)
