"""The `tubelet` command: parses arguments, calls the rooms, decides nothing.

    options      options of commands, most of them made from the dataclasses that they fill
    interrupts   Ctrl-C and the other signals that ask a command to stop
    failures     the one place where errors become a sentence, an exit code and a file with the details
    memory       what a command needs at least, and what is kept for saying that it ran out
    devices      standard input, output and error, also where they are closed
    printing     results as lines or as JSON
    group        commands that are imported on first use, and renamed commands
    ...          a module per group of commands

A room is imported by the command that needs it, so that `tubelet --help` and `tubelet sql` never load torch.
"""

import os
from importlib.metadata import version

import click

from tubelet.cli.group import Commands, CommandSpec

os.environ.setdefault(
    "OMP_WAIT_POLICY", "PASSIVE"
)  # read when torch loads: its threads would spin while they wait, on the decoder's and the writer's cores

COMMANDS = {
    "demo": CommandSpec(
        "dashboard", "Sample videos, a store and the dashboard: offline, in a minute."
    ),
    "ingest": CommandSpec("ingest", "Encode videos into a store; a rerun adds what is missing."),
    "plan": CommandSpec("ingest", "Estimate what an ingest makes and costs. Stores nothing."),
    "dashboard": CommandSpec("dashboard", "Serve the dashboard of a store."),
    "mcp": CommandSpec("agents", "Serve a store to an agent: queries, schema, pictures."),
    "sql": CommandSpec("query", "Answer a SQL query over a store, read-only."),
    "queries": CommandSpec("saved_queries", "List, save, exchange and remove saved queries."),
    "schema": CommandSpec("query", "Print every table and column with its meaning."),
    "search": CommandSpec("search", "Find slices and patches that look like a text."),
    "ask": CommandSpec("questions", "Find near-duplicates, leaks, outliers, what to label first."),
    "report": CommandSpec("reports", "Write a report over the videos of a store."),
    "export": CommandSpec("export", "Write videos as MP4, mask, colors, track or tokens."),
    "probe": CommandSpec(
        "probes", "Train probes on stored states to tell a label, beside controls."
    ),
    "score": CommandSpec("scores", "Score segmentation and tracking against masks and points."),
    "annotate": CommandSpec("annotate", "Import labels, masks and points from files."),
    "tag": CommandSpec("tags", "Give videos a tag, and list the tags."),
    "pairs": CommandSpec("reports", "Measure pairs of clips that are stored already."),
    "surprise": CommandSpec(
        "prediction", "Predict slices of stored windows from those before them."
    ),
    "mask": CommandSpec("prediction", "Predict hidden tokens of stored windows, under masks."),
    "transition": CommandSpec("models", "Fit models that predict the next slice of stored tokens."),
    "decoder": CommandSpec("models", "Fit models that draw tokens as pixels, and show clips."),
    "backfill": CommandSpec("backfill", "Compute statistics that were added later."),
    "basis": CommandSpec("bases", "Fit and list projections and clusterings."),
    "index": CommandSpec("bases", "Write compact codes of every token, for fast search."),
    "jobs": CommandSpec("jobs", "List the commands that run on a store, and stop one."),
    "check": CommandSpec("maintenance", "Verify everything against what was committed; repair."),
    "compact": CommandSpec("maintenance", "Merge the small files of the tables."),
    "remove": CommandSpec("maintenance", "Remove videos, encoders, clips or models from a store."),
    "encoders": CommandSpec("encoders", "List the encoders and where their weights come from."),
    "download": CommandSpec("encoders", "Download the weights of encoders in advance."),
    "evaluate": CommandSpec("pretraining", "Measure what an encoder's tokens are good for."),
    "pretrain": CommandSpec("pretraining", "Train a small V-JEPA 2.1 on videos, from scratch."),
}

RENAMED = {"sketch": "index"}  # commands by the names they had before

GREETING = """Tubelet {version}: encode videos once, then ask.

  tubelet demo                                          try it on sample videos
  tubelet ingest FOLDER --store STORE --encoder NAME    encode your own
  tubelet dashboard --store STORE                       browse them

`tubelet encoders` lists the encoders, `tubelet --help` every command,
`tubelet COMMAND --help` its options."""


@click.group(
    cls=Commands,
    specs=COMMANDS,
    renamed=RENAMED,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="tubelet")
@click.pass_context
def main(context: click.Context) -> None:
    """Encode videos once, then ask: tokens in Parquet, answers in SQL, pictures in a dashboard.

    Exit codes: 0 done, 1 something failed and is listed, 2 wrong use, 70 an unexpected error, 130 stopped by Ctrl-C.
    """
    if context.invoked_subcommand is None:
        click.echo(GREETING.format(version=version("tubelet")))
