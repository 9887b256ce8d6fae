"""A store for agents: the command with a real client of the protocol, over its stdin and stdout."""

import base64
import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.attacks import HARMLESS, share
from tests.commands import ROOT, environment
from tests.guarded import TOKEN, Place
from tests.stores import synthetic_store
from tubelet.reports.blocks import Heading
from tubelet.reports.catalogue import REPORTS
from tubelet.reports.sensitivity.request import SensitivityOptions
from tubelet.store import Store
from tubelet.store.errors import QueryError
from tubelet.store.sandbox.limits import AgentLimits
from tubelet.store.saved_queries import SavedQuery, save_query
from tubelet.store.schema import RELATIONS

mcp = pytest.importorskip("mcp", reason="agents need the extra: pip install 'tubelet[mcp]'")
anyio = pytest.importorskip("anyio.from_thread")
TOOLS = ["describe_tables", "draw_picture", "estimate_query", "list_reports", "list_saved_queries", "read_report", "run_query", "run_saved_query"]  # fmt: skip


class Agent:
    """A client of the library, called as if it were not asynchronous."""

    def __init__(self, portal: Any, client: Any) -> None:
        self.portal, self.client = portal, client

    def list_tools(self) -> list[Any]:
        return self.portal.call(self.client.list_tools).tools

    def call(self, tool: str, **arguments: Any) -> Any:
        """What a tool answers, from its JSON; Failed where it is an error."""
        return json.loads(self.ask(tool, **arguments)[0].text)

    def ask(self, tool: str, **arguments: Any) -> list[Any]:
        found = self.portal.call(self.client.call_tool, tool, arguments)
        if found.is_error:
            raise Failed(found.content[0].text)
        return found.content


class Failed(Exception):
    """The sentence that a tool answers with where it cannot do what it was asked."""


@contextmanager
def start_agent(root: Path, *options: str) -> Iterator[Agent]:
    """`tubelet mcp` in a process of its own, and a client that talks to it."""
    command = ["-m", "tubelet", "mcp", "--store", str(root), *options]
    inherited = ("PYTHONPATH", "TUBELET_TEST_SECRET", "HF_HUB_OFFLINE")
    told = {name: value for name, value in environment().items() if name in inherited}
    server = mcp.StdioServerParameters(command=sys.executable, args=command, env=told, cwd=ROOT)
    with (
        anyio.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(mcp.Client(server)) as client,
    ):
        yield Agent(portal, client)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("agents") / "films", videos=2, clips=2)
    save_query(
        made,
        SavedQuery(
            name="top", sql="FROM range($k) AS r(n)", description="so many", defaults={"k": 4}
        ),
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def agent(store: Store) -> Iterator[Agent]:
    with start_agent(store.root, "--max-rows", "20", "--max-seconds", "1.5") as started:
        yield started


def test_every_tool_says_what_it_does_and_that_it_only_reads(agent: Agent) -> None:
    tools = agent.list_tools()
    assert sorted(tool.name for tool in tools) == TOOLS
    assert all(len(tool.description) > 20 and tool.annotations.read_only_hint for tool in tools)


def test_an_agent_finds_its_way_from_tables_to_an_answer(agent: Agent, store: Store) -> None:
    tables = agent.call("describe_tables")
    assert [table["name"] for table in tables["tables"]] == list(RELATIONS)
    assert all(function["meaning"] for function in tables["functions"])
    columns = agent.call("describe_tables", table="token_stats")["columns"]
    assert {"clip_id", "norm"} <= {column["name"] for column in columns}
    asked = (
        "SELECT clip_id, max(norm) AS most FROM token_stats WHERE slice = $at GROUP BY 1 ORDER BY 1"
    )
    found = agent.call("run_query", sql=asked, values={"at": 2})
    assert found["rows"] == store.rows(asked, {"at": 2}) and not found["truncated"]
    said = agent.call("estimate_query", sql="SELECT avg(embedding[1]) FROM tokens")
    assert said["files"] == 4 and "4 of 4 embedding files" in said["sentence"]


def test_saved_queries_are_listed_and_answered(agent: Agent) -> None:
    (saved,) = agent.call("list_saved_queries")["queries"]
    assert saved["name"] == "top" and saved["defaults"] == {"k": 4} and saved["parameters"] == ["k"]
    assert len(agent.call("run_saved_query", name="top")["rows"]) == 4
    assert len(agent.call("run_saved_query", name="top", values={"k": 6})["rows"]) == 6


def test_reports_are_read_by_section(agent: Agent, store: Store) -> None:
    listed = agent.call("list_reports")["reports"]
    assert [one["name"] for one in listed] == list(REPORTS)
    assert all(one["question"] and one["options"] for one in listed)
    (first,) = agent.ask("read_report", name="sensitivity", options={"top": 3})
    made = [*REPORTS["sensitivity"].blocks(store, SensitivityOptions(top=3))]
    headings = [block for block in made if isinstance(block, Heading)]
    assert made[0].markdown in first.text and made[0].markdown.strip()
    assert all(f"- `{one.anchor}`: {one.text}" in first.text for one in headings)
    (part,) = agent.ask("read_report", name="sensitivity", section=headings[1].anchor)
    assert f"## {headings[1].text}\n" in part.text and f"## {headings[0].text}\n" not in part.text
    (whole,) = agent.ask("read_report", name="sensitivity", section="all")
    assert all(one.text in whole.text for one in headings) and len(whole.text) > len(part.text)


@pytest.mark.parametrize(
    "tool, arguments, words",
    [
        ("read_report", {"name": "sensitivty"}, "choose one of sensitivity"),
        ("read_report", {"name": "sensitivity", "options": {"tops": 1}}, "has no option 'tops'"),
        ("read_report", {"name": "sensitivity", "options": {"top": "3"}}, "pass a value of int"),
        ("read_report", {"name": "sensitivity", "options": {"top": -1}}, "--top"),
        ("read_report", {"name": "sensitivity", "options": {"where": "DROP VIEW clips"}}, "syntax error"),
        ("read_report", {"name": "sensitivity", "section": "gone"}, "has no section 'gone'"),
        ("read_report", {"name": "probes"}, "holds no probes"),
        ("run_query", {"sql": "SELECT nam FROM videos"}, '"nam"'),
        ("run_query", {"sql": "DROP VIEW clips"}, "only queries"),
        ("run_query", {"sql": "SELECT $k"}, "no value for $k"),
        ("run_query", {"sql": "SELECT $k", "values": {"k": [1]}}, "must be text, a number"),
        ("run_query", {"sql": "SELECT 1", "max_rows": 21}, "at most 20 are allowed"),
        ("run_query", {"sql": "SELECT repeat('x', 300000)"}, "at most 200,000"),
        ("run_query", {"sql": "SELECT count(*) FROM range(10000000000) AS a(i) WHERE i % 7 = hash(i) % 7"}, "stopped after 1.5 s"),
        ("run_saved_query", {"name": "tip"}, "did you mean top"),
        ("run_saved_query", {"name": "top", "values": {"k": "many"}}, "$k is a number"),
        ("describe_tables", {"table": "tokns"}, "choose one of"),
        ("draw_picture", {"clip_id": "../../etc/passwd", "slice": 0}, "holds no clip"),
        ("estimate_query", {"sql": "SELECT"}, "without selection list"),
    ],
)  # fmt: skip
def test_a_mistake_is_a_sentence_for_the_agent(
    tool: str, arguments: dict, words: str, agent: Agent
) -> None:
    with pytest.raises(Failed, match="^[^\0]*$") as told:
        agent.ask(tool, **arguments)
    assert words in str(told.value) and "Traceback" not in str(told.value)
    assert agent.call("run_query", sql="SELECT 1 AS one")["rows"] == [{"one": 1}], "it goes on"


def test_an_answer_is_cut_at_the_ceiling_and_says_so(agent: Agent) -> None:
    found = agent.call("run_query", sql="FROM range(50)")
    assert len(found["rows"]) == 20 and found["truncated"]
    assert len(agent.call("run_query", sql="FROM range(50)", max_rows=3)["rows"]) == 3


@pytest.mark.long
def test_a_picture_shows_the_token(numbered_store: Store) -> None:
    """The red corner of the numbered videos is patch (0, 0)."""
    clip = numbered_store.rows("FROM clips ORDER BY clip_id LIMIT 1")[0]
    with start_agent(numbered_store.root) as agent:
        (content,) = agent.ask("draw_picture", clip_id=clip["clip_id"], slice=1, y=0, x=0)
        (whole,) = agent.ask("draw_picture", clip_id=clip["clip_id"], slice=1)
        with pytest.raises(Failed, match="counted from 0"):
            agent.ask("draw_picture", clip_id=clip["clip_id"], slice=99)
    assert content.type == "image" and content.mime_type == "image/png"
    pixels = read_pixels(content)
    middle = pixels[pixels.shape[0] // 10, pixels.shape[1] // 10]
    assert middle[0] > 150 and middle[1] < 100, "the red patch, of five by five"
    assert read_pixels(whole)[8, 8][0] > 150


def read_pixels(content: Any) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content.data))).convert("RGB"))


@pytest.mark.long
def test_attacks_by_an_agent_reach_nothing(place: Place, before: tuple) -> None:
    with start_agent(place.store.root) as agent:
        for number, attempt in enumerate(share(0, 4)):
            sql = place.filled(attempt).encode(errors="replace").decode()
            tool = "estimate_query" if number % 7 == 0 else "run_query"
            try:
                told = str(agent.ask(tool, sql=sql))
            except Failed as refusal:
                told = str(refusal)
            else:
                arrived = sql == place.filled(attempt)
                assert attempt in HARMLESS or tool == "estimate_query" or not arrived, attempt
            assert TOKEN not in told, attempt
    assert (place.tree(), place.views()) == before


@pytest.mark.parametrize("wrong", [{"max_rows": 0}, {"max_seconds": 0}, {"max_memory": "much"}])
def test_a_ceiling_is_checked_before_anything_starts(wrong: dict) -> None:
    with pytest.raises(QueryError):
        AgentLimits(**wrong)
