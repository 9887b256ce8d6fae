"""The browser components: their modules as the server hands them out, their data against its contract, and their own tests under node."""

import json
import os
import re
import shutil
import subprocess
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest

from tests import javascript_cases
from tests.stores import synthetic_store
from tubelet.dashboard.components import editor, modules
from tubelet.dashboard.components.player import (
    Film,
    Paint,
    PlayerMarks,
    SeekTarget,
    Swatch,
    describe,
)
from tubelet.dashboard.components.token_map import MapPicture, describe_clip
from tubelet.dashboard.components.video_grid import Card, Scrub
from tubelet.latent.marks import MarkedPatches
from tubelet.store import StoreError
from tubelet.store.rows import ClipRow, TimelineRow, VideoRow

ROOT = Path(__file__).parents[2]
NODE = shutil.which("node")
IMPORT = re.compile(r'^import .+ from "(.+)"$', re.MULTILINE)
BUNDLES = (
    "editor/codemirror.js",
    "editor/formatter.js",
)  # packages in one file: they import nothing
TYPEDEF = re.compile(r"/\*\*(?:(?!\*/).)*?@typedef \{object\} (\w+)\n(.*?)\*/", re.DOTALL)
PROPERTY = re.compile(r"@property \{.+?\} (\w+)")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = synthetic_store(tmp_path_factory.mktemp("components") / "store", videos=1, clips=2)
    yield store
    store.close()


@pytest.mark.skipif(NODE is None, reason="no node on this machine: apt-get install nodejs")
def test_the_modules_pass_their_own_tests_under_node():
    files = sorted((ROOT / "tests" / "javascript").glob("*.test.js"))
    assert len(files) >= 4
    process = subprocess.run(
        [NODE, "--test", *map(str, files)], capture_output=True, text=True, cwd=ROOT
    )
    assert process.returncode == 0 and re.search(
        r"^\S+ pass [1-9]", process.stdout, re.MULTILINE
    ), process.stdout + process.stderr


def test_the_cases_of_the_modules_are_what_python_answers_now():
    """Numbers to the sixth digit: machines round differently."""
    assert _same(
        json.loads(javascript_cases.FILE.read_text()), json.loads(javascript_cases.written())
    ), "run `python -m tests.javascript_cases`"


def _same(one, other):
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return (
        one == pytest.approx(other, rel=1e-6, abs=1e-6) if isinstance(one, float) else one == other
    )


@pytest.mark.parametrize("name", modules.FILES)
def test_every_module_imports_what_the_server_has(name):
    text = modules.FILES[name].decode()
    folder = (modules.HERE / name).parent
    assert text.startswith(
        "// @ts-check\n" if name not in BUNDLES else "// @ts-nocheck\n// Made by `make editor` of "
    )
    for path in IMPORT.findall(text):
        assert path.startswith("."), (
            f"{name} imports {path}, which no browser can resolve without a network"
        )
        found = Path(os.path.normpath(folder / path)).relative_to(modules.HERE).as_posix()
        assert modules.find(modules.VERSION, found) == (folder / path).read_bytes()


@pytest.mark.parametrize(
    ("version", "path", "told"),
    [
        ("0" * 16, "player/player.js", "has been updated: reload"),
        (modules.VERSION, "player/__init__.py", "no browser module"),
        (modules.VERSION, "../../pyproject.toml", "no browser module"),
        (modules.VERSION, "", "no browser module"),
    ],
)
def test_the_server_hands_out_its_own_modules_of_its_own_version_alone(version, path, told):
    with pytest.raises(StoreError, match=told):
        modules.find(version, path)


def test_all_files_of_the_components_are_installed():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "package-data"
    ]["tubelet.dashboard.components"]
    files = {path for path in modules.HERE.rglob("*") if path.suffix in (".js", ".html", ".css")}
    assert (
        files == {path for pattern in patterns for path in modules.HERE.glob(pattern)}
        and len(files) > 20
    )


def contract(folder: str) -> dict[str, set[str]]:
    """Names of the properties of every type in a component's contract.js."""
    text = (modules.HERE / folder / "contract.js").read_text()
    return {name: set(PROPERTY.findall(body)) for name, body in TYPEDEF.findall(text)}


def test_the_player_is_handed_what_its_contract_names(store):
    (video,), clips = (
        store.rows("FROM videos"),
        store.rows(
            "SELECT *, embedding_path IS NOT NULL AS embedded FROM clips ORDER BY first_frame"
        ),
    )
    clip, timeline = ClipRow.of(clips[0]), [TimelineRow.of(row) for row in clips]
    marks = PlayerMarks(
        MarkedPatches(clip.clip_id, ((0, 1, 2),)),
        MarkedPatches(clip.clip_id, ((0, 0, 0),), ((0, 3, 3),)),
    )
    data = describe(
        Film(VideoRow.of(video), clip, timeline, None),
        Paint("colors/x", (Swatch("red", "#f00"),)),
        SeekTarget(clip.clip_id),
        marks,
    )
    types = contract("player")
    assert set(data) == types["Data"]
    parts = {
        "Video": "video",
        "Box": "seen",
        "Colors": "colors",
        "Goto": "goto",
        "Taken": "taken",
        "Segment": "segment",
    }
    for name, part in parts.items():
        assert set(data[part]) == types[name], name
    assert [set(entry) for entry in data["colors"]["legend"]] == [types["Swatch"]]
    assert len(data["windows"]) == 2 and all(
        set(window) == types["Window"] for window in data["windows"]
    )
    assert json.loads(json.dumps(data)) == data


def test_the_map_is_handed_what_its_contract_names(store):
    (row, *_), types = store.rows("FROM clips ORDER BY first_frame"), contract("token_map")
    sheet = describe_clip(store, ClipRow.of(row))
    legend = (Swatch("cooking", "#55c"),)
    data = asdict(
        MapPicture(url="points/x", axes="axes", here=(0, 36), marked=[1], legend=legend, clip=sheet)
    )
    assert set(data["legend"][0]) == types["Swatch"]
    assert set(data) == types["Data"] and set(data["clip"]) == types["Clip"]


def test_the_grid_of_videos_is_handed_what_its_contract_names():
    types, scrub = contract("video_grid"), Scrub(url="pictures/a", slices=8, tile=(16, 16))
    card = Card(video="a", name="a.mp4", facts="2 s", thumbnail=None, scrub=scrub, chosen=True)
    assert set(asdict(card)) == types["Card"] and set(asdict(scrub)) == types["Scrub"]
    assert types["Data"] == {"cards"}


def test_the_editor_is_handed_what_its_contract_names():
    error = 'Referenced column "nam" not found\n\nLINE 2:   nam, 2\n          ^'
    data, types = asdict(editor.describe("SELECT\n  nam, 2", error, True)), contract("editor")
    assert set(data) == types["Data"] and set(data["failure"]) == types["Failure"]
    assert set(data["functions"][0]) == set(data["tables"]["clips"][0]) == types["Named"]
    assert data["failure"]["line"] == 2 and data["failure"]["before"] == "  "
    assert editor.locate("stopped after 1 s") is None
