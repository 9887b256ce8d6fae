"""`tubelet export`: a window, or a whole video, as MP4, mask, colors or track; without the dashboard; the tokens of many videos for training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tubelet.cli.options import OutputFile, command, fill, store_option
from tubelet.latent.exports.choice import ClipChoice
from tubelet.latent.exports.drawing import DrawingOptions
from tubelet.latent.exports.token_export import TokenRequest


class PatchAddress(click.ParamType):
    """A patch as SLICE.Y.X, each counted from 0."""

    name = "SLICE.Y.X"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[int, int, int]:
        if isinstance(value, tuple):
            return value
        parts = value.split(".")
        if len(parts) != 3 or not all(
            part.isascii() and part.isdecimal() and len(part) <= 6 for part in parts
        ):
            self.fail(
                f"{value} is not a patch: write slice, row and column, each from 0, like 3.10.7",
                parameter,
                context,
            )
        slice_, y, x = map(int, parts)
        return slice_, y, x


class OutputPath(OutputFile):
    """A file, or for a name without an extension a folder that is new or empty."""

    name = "FILE|FOLDER"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> Path:
        path = Path(value)
        if not path.suffix and path.exists() and not path.is_dir():
            self.fail(f"{path} is not a folder: name a new one", parameter, context)
        if path.suffix or not path.is_dir():
            return super().convert(value, parameter, context)
        if any(path.iterdir()):
            self.fail(f"{path} is not empty: name a new folder", parameter, context)
        return path


coloring_option = click.option(
    "--colors", "coloring", default="corpus", show_default=True, metavar="COLORING",
    help="Where colors come from: corpus, video-ID, clip-ID, basis-ID, or dimensions-0.1.2; with ~unit, ~positions or ~foreground after it.",
)  # fmt: skip
patch_option = click.option(
    "--patch",
    "patches",
    multiple=True,
    type=PatchAddress(),
    help="A marked patch; repeatable.",
)
background_option = click.option(
    "--background",
    multiple=True,
    type=PatchAddress(),
    help="A patch of the background; repeatable.",
)
whole_option = click.option(
    "--whole-video",
    is_flag=True,
    help="Cover all windows of the video that have the clip's frame count and spacing.",
)
output_option = click.option("-o", "--output", required=True, type=OutputFile(), help="The file.")


@click.group(no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def export(context: click.Context) -> None:
    """Write a window, or a whole video, as a file: MP4, mask, colors, track."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command(ClipChoice, DrawingOptions)
@store_option
@coloring_option
@patch_option
@background_option
@whole_option
@output_option
def mp4(
    store: str,
    store_options: dict[str, str],
    output: Path,
    coloring: str,
    whole_video: bool,
    **asked: Any,
) -> None:
    """Write the video beside or below its colors, the heat of patches (--over heat --patch), or their mask (--over mask --patch --background)."""
    from tubelet.latent.exports import requests
    from tubelet.store import Store

    how = requests.VideoRequest(
        drawing=fill(DrawingOptions, asked),
        coloring=coloring,
        marks=_marks(asked),
        whole_video=whole_video,
    )
    click.echo(
        requests.export_mp4(
            Store(store, options=store_options), fill(ClipChoice, asked), how, output
        )
    )


@command(ClipChoice)
@store_option
@coloring_option
@output_option
def colors(
    store: str, store_options: dict[str, str], output: Path, coloring: str, **asked: Any
) -> None:
    """Write the colors of a clip's tokens to FILE.npy: uint8 (slices, rows, columns, 3)."""
    from tubelet.latent.exports import requests
    from tubelet.store import Store

    click.echo(
        requests.export_colors(
            Store(store, options=store_options), fill(ClipChoice, asked), coloring, output
        )
    )


@command(ClipChoice)
@store_option
@patch_option
@whole_option
@output_option
def track(
    store: str, store_options: dict[str, str], output: Path, whole_video: bool, **asked: Any
) -> None:
    """Track patches, and write where they are to FILE.csv or FILE.parquet: one row per frame, with its time and pixels of the source."""
    from tubelet.latent.exports import requests
    from tubelet.store import Store

    click.echo(
        requests.export_track(
            Store(store, options=store_options),
            fill(ClipChoice, asked),
            _marks(asked),
            output,
            whole_video,
        )
    )


@command(ClipChoice)
@store_option
@patch_option
@background_option
@whole_option
@click.option(
    "-o",
    "--output",
    required=True,
    type=OutputPath(),
    help="FILE.npz of a window, FILE.mp4, or a new folder for PNG files.",
)
def mask(
    store: str, store_options: dict[str, str], output: Path, whole_video: bool, **asked: Any
) -> None:
    """Segment the object under the marked patches, and write its mask.

    FILE.mp4 and the PNG files have the source's pixels; FILE.npz has those of the encoder's picture, with the scores.
    """
    from tubelet.latent.exports import requests
    from tubelet.store import Store

    click.echo(
        requests.export_mask(
            Store(store, options=store_options),
            fill(ClipChoice, asked),
            _marks(asked),
            output,
            whole_video,
        )
    )


@command(TokenRequest)
@store_option
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME",
    help="Label to write with the tokens; repeatable.",
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="New folder. A rerun completes what a stopped run left unfinished.",
)
def tokens(
    store: str, store_options: dict[str, str], output: Path, labels: tuple[str, ...], **asked: Any
) -> None:
    """Write the tokens of all windows of an encoder to a folder that other tools read.

    Zarr (xarray), WebDataset, one .npy, Hugging Face `datasets`, Lance, Embedding Atlas or FiftyOne. One window stands in memory at a
    time. Zarr needs the extra `tubelet[zarr]`, Lance `tubelet[lance]`.
    """
    from tubelet.latent.exports.token_export import export_tokens
    from tubelet.store import Store

    wanted = replace(fill(TokenRequest, asked), labels=labels)
    click.echo(export_tokens(Store(store, options=store_options), wanted, output))


def _marks(asked: dict[str, Any]) -> Any:
    from tubelet.latent.exports.requests import Marks

    return Marks(patches=asked["patches"], background=asked.get("background", ()))


SUMMARIES = {
    mp4: "The video with colors, heat or mask, as MP4.", mask: "The mask of marked patches, as .npz, MP4 or PNG.",
    tokens: "The tokens of many videos, for training and for viewers.",
    colors: "The colors of a clip's tokens, as .npy.", track: "Where patches are in each frame, as CSV or Parquet.",
}  # fmt: skip
for part, summary in SUMMARIES.items():
    part.short_help = summary
    export.add_command(part)
