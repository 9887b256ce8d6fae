"""`tubelet transition` and `tubelet decoder`: models that are fitted to stored tokens and kept in the store."""

import sys
from pathlib import Path
from typing import Any

import click

from tubelet.cli.options import (
    ENCODER_HELP,
    OutputFile,
    command,
    encoder_option,
    fill,
    json_option,
    store_option,
)
from tubelet.cli.printing import note, print_result
from tubelet.cli.recording import recorded, report_to
from tubelet.training.decoder.options import DecoderOptions
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


@click.group(no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def decoder(context: click.Context) -> None:
    """Fit models that draw tokens as pixels, and look at clips through them."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command(DecoderOptions, name="fit")
@store_option
@encoder_option(help=ENCODER_HELP, required=True)
@json_option
@recorded
def fit_head(store: str, encoder: str, as_json: bool, **asked: Any) -> None:
    """Fit a small convolutional head from an encoder's stored tokens to the slice pictures, and measure PSNR, SSIM and a perceptual distance on other videos. Runs no encoder.

    Videos of one `group` are never on both sides; a label `split` (train, test) is obeyed. Tables `decoders` and `decoder_scores`.
    """
    from tubelet.store import Store
    from tubelet.training.decoder.run import fit_decoder

    opened, options = Store(store), fill(DecoderOptions, asked)
    print_result(fit_decoder(opened, encoder, options, make_progress("step")), as_json)


@command(name="show")
@store_option
@click.option("--clip", required=True, metavar="CLIP_ID", help="Clip whose slices are drawn.")
@click.option("--decoder", "decoder_id", metavar="ID", help="Decoder by its id.  [default: the newest of the clip's encoder]")  # fmt: skip
@click.option(
    "-o", "--output", required=True, type=OutputFile(ending=".png"), help="Picture (PNG) to write."
)
def show_clip(store: str, clip: str, decoder_id: str | None, output: Path) -> None:
    """Write the slices of a clip as its decoder draws them, below those that the encoder saw, with what the decoder reached on videos it never saw."""
    from tubelet.latent.decoding.decoder import choose_decoder, describe_quality
    from tubelet.latent.decoding.sheet import draw_sheet
    from tubelet.store import Store
    from tubelet.store.disk.outputs import open_whole

    opened = Store(store)
    chosen = choose_decoder(opened, opened.clip(clip).encoder_id, decoder_id)
    sheet = draw_sheet(opened, chosen, clip)
    with open_whole(output) as file:
        sheet.save(file, "PNG")
    click.echo(f"{output} written. {describe_quality(chosen.row)}")


fit_head.short_help = "Fit and test a decoder of one encoder."
show_clip.short_help = "Write a clip as its decoder draws it."
decoder.add_command(fit_head)
decoder.add_command(show_clip)
