"""`tubelet pretrain` and `tubelet evaluate`: your own encoder, and what its tokens are good for."""

from pathlib import Path
from typing import Any

import click

from tubelet.cli.interrupts import stop_on_signals
from tubelet.cli.options import FOLDER, OutputFile, command, json_option
from tubelet.cli.printing import note, print_result
from tubelet.training.pretraining.settings import Settings

device_option = click.option(
    "--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps."
)


@command(Settings)
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
    **settings: Any,
) -> None:
    """Train a small V-JEPA 2.1 on videos, from scratch; after an interruption, the same command resumes it."""
    from tubelet.ingest import encoders as table
    from tubelet.training.pretraining.run import Pretraining

    run = Pretraining.of(
        videos, output.resolve(), steps, photographs, table.device(device), cache, **settings
    )
    for line in run.unusable:
        note(f"skipped: {line}")
    stop_on_signals("stopping after the current step", run.stopping.set)
    run.execute()
    click.echo(
        f"{output} holds the encoder and its predictor; try it with `tubelet evaluate --weights {output}`"
    )


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
