"""The wheel: what it carries, and that it works where the source tree is out of reach and other packages have the names of our rooms."""

import os
import re
import signal
import socket
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.NewSession_pb2 import Config, CustomThemeConfig
from websockets.sync.client import connect

from tests.commands import ROOT
from tests.documentation import ROOMS
from tests.installed import Built, Environment, build, install
from tests.videos import make_video

DECOYS = ("store", "latent")
SHIPPED = {
    ".py",
    ".safetensors",
    ".js",
    ".css",
    ".html",
    ".svg",
    ".png",
    ".toml",
    ".typed",
    ".md",
    ".json",
}
START_S = 60


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return install(built.wheel, tmp_path_factory.mktemp("installed") / "environment", DECOYS)


@pytest.fixture(scope="module")
def home(installed: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store called `store`, made by the installed command: what hid the package when it was called so, too."""
    folder = tmp_path_factory.mktemp("home")
    make_video(folder / "videos/one.mp4")
    done = installed.run(
        installed.program("tubelet"),
        "ingest",
        "videos",
        "--store",
        "store",
        "--encoder",
        "toy",
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return folder


def tree() -> set[str]:
    """Every file of the rooms that a wheel must carry, by its name in it."""
    found = {
        path.relative_to(ROOT)
        for room in ROOMS
        if room != "tests"
        for path in (ROOT / room).rglob("*")
        if path.is_file() and path.suffix in SHIPPED
    }
    names = {
        str(path) if path.parts[0] == "tubelet" else f"tubelet/{path}"
        for path in found
        if "__pycache__" not in path.parts
    }
    return names | {"tubelet/dashboard/.streamlit/config.toml", "tubelet/py.typed"}


@pytest.mark.long
def test_the_wheel_carries_the_rooms_and_nothing_else(built: Built) -> None:
    names = set(zipfile.ZipFile(built.wheel).namelist())
    (metadata,) = {name.split("/")[0] for name in names} - {"tubelet"}
    assert re.fullmatch(r"tubelet-.*\.dist-info", metadata)
    assert {name for name in names if not name.startswith(metadata)} == tree()
    assert f"{metadata}/licenses/LICENSE" in names


def test_the_source_distribution_carries_what_the_wheel_is_made_of(built: Built) -> None:
    with tarfile.open(built.sdist) as archive:
        files = {
            member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()
        }
    assert tree() <= files and {"pyproject.toml", "README.md", "LICENSE"} <= files
    assert not [
        name
        for name in files
        if name.startswith(("tests/", *(f"{room}/" for room in ROOMS if room != "tubelet")))
    ]


@pytest.mark.long
def test_an_installed_package_says_its_version_beside_packages_with_names_of_rooms(
    installed: Environment, built: Built, home: Path
) -> None:
    version = built.wheel.name.split("-")[1]
    said = installed.run(installed.program("tubelet"), "--version", cwd=home)
    assert (said.returncode, said.stdout.split()[-1]) == (0, version), said.stderr
    code = (
        "import tubelet; tubelet.open; tubelet.Store; print(tubelet.__version__, tubelet.__file__)"
    )
    said = installed.run(installed.program("python"), "-c", code, cwd=home)
    assert said.stdout.split() == [version, str(installed.packages / "tubelet/__init__.py")], (
        said.stderr
    )
    assert all(
        (installed.packages / name / "__init__.py").read_text().startswith("raise ImportError")
        for name in DECOYS
    )


def test_the_example_of_the_readme_runs_beside_a_folder_that_is_called_store(
    installed: Environment, home: Path
) -> None:
    (example,) = re.findall(
        r"```python\n(import tubelet.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
    )
    done = installed.run(
        installed.program("python"),
        "-c",
        example + "\nprint(grid.shape, len(table))",
        cwd=home,
        HOME=str(home),
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"\(\d+, \d+, \d+, \d+\) \d+\n", done.stdout)


@pytest.mark.long
def test_an_installed_dashboard_answers_with_the_settings_of_its_wheel(
    installed: Environment, home: Path
) -> None:
    with serving(installed, home) as address:
        with urllib.request.urlopen(f"{address}/", timeout=30) as page:
            assert page.status == 200 and b"<title>" in page.read()
        with urllib.request.urlopen(f"{address}/{_a_module(installed)}", timeout=30) as module:
            assert module.status == 200 and module.headers["content-type"].startswith(
                "text/javascript"
            )
        config, theme = session(address)
    assert not config.gather_usage_stats and config.toolbar_mode == Config.MINIMAL
    assert theme.light.primary_color == "#0b6a9c" and theme.dark.primary_color == "#1f7bb0"


def _a_module(installed: Environment) -> str:
    code = "from tubelet.dashboard.components import modules; print(modules.VERSION)"
    version = installed.run(
        installed.program("python"), "-c", code, cwd=installed.folder
    ).stdout.strip()
    return f"components/{version}/player/player.js"


@contextmanager
def serving(installed: Environment, home: Path) -> Iterator[str]:
    """Address of a dashboard that the installed command serves."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [installed.program("tubelet"), "dashboard", "--store", "store", "--port", str(port)]
    with subprocess.Popen(
        command,
        cwd=home,
        env=installed.variables,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            _wait_until_up(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.kill(process.pid, signal.SIGTERM)


def _wait_until_up(address: str, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"no dashboard at {address} after {START_S} s")


def session(address: str) -> tuple[Config, CustomThemeConfig]:
    """What the server tells a browser when a session begins."""
    ask = BackMsg()
    ask.rerun_script.query_string = ""
    with connect(
        f"{address.replace('http', 'ws', 1)}/_stcore/stream",
        origin=address,
        subprotocols=["streamlit"],
        max_size=None,
    ) as socket:
        socket.send(ask.SerializeToString())
        while True:
            message = ForwardMsg()
            message.ParseFromString(socket.recv(timeout=60))
            if message.WhichOneof("type") == "new_session":
                return message.new_session.config, message.new_session.custom_theme
