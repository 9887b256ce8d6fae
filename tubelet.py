"""The `tubelet` command: parses arguments, hands over to the rooms, decides nothing.

Rooms are imported by the command that needs them, so that `tubelet --help` and `tubelet sql` never load torch.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

HERE = Path(__file__).resolve().parent
FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


class Commands(click.Group):
    """Shows a mistake that a person can mend as one sentence and exit code 2, ends with 130 on Ctrl-C; other errors keep their traceback."""

    def invoke(self, context: click.Context) -> Any:
        from tubelet.store.errors import TubeletError

        try:
            return super().invoke(context)
        except TubeletError as error:
            click.echo(f"tubelet: {error}", err=True)
            context.exit(2)
        except KeyboardInterrupt:
            context.exit(130)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="tubelet")
def main() -> None:
    """Encode videos once, then ask: tokens in Parquet, answers in SQL, pictures in a dashboard."""


def store_option(command: Any) -> Any:
    return click.option("--store", required=True, metavar="STORE", help="Folder of the store.")(command)


def ingest_options(command: Any) -> Any:
    """The arguments that `ingest` and `plan` share."""
    options = (
        click.argument("paths", nargs=-1, required=True, metavar="PATH..."),
        click.option("--encoder", required=True, metavar="NAME", help="One of `tubelet encoders`, a Hugging Face id, or a directory."),
        click.option("--weights", type=click.Path(path_type=Path), help="File of the encoder's weights.  [default: the released ones, downloaded once]"),
        click.option("--layer", default="last", show_default=True, help="Level of the encoder: last, a number from 0, or all joined."),
        click.option("--frames", default=16, show_default=True, help="Frames a window."),
        click.option("--step", default=1, show_default=True, help="Distance of a window's frames, in frames of the video."),
        click.option("--hop", type=int, help="Distance of windows, in frames of the video.  [default: frames x step, no overlap]"),
        click.option("--tail", is_flag=True, help="Keep the last, shorter window of each video."),
        click.option("--size", metavar="PX|HxW", help="Short side, then a square crop; or height x width.  [default: the encoder's]"),
        click.option("--fit", is_flag=True, help="Keep the whole frame: short side --size, sides rounded to the patch."),
        click.option("--shift", type=int, help="Slices by which the second window of a pair begins later.  [default: 1]"),
        click.option("--pairs", metavar="N|all", help="Pairs of windows a video: a number, 0 for none, or all that the hop makes.  [default: 1]"),
        click.option("--keep", default="embeddings", show_default=True, help="embeddings, or statistics and measurements alone."),
        click.option("--pictures/--no-pictures", default=True, show_default=True, help="Keep a small picture of each slice, for the Video page."),
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps."),
        click.option("--precision", default="auto", show_default=True, help="auto (bf16 on CUDA from capability 8.0, else fp32), fp32, bf16 or fp16."),
        click.option("--batch", default="auto", show_default=True, metavar="N", help="Clips encoded together, or auto."),
        click.option("--readers", default="auto", show_default=True, metavar="N", help="Videos decoded at the same time, or auto."),
        click.option("--limit", type=click.IntRange(1), help="Take only the first N videos."),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@main.command()
@ingest_options
@store_option
def ingest(store: str, as_json: bool, **arguments: Any) -> None:
    """Encode videos into a store; a rerun does only what is missing.

    Exit code 0: all done; 1: some videos failed, listed; 2: wrong use; 130: stopped by Ctrl-C.
    """
    from tubelet.ingest.job import Job

    job = Job.of(**arguments)
    run = job.run(store)
    _on_interrupt("stopping after the clip under way", run.stop)
    summary = run.execute(job.sources)
    _print(summary, as_json)
    sys.exit(summary.exit_code)


@main.command()
@ingest_options
def plan(as_json: bool, **arguments: Any) -> None:
    """Say what an ingest would make and cost: clips, tokens, disk, memory, time. Stores nothing."""
    from tubelet.ingest.job import Job

    _print(Job.of(**arguments).plan(), as_json)


@main.command()
@click.argument("videos", nargs=-1, required=True, metavar="VIDEOS...")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The weights; a log lies beside.")
@click.option("--steps", default=20_000, show_default=True, help="Steps in all; a resumed run goes on up to here.")
@click.option("--photographs", type=FOLDER, metavar="DIR", help="Pictures for generated scenes.")
@click.option("--teacher", type=click.Choice(["efficientnet-lite0"]), help="A frozen image network whose features are learned, too.")
@click.option("--cache", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Clips and the teacher's features; may be deleted.  [default: FILE.bank]")
@click.option("--size", "side", default=224, show_default=True, metavar="PX", help="Side of a clip, of which most steps see crops.")
@click.option("--frames", default=16, show_default=True, help="Frames of a clip.")
@click.option("--tokens", default=1568, show_default=True, help="Tokens per batch.")
@click.option("--bank", default=512, show_default=True, type=click.IntRange(16), help="Clips that are made and taught once, then seen in many crops.")
@click.option("--whole", default=300, show_default=True, type=click.IntRange(0), help="Last steps, half of which see clips whole.")
@click.option("--masks", default=1, show_default=True, type=click.IntRange(1, 5), help="Masks under which a masked batch is seen.")
@click.option("--masked-from", default=0, show_default=True, help="Step at which the masked loss sets in, with a teacher.")
@click.option("--masked-every", default=1, show_default=True, type=click.IntRange(1), help="One masked step in so many; the others are for the teacher.")
@click.option("--light", default=0.3, show_default=True, type=click.FloatRange(0), help="Strength of the photometric augmentation.")
@click.option("--rate", default=2e-3, show_default=True, help="Learning rate.")
@click.option("--cooldown", default=500, show_default=True, help="Last steps, over which the rate falls to nothing.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
def pretrain(videos: tuple[str, ...], output: Path, steps: int, photographs: Path | None, device: str, **settings: Any) -> None:
    """Train a small V-JEPA 2.1 on videos, from nothing; killed, the same command goes on where it was."""
    from tubelet.ingest import encoders as table
    from tubelet.training.pretraining.run import Pretraining

    run = Pretraining.of(videos, output, steps, photographs, table.device(device), **settings)
    for line in run.unusable:
        click.echo(f"left out: {line}", err=True)
    _on_interrupt("stopping after the step under way", run.stopping.set)
    run.execute()
    click.echo(f"{output} holds the encoder and its predictor; try it with `tubelet evaluate --weights {output}`")


@main.command()
@click.option("--encoder", metavar="NAME", help="One of `tubelet encoders`.  [default with --weights: vjepa2.1-pretrained]")
@click.option("--weights", type=click.Path(path_type=Path), help="Checkpoint file of the encoder, or what `tubelet pretrain` wrote.")
@click.option("--videos", metavar="DIR", help="Videos that the encoder has not seen.  [default: the samples]")
@click.option("--photographs", type=FOLDER, metavar="DIR", help="Unseen pictures.  [default: scikit-image's]")
@click.option("--scenes", default=60, show_default=True, type=click.IntRange(1), help="Tracked scenes; eight times as many directed.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@click.option("--precision", default="fp32", show_default=True, help="fp32, bf16 or fp16.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
def evaluate(as_json: bool, **arguments: Any) -> None:
    """Measure what an encoder's tokens are good for, beside raw pixels and the same network untrained."""
    from tubelet.training.evaluation.evaluation import evaluate

    _print(evaluate(**arguments), as_json)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
def encoders(as_json: bool) -> None:
    """List the encoders: geometry, parameters, where their weights come from, under which licence, and whether they are here."""
    from tubelet.ingest.catalogue import catalogue

    _print(catalogue(), as_json)


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def download(names: tuple[str, ...]) -> None:
    """Fetch the weights of encoders ahead, for a machine without network. Prints where they lie."""
    from tubelet.ingest.encoders import fetch

    for name in names:
        click.echo(fetch(name))


@main.command()
def schema() -> None:
    """Print every table and column with its meaning and unit, as Markdown."""
    from tubelet.store.schema import markdown

    click.echo(markdown())


@main.command()
@store_option
@click.argument("query")
@click.option("--format", "format_", type=click.Choice(["table", "csv", "json", "parquet"]), default="table", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write to a file; the rows are then not capped.")
def sql(store: str, query: str, format_: str, output: Path | None) -> None:
    """Answer a SQL query over the store, read-only."""
    from tubelet.store import Store
    from tubelet.store.sandbox import formats
    from tubelet.store.sandbox.untrusted import Limits, ask

    capped = format_ == "table" and output is None
    answer = ask(Store(store), query, Limits(rows=formats.TABLE_ROWS if capped else None, seconds=600, memory="8GB"))
    formats.write(answer, format_, output)


@main.command()
@store_option
@click.argument("name", metavar="NAME")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="FILE.html, FILE.md or FILE.parquet.")
@click.option("--encoder", metavar="NAME", help="Name or id of the encoder.  [default: the one with the most videos]")
@click.option("--frames", type=int, help="Frames a window.  [default: the length with the most videos]")
@click.option("--shift", type=int, help="Slices between the windows of a pair.  [default: the shift with the most videos]")
@click.option("--where", metavar="SQL", help="Only videos that meet a condition, such as \"label = 'cooking'\".")
@click.option("--setting", metavar="TEXT", help="Only pairs made this way: step, picture, precision and source as the report names them.")
@click.option("--mix", is_flag=True, help="Average over pairs made in different ways.")
@click.option("--top", type=int, help="How many dimensions of a video count as its strongest.  [default: 20, at most one in eight]")
@click.option("--compare", metavar="KEY=VALUE", help="Side by side with another encoder, frames, shift, setting or where.")
def report(name: str, store: str, output: Path, compare: str | None, **asked: Any) -> None:
    """Write a report over the videos of a store; `sensitivity`: which dimensions react when the window shifts."""
    from tubelet.reports.catalogue import report as known
    from tubelet.reports.sensitivity.request import Request
    from tubelet.store import Store

    known(name).write(Store(store), Request(**asked), output, compare)
    click.echo(f"{output}: {output.stat().st_size / 1e6:.2f} MB")


@main.command()
@store_option
@click.option("--shift", type=int, help="Slices by which the second window begins later.  [default: 1; with --pairs all: any]")
@click.option("--pairs", default="1", show_default=True, metavar="N|all", help="Pairs a video, or all that there are.")
@click.option("--encoder", metavar="NAME", help="Only clips of this encoder.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
def pairs(store: str, shift: int | None, pairs: str, encoder: str | None, as_json: bool) -> None:
    """Measure pairs of clips that are stored already, from their half-precision files.

    Exit code 0: all measured; 1: the files of some are damaged, listed; 2: wrong use.
    """
    from tubelet.store import Store
    from tubelet.store.pairs.stored import measure_stored

    outcome = measure_stored(Store(store), shift, pairs, encoder)
    _print(outcome, as_json)
    sys.exit(outcome.exit_code)


@main.command()
@store_option
@click.option("--repair", is_flag=True, help="Delete what no clip claims, and un-commit damaged clips for a rerun to restore.")
def check(store: str, repair: bool) -> None:
    """Read everything and compare it with what was committed. Exit code 1 where something is wrong."""
    from tubelet.store import Store
    from tubelet.store.disk import integrity

    opened = Store(store)
    problems = list(integrity.check(opened))
    for problem in problems:
        click.echo(str(problem))
    if problems and repair:
        integrity.repair(opened, problems)
        click.echo(f"repaired {len(problems)} problems; ingest again to restore the clips and pairs that were damaged")
    elif problems and integrity.ingesting(opened):
        click.echo("an ingest is running: files that it has not committed yet are named here too")
    elif not problems:
        click.echo(f"{store} is whole")
    sys.exit(1 if problems and not repair else 0)


@main.command()
@store_option
def compact(store: str) -> None:
    """Merge the small files of the tables, so that queries over many commits stay fast."""
    from tubelet.store import Store

    click.echo(f"{Store(store).compact()} files merged away")


@main.group()
def basis() -> None:
    """Fit and list bases: projections and clusterings that give comparable colors in every video."""


@basis.command()
@store_option
@click.option("--kind", type=click.Choice(["pca", "umap", "kmeans", "dimensions"]), default="pca", show_default=True)
@click.option("--clip", metavar="CLIP_ID", help="Fit on one clip.")
@click.option("--video", metavar="VIDEO_ID", help="Fit on one video.")
@click.option("--corpus", is_flag=True, help="Fit on the sample of the whole corpus.  [default]")
@click.option("--encoder", metavar="NAME|ID", help="Encoder of the clips, where the store holds more than one.")
@click.option("--components", type=click.IntRange(1), help="Components kept.  [default: 16 of pca, 3 of umap]")
@click.option("--clusters", type=click.IntRange(2), default=8, show_default=True, help="Clusters of kmeans.")
@click.option("--dimensions", metavar="I,J,K", default="0,1,2", show_default=True, help="Dimensions of kind dimensions.")
@click.option("--unit", is_flag=True, help="Divide every token by its length first.")
@click.option("--positions", is_flag=True, help="Subtract the mean of each grid position over the corpus first.")
@click.option("--foreground", metavar="RULE", help="first-component, or clusters of a kmeans basis as BASIS_ID:0,3.")
@click.option("--slices", metavar="I,J,...", help="Only these slices of each clip.")
@click.option("--seed", default=0, show_default=True, help="Of umap and kmeans.")
def fit(store: str, **arguments: Any) -> None:
    """Fit a basis on one clip, one video, or the corpus, and keep it in the store."""
    from tubelet.latent import bases, fitting
    from tubelet.latent.errors import LatentError
    from tubelet.latent.scope import Scope
    from tubelet.store import Store

    if sum(bool(arguments[name]) for name in ("clip", "video", "corpus")) > 1:
        raise LatentError("--clip, --video and --corpus exclude each other: name one of them")
    opened, names = Store(store), ("clip", "video", "encoder")
    where = Scope.of(opened, *(arguments.pop(name) for name in names))
    arguments |= {name: _numbers(name, arguments[name]) for name in ("dimensions", "slices")}
    fitted = fitting.fit_basis(opened, where, fitting.BasisSpec(**{name: value for name, value in arguments.items() if name != "corpus"}))
    bases.save_basis(opened, fitted)
    (row,) = (row for row in bases.list_bases().answer(opened).to_pylist() if row["basis_id"] == fitted.basis_id)
    click.echo(bases.line(row))


@basis.command("list")
@store_option
@click.option("--encoder", metavar="ID", help="Only bases of this encoder.")
def list_bases(store: str, encoder: str | None) -> None:
    """List the bases of a store, the newest first."""
    from tubelet.latent import bases
    from tubelet.store import Store

    rows = bases.list_bases(encoder).answer(Store(store)).to_pylist()
    click.echo("\n".join(map(bases.line, rows)) if rows else f"no basis yet: run `tubelet basis fit --store {store}`")


@main.command()
@store_option
@click.option("--encoder", metavar="NAME|ID", help="Encoder of the clips, where the store holds more than one.")
@click.option("--anew", is_flag=True, help="Fit the codes anew, on the corpus as it is now.")
def sketch(store: str, encoder: str | None, anew: bool) -> None:
    """Write compact codes of every token, for fast search, and measure what they miss. A rerun codes only new clips."""
    from tubelet.latent import search_index
    from tubelet.latent.scope import Scope
    from tubelet.store import Store

    opened = Store(store)
    recall = search_index.write_index(opened, Scope.of(opened, encoder=encoder).encoder_id, anew)
    click.echo(f"basis {recall.basis_id}: {recall.clips:,} clips coded, recall@{search_index.TOP} {recall.recall:.3f} over {recall.queries} sampled tokens")


@main.command()
@store_option
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8501, show_default=True)
def dashboard(store: str, host: str, port: int) -> None:
    """Serve the dashboard of a store."""
    _serve(Path(store).expanduser().absolute(), host, port)


@main.command()
@click.option("--videos", metavar="DIR", help="Your videos instead of the samples.")
@click.option("--store", default="demo/store", show_default=True, metavar="STORE")
@click.option("--encoder", default="vjepa2.1-untrained", show_default=True, metavar="NAME")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8501, show_default=True)
def demo(videos: str | None, store: str, encoder: str, host: str, port: int) -> None:
    """Sample videos to a store to the dashboard: offline, on a CPU, in a minute."""
    from tubelet.ingest.job import Job
    from tubelet.ingest.samples import sample_videos

    job = Job.of(paths=[videos] if videos else [str(path) for path in sample_videos()], encoder=encoder)
    _print(job.run(store).execute(job.sources), as_json=False)
    _serve(Path(store).absolute(), host, port)


def _numbers(name: str, text: str | None) -> tuple[int, ...] | None:
    """Whole numbers from ``3,5,7``."""
    from tubelet.store.errors import TubeletError

    try:
        return None if text is None else tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise TubeletError(f"--{name} {text} is no list of numbers: write one like 0,1,2") from error


def _serve(store: Path, host: str, port: int) -> None:
    """Become the dashboard's server. The working directory is where Streamlit looks for its settings."""
    click.echo(f"dashboard: http://{host}:{port}  (Ctrl-C ends it)", err=True)
    os.chdir(HERE)
    arguments = ["--server.address", host, "--server.port", str(port), "--server.headless", "true", "--", str(store)]
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", "dashboard/server.py", *arguments])


def _on_interrupt(words: str, stop: Callable[[], None]) -> None:
    """Ctrl-C and SIGTERM ask to stop; a second one ends the process at once."""

    def asked(number: int, _: Any) -> None:
        click.echo(f"\n{words}", err=True)
        stop()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)


def _print(result: Any, as_json: bool) -> None:
    click.echo(json.dumps(result.as_json(), indent=1) if as_json else "\n".join(result.lines()))


if __name__ == "__main__":
    main()
