"""`tubelet transition`: models that are fitted to stored tokens and kept in the store."""

import sys
from typing import Any

import click

from tubelet.cli.options import ENCODER_HELP, command, fill, json_option, store_option
from tubelet.cli.printing import note, print_result
from tubelet.cli.recording import recorded, report_to
from tubelet.training.transition.options import TransitionOptions


@click.group(no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def transition(context: click.Context) -> None:
    """Fit models that predict the tokens of the next slice, and compare encoders by them."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command(TransitionOptions, name="fit")
@store_option
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="NAME|ID",
    help=f"{ENCODER_HELP} Repeatable.  [default: all of them; untrained ones are controls]",
)
@json_option
@recorded
def fit_transition(store: str, encoders: tuple[str, ...], as_json: bool, **asked: Any) -> None:
    """Fit a causal transformer over slices of stored tokens per encoder, and test it on other videos beside copying, shuffled time, pixels and untrained networks. Runs no encoder.

    Videos of one `group` are never on both sides; a label `split` (train, test) is obeyed. A rerun fits what is missing. Tables `transitions` and `transition_scores`.
    """
    from tubelet.store import Store
    from tubelet.training.transition.run import fit_transitions
    from tubelet.training.transition.summary import TransitionSummary

    opened, options = Store(store), fill(TransitionOptions, asked)
    run = fit_transitions(opened, encoders, options, make_progress("step"))
    print_result(TransitionSummary.of(opened, run), as_json)


def make_progress(noun: str) -> Any:
    """Tells how far a fit is: to those who watch the job, and on a terminal."""
    from tubelet.store.jobs.state import JobProgress

    report = report_to()

    def show(done: int, of: int) -> None:
        report(JobProgress(done=done, total=of))
        if sys.stderr.isatty() and (done % 10 == 0 or done == of):
            note(f"\r{noun} {done:,} of at most {of:,}", end="" if done < of else "\n")

    return show


fit_transition.short_help = "Fit and test models of the next slice."
transition.add_command(fit_transition)
