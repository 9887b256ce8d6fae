"""`tubelet mcp`: a store for agents, over the Model Context Protocol."""

from typing import Any

import click

from tubelet.cli.failures import Refused
from tubelet.cli.options import command, fill, store_option
from tubelet.store.sandbox.limits import AgentLimits


@command(AgentLimits)
@store_option
def mcp(store: str, store_options: dict[str, str], **limits: Any) -> None:
    """Serve a store to an agent over stdin and stdout (Model Context Protocol): queries, schema, saved queries, reports, pictures.

    Read-only, in the sandbox of `tubelet sql`, within the limits below. Needs the extra `tubelet[mcp]`.
    """
    from tubelet.store import Store

    try:
        from tubelet.dashboard.agents.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise Refused(
            "`tubelet mcp` needs the package mcp: run `pip install 'tubelet[mcp]'`"
        ) from error
    opened = Store(store, options=store_options)
    click.echo(f"serving {opened.name} to an agent over stdin and stdout", err=True)
    serve(opened, fill(AgentLimits, limits).limits)
