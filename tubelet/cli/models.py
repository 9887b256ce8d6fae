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
from tubelet.cli.recording import record_job, report_to
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
@record_job
def fit_transition(
    store: str,
    store_options: dict[str, str],
    encoders: tuple[str, ...],
    as_json: bool,
    **asked: Any,
) -> None:
    """Fit a causal transformer over slices of stored tokens per encoder, and test it on other videos against copying, shuffled time, pixels and untrained networks. Runs no encoder.

    Videos of one `group` are never on both sides; a label `split` (train, test) is followed. A rerun fits what is missing. Tables `transitions` and `transition_scores`.
    """
    from tubelet.store import Store
    from tubelet.training.transition.run import fit_transitions
    from tubelet.training.transition.summary import TransitionSummary

    opened, options = Store(store, options=store_options), fill(TransitionOptions, asked)
    run = fit_transitions(opened, encoders, options, make_progress("step"))
    print_result(TransitionSummary.of(opened, run), as_json)


def make_progress(noun: str) -> Any:
    """Tells how far a fit is: to those who watch the job, and on a terminal."""
    from tubelet.store.jobs.state import JobProgress

    report = report_to()

    def show(done: int, of: int) -> None:
        report(JobProgress(done=done, total=of, unit=noun))
        if sys.stderr.isatty() and (done % 10 == 0 or done == of):
            note(f"\r{noun} {done:,} of at most {of:,}", end="" if done < of else "\n")

    return show


fit_transition.short_help = "Fit and test models of the next slice."
transition.add_command(fit_transition)


@click.group(no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def decoder(context: click.Context) -> None:
    """Fit models that turn tokens into pixels, and look at clips through them."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command(DecoderOptions, name="fit")
@store_option
@encoder_option(help=ENCODER_HELP, required=True)
@json_option
@record_job
def fit_head(
    store: str, store_options: dict[str, str], encoder: str, as_json: bool, **asked: Any
) -> None:
    """Fit a small convolutional head from an encoder's stored tokens to the slice pictures, and measure PSNR, SSIM and a perceptual distance on other videos. Runs no encoder.

    Videos of one `group` are never on both sides; a label `split` (train, test) is followed. Tables `decoders` and `decoder_scores`.
    """
    from tubelet.store import Store
    from tubelet.training.decoder.run import fit_decoder

    opened, options = Store(store, options=store_options), fill(DecoderOptions, asked)
    print_result(fit_decoder(opened, encoder, options, make_progress("step")), as_json)


@command(name="show")
@store_option
@click.option("--clip", metavar="CLIP_ID", help="Clip whose slices are drawn.")
@click.option("--direction", metavar="NAME", help="Draw a direction instead: a dimension, basis:NAME:2, cluster:NAME:0 or another name of the page Dimension.")  # fmt: skip
@click.option("--transition", "transition_id", metavar="ID", help="Draw what a transition model predicts of the second half of the clip, beside the true slices and a copy.")  # fmt: skip
@click.option("--masking", "masking_id", metavar="ID", help="Draw what a kept run of `tubelet mask` predicted of the clip, beside its target and the mean of the seen tokens.")  # fmt: skip
@encoder_option(help=f"{ENCODER_HELP} The direction belongs to it.  [default: that of the decoder]")
@click.option("--decoder", "decoder_id", metavar="ID", help="Decoder by its id.  [default: the newest of the encoder]")  # fmt: skip
@click.option(
    "-o", "--output", required=True, type=OutputFile(ending=".png"), help="Picture (PNG) to write."
)
def show_decoded(store: str, store_options: dict[str, str], output: Path, **asked: Any) -> None:
    """Write the picture that a decoder makes of a clip, a rollout, a masking or a direction, with its scores on videos it never saw."""
    from tubelet.store import Store
    from tubelet.store.disk.outputs import open_whole

    if (asked["clip"] is None) is (asked["direction"] is None):
        raise click.UsageError("pass either --clip or --direction")
    if asked["transition_id"] and asked["clip"] is None:
        raise click.UsageError("--transition predicts slices of a clip: pass --clip, too")
    if asked["masking_id"] and (asked["clip"] is None or asked["transition_id"]):
        raise click.UsageError(
            "--masking is a run on a clip: pass --clip, too, and no --transition"
        )
    draw = _draw_direction if asked["direction"] else _draw_clip
    sheet, said = draw(Store(store, options=store_options), asked)
    with open_whole(output) as file:
        sheet.save(file, "PNG")
    click.echo(f"{output} written. {said}")


def _draw_clip(opened: Any, asked: dict[str, Any]) -> tuple[Any, str]:
    """The picture of a clip, of a masking, or of a rollout of its second half, and how well it is drawn."""
    from tubelet.latent.decoding.decoder import choose_decoder, describe_quality
    from tubelet.latent.decoding.sheet import arrange_sheet, draw_sheet

    chosen = choose_decoder(opened, opened.clip(asked["clip"]).encoder_id, asked["decoder_id"])
    said = describe_quality(chosen.row)
    if asked["masking_id"]:
        return _draw_masking(opened, chosen, asked["clip"], asked["masking_id"])
    if asked["transition_id"] is None:
        return draw_sheet(opened, chosen, asked["clip"]), said
    from tubelet.training.decoder.rollout import draw_rollout

    found = draw_rollout(opened, chosen, asked["clip"], asked["transition_id"])
    said = f"{said} {found.quality}"
    return arrange_sheet(found.rows, said, [f"slice {number}" for number in found.slices]), said


def _draw_masking(opened: Any, chosen: Any, clip_id: str, masking_id: str) -> tuple[Any, str]:
    from tubelet.latent.decoding.decoder import describe_quality
    from tubelet.latent.decoding.maskings import draw_masking
    from tubelet.latent.decoding.sheet import SLICES_MOST, arrange_sheet

    found = draw_masking(opened, chosen, clip_id, masking_id, SLICES_MOST)
    said = f"{found.quality} {describe_quality(chosen.row)}".lstrip()
    return arrange_sheet(found.rows, said, [f"slice {number}" for number in found.slices]), said


def _draw_direction(opened: Any, asked: dict[str, Any]) -> tuple[Any, str]:
    """The picture of a direction, and how well it is drawn."""
    from tubelet.latent.decoding.along import describe_steps, draw_along
    from tubelet.latent.decoding.decoder import choose_decoder, describe_quality
    from tubelet.latent.decoding.sheet import draw_along_sheet
    from tubelet.latent.directions.naming import find_direction
    from tubelet.latent.workspace import Workspace
    from tubelet.store.encoder_names import find_encoder

    named = asked["encoder"] and find_encoder(opened, asked["encoder"])
    if named is None and asked["decoder_id"] is None:
        raise click.UsageError("--direction needs --encoder or --decoder: whose direction is it?")
    chosen = choose_decoder(opened, named or "", asked["decoder_id"])
    encoder_id = named or chosen.row.encoder_id
    direction = find_direction(opened, encoder_id, asked["direction"])
    drawn = draw_along(opened, chosen, direction, Workspace(opened).direction_sample(encoder_id))
    said = f"{describe_steps(drawn.names)} {describe_quality(chosen.row)}"
    return draw_along_sheet(drawn, said), said


fit_head.short_help = "Fit and test a decoder of one encoder."
show_decoded.short_help = "Write a clip, a rollout, a masking or a direction as a decoder draws it."
decoder.add_command(fit_head)
decoder.add_command(show_decoded)
