"""The tools as a server of the Model Context Protocol, over stdin and stdout."""

from collections.abc import Callable
from functools import wraps
from importlib.metadata import version
from typing import Any

from mcp.server.mcpserver import Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ToolAnnotations

from tubelet.dashboard.agents.tools import Tools
from tubelet.store import Store, TubeletError
from tubelet.store.sandbox.limits import Limits

INSTRUCTIONS = """Tubelet holds videos encoded by a video encoder: one row per token, an embedding of a small block of frames and pixels.
Ask in SQL (DuckDB's dialect), read-only. Call describe_tables first, then with a table's name for its columns. The table `tokens` holds
the embeddings and is large: restrict it by clip_id or video_id, and estimate a query over it first. A token's address is
(clip_id, slice, y, x), each counted from 0; draw_picture shows it. list_reports and read_report answer larger questions,
with uncertainty and chance levels, where the store holds what they need."""
READ_ONLY = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


def serve(store: Store, limits: Limits) -> None:
    """Answer the agent at the other end of stdin and stdout, until it leaves."""
    make_server(Tools(store, limits)).run("stdio")


def make_server(tools: Tools) -> MCPServer[Any]:
    server: MCPServer[Any] = MCPServer(
        "tubelet", instructions=INSTRUCTIONS, version=version("tubelet"), log_level="WARNING"
    )
    for tool in (
        tools.describe_tables,
        tools.run_query,
        tools.estimate_query,
        tools.list_saved_queries,
        tools.run_saved_query,
        tools.list_reports,
        tools.read_report,
        _drawing(tools),
    ):
        server.tool(annotations=READ_ONLY, structured_output=False)(_report_errors(tool))
    return server


def _drawing(tools: Tools) -> Callable[..., Image]:
    def draw_picture(clip_id: str, slice: int, y: int | None = None, x: int | None = None) -> Image:
        """A token's patch, ringed among its neighbors, as a picture; without y and x the whole slice."""
        return Image(data=tools.draw_picture(clip_id, slice, y, x), format="png")

    return draw_picture


def _report_errors(tool: Callable[..., Any]) -> Callable[..., Any]:
    """A tool whose mistakes reach the agent as the sentence that they are."""

    @wraps(tool)
    def answer(*arguments: Any, **named: Any) -> Any:
        try:
            return tool(*arguments, **named)
        except TubeletError as error:
            raise ToolError(str(error)) from error

    return answer
