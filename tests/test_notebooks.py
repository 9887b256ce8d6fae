"""The notebooks of the documentation, run cell by cell as Jupyter would run them; they are kept without outputs."""

import ast
import json
from pathlib import Path

import pytest

from tests.commands import ROOT
from tubelet.ingest.errors import UsageError
from tubelet.ingest.samples import sample_videos

NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))


def cells(path: Path) -> list[str]:
    content = json.loads(path.read_text())
    assert content["nbformat"] == 4 and all(cell["id"] for cell in content["cells"])
    return ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]


def run_cell(source: str, names: dict) -> object:
    """Run a cell; the value of its last line, if that is an expression: what a notebook shows."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    return eval(compile(ast.Expression(last.value), "cell", "eval"), names) if last else None


def test_there_are_notebooks_without_outputs() -> None:
    assert [path.name for path in NOTEBOOKS] == ["window_shift.ipynb"]
    for path in NOTEBOOKS:
        assert not any(cell.get("outputs") for cell in json.loads(path.read_text())["cells"])


@pytest.mark.long
def test_the_notebook_of_the_window_shift_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        videos = sample_videos()
    except UsageError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    names: dict = {"__name__": "__main__"}
    shown = [
        value
        for source in cells(ROOT / "docs/notebooks/window_shift.ipynb")
        if (value := run_cell(source, names)) is not None
    ]
    store, clip, basis, picture, track, windows = shown
    assert store.rows("SELECT count(DISTINCT video_id) AS n FROM pairs") == [{"n": len(videos)}]
    assert all(thing._repr_html_() for thing in (store, clip, basis, track))
    assert (
        names["colors"].shape == (*clip.positions, 3)
        and len(set(names["colors"].ravel().tolist())) > 20
    )
    assert picture.size == (clip.positions[0] * clip.positions[2] * 16, clip.positions[1] * 16)
    assert (track.y[0], track.x[0], bool(track.lost[0])) == (*names["middle"][1:], False), (
        "the patch itself"
    )
    assert len(windows["shared_slice"]) == clip.positions[0] - 1
    assert "Which dimensions" in names["path"].read_text()
    store.close()
