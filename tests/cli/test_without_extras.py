"""What needs an extra says which one to install where it is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT, environment
from tests.stores import synthetic_store

HIDING = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
sys.argv = ["tubelet", *{arguments!r}]
import tubelet.cli
tubelet.cli.main()
"""


def run_without(hidden: set[str], *arguments: str) -> subprocess.CompletedProcess:
    program = HIDING.format(hidden=hidden, arguments=arguments)
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment(), cwd=ROOT
    )


def test_agents(tmp_path: Path) -> None:
    done = run_without({"mcp", "mcp_types"}, "mcp", "--store", str(tmp_path))
    assert done.returncode == 1 or done.returncode == 2
    assert "pip install 'tubelet[mcp]'" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("to, package", [("zarr", "zarr"), ("lance", "lance")])
def test_formats_of_tokens(to: str, package: str, tmp_path: Path) -> None:
    synthetic_store(tmp_path / "store", videos=1).close()
    asked = ("export", "tokens", "--to", to, "-o", str(tmp_path / "out"), "--store", str(tmp_path / "store"))  # fmt: skip
    done = run_without({package}, *asked)
    assert done.returncode and f"pip install 'tubelet[{to}]'" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["store"], "nothing is left"


@pytest.mark.parametrize("command", ["pairs", "backfill"])
def test_a_cluster(command: str, tmp_path: Path) -> None:
    synthetic_store(tmp_path / "store", videos=1).close()
    done = run_without({"ray"}, command, "--ray", "local", "--store", str(tmp_path / "store"))
    assert done.returncode == 2 and "--ray takes the package ray: pip install 'tubelet[ray]'" in done.stderr  # fmt: skip
