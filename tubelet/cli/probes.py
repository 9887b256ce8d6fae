"""`tubelet probe`: what stored states know about a label of the videos."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from tubelet.cli.options import ENCODER_HELP, command, fill, json_option, store_option
from tubelet.cli.printing import print_result
from tubelet.cli.recording import record_job
from tubelet.latent.probes.options import ATTENTIVE, PATCH, ProbeOptions

if TYPE_CHECKING:
    from tubelet.latent.probes.method import Method
    from tubelet.latent.probes.run import ProbeRun
    from tubelet.store import Store


@command(ProbeOptions)
@store_option
@click.option(
    "--label",
    metavar="NAME",
    help="Label of whole videos to learn; --kind patch learns the imported masks instead.",
)
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="NAME|ID",
    help=f"{ENCODER_HELP} Repeatable.  [default: all of them; untrained ones are controls]",
)
@json_option
@record_job
def probe(
    store: str,
    store_options: dict[str, str],
    label: str | None,
    encoders: tuple[str, ...],
    as_json: bool,
    **asked: Any,
) -> None:
    """Train a probe per encoder and layer on stored states or tokens to predict a label, or the objects of imported masks, together with its controls. Runs no encoder.

    Videos of one `group`, and clips of one video, are never on both sides; a label `split` (train, test) is followed. Tables `probes` and `predictions`, for masks `mask_classes` and `mask_predictions`.
    """
    from tubelet.latent.probes.summary import ProbeSummary
    from tubelet.store import Store

    options = fill(ProbeOptions, asked)
    if (label is None) != (options.kind == PATCH):
        raise click.UsageError(
            "--kind patch learns the imported masks: leave --label out"
            if label
            else "no --label: name the label of whole videos to learn, or pass --kind patch to learn imported masks"
        )
    train = _probe_label(label) if label else _probe_masks
    print_result(
        ProbeSummary(*train(Store(store, options=store_options), encoders, options)), as_json
    )


Train = Callable[["Store", Sequence[str], ProbeOptions], tuple["ProbeRun", str]]


def _probe_label(label: str) -> Train:
    def train(store: "Store", encoders: Sequence[str], options: ProbeOptions) -> Any:
        from tubelet.latent.probes.keeping import save_run
        from tubelet.latent.probes.run import run_probes

        run = run_probes(store, label, encoders, options, _choose_method(options))
        return run, save_run(store, run)

    return train


def _probe_masks(store: "Store", encoders: Sequence[str], options: ProbeOptions) -> Any:
    from tubelet.latent.patch_probes.keeping import save_patch_run
    from tubelet.latent.patch_probes.run import run_patch_probes

    run = run_patch_probes(store, encoders, options)
    return run, save_patch_run(store, run)


def _choose_method(options: ProbeOptions) -> "Method":
    """What the kind learns from; torch is loaded for attentive probes alone."""
    if options.kind == ATTENTIVE:
        from tubelet.training.attentive.method import make_method

        return make_method(options, lambda line: click.echo(line, err=True))
    from tubelet.latent.probes.method import STATES

    return STATES
