"""The wheel of this tree, built as pip builds it and installed where nothing else of the project is in reach."""

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.commands import ROOT
from tests.documentation import ROOMS

METADATA = ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", ".streamlit")
BACKEND = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"


@dataclass(frozen=True)
class Built:
    """The two files that a release uploads."""

    sdist: Path
    wheel: Path


def build(folder: Path) -> Built:
    """Build the source distribution from a copy of the tree, links kept, and the wheel from that distribution alone."""
    source, out = folder / "source", folder / "dist"
    out.mkdir()
    for name in (*METADATA, *(room for room in ROOMS if room != "tests")):
        _copy(ROOT / name, source / name)
    sdist = out / _run_backend("build_sdist", source, out)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return Built(sdist, out / _run_backend("build_wheel", unpacked, out))


def _copy(path: Path, to: Path) -> None:
    to.parent.mkdir(exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, to, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(path, to)


def _run_backend(hook: str, source: Path, out: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", BACKEND, hook, str(out)], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@dataclass(frozen=True)
class Environment:
    """A virtual environment that holds the wheel, and borrows every other package from the one that runs the tests."""

    folder: Path

    def run(self, *command: object, cwd: Path, **variables: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*map(str, command)],
            cwd=cwd,
            env=self.variables | variables,
            capture_output=True,
            text=True,
        )

    @property
    def variables(self) -> dict[str, str]:
        """Without a path that leads back to the tree."""
        return {
            name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
        } | {"OMP_NUM_THREADS": "1"}

    def program(self, name: str) -> Path:
        return self.folder / "bin" / name

    @property
    def packages(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found


def install(wheel: Path, folder: Path, decoys: tuple[str, ...]) -> Environment:
    """Install a wheel without the network and without dependencies, beside packages of other people that share a name with a room."""
    venv.create(folder, symlinks=True)
    made = Environment(folder)
    for name in decoys:
        (made.packages / name).mkdir()
        (made.packages / name / "__init__.py").write_text(
            "raise ImportError('a package of somebody else')\n"
        )
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "--python",
        folder / "bin/python",
    ]
    done = made.run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=folder)
    assert done.returncode == 0, done.stderr
    borrowed = [
        path for path in sys.path if path.endswith("site-packages")
    ]  # their own .pth files, which may name this tree, are not read
    (made.packages / "borrowed.pth").write_text("\n".join(borrowed))
    return made
