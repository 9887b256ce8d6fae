"""`tubelet probe`: what stored states know about a label of the videos."""

from typing import TYPE_CHECKING, Any

import click

from tubelet.cli.options import ENCODER_HELP, command, fill, json_option, store_option
from tubelet.cli.printing import print_result
from tubelet.cli.recording import recorded
from tubelet.latent.probes.options import ATTENTIVE, ProbeOptions

if TYPE_CHECKING:
    from tubelet.latent.probes.method import Method


@command(ProbeOptions)
@store_option
@click.option("--label", required=True, metavar="NAME", help="Label of whole videos to learn.")
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="NAME|ID",
    help=f"{ENCODER_HELP} Repeatable.  [default: all of them; untrained ones are controls]",
)
@json_option
@recorded
def probe(store: str, label: str, encoders: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """Train a probe per encoder and layer on stored states, or tokens, to tell a label, beside its controls. Runs no encoder.

    Videos of one `group`, and clips of one video, are never on both sides; a label `split` (train, test) is obeyed. Tables `probes` and `predictions`.
    """
    from tubelet.latent.probes.keeping import save_run
    from tubelet.latent.probes.run import run_probes
    from tubelet.latent.probes.summary import ProbeSummary
    from tubelet.store import Store

    opened, options = Store(store), fill(ProbeOptions, asked)
    run = run_probes(opened, label, encoders, options, _choose_method(options))
    print_result(ProbeSummary(run, save_run(opened, run)), as_json)


def _choose_method(options: ProbeOptions) -> "Method":
    """What the kind learns from; torch is loaded for attentive probes alone."""
    if options.kind == ATTENTIVE:
        from tubelet.training.attentive.method import make_method

        return make_method(options, lambda line: click.echo(line, err=True))
    from tubelet.latent.probes.method import STATES

    return STATES
