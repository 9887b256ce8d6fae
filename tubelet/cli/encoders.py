"""`tubelet encoders` and `tubelet download`: which encoders there are, and their weights."""

import click

from tubelet.cli.options import command, json_option
from tubelet.cli.printing import print_result


@command()
@json_option
def encoders(as_json: bool) -> None:
    """List the encoders: geometry, parameters, weights, license, and whether they are on this machine."""
    from tubelet.ingest.catalogue import catalogue

    print_result(catalogue(), as_json)


@command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def download(names: tuple[str, ...]) -> None:
    """Download the weights of encoders in advance, for a machine without network. Prints where they are."""
    from tubelet.ingest.encoders import fetch

    for name in names:
        click.echo(fetch(name))
