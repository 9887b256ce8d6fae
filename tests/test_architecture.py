"""Who may import whom: the table of rooms, third parties included. A new dependency or direction has to edit it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# room -> what it may import besides the standard library and itself
ALLOWED = {
    "store": {"numpy", "pyarrow", "duckdb", "deltalake", "array_api_compat"},
    "ingest": {"store", "torch", "av", "numpy", "pyarrow", "PIL", "tqdm"},
    "dashboard": {"store", "streamlit", "altair", "pyarrow"},
    "tubelet.py": {"click", "store", "ingest"},
}

# Inside a room the arrows run one way: a module imports only what stands before it.
ORDER = {
    "store": (
        "errors", "statistics", "sensitivity", "schema", "ids", "layout", "files", "tables", "embeddings", "derived", "measurements",
        "snapshot", "views", "connections", "store", "integrity", "stored_pairs", "differences", "queries", "pair_queries", "mistakes", "landlock", "sandboxed", "processes", "sandbox", "answers",
    ),
    "ingest": (
        "errors", "arguments", "windows", "pairs", "geometry", "video", "grid", "facts", "toy", "vjepa", "checkpoints", "vjepa_encoder", "encoders", "sources", "recipe",
        "messages", "strip", "known", "decoding", "reader", "pipe", "measuring", "encoding", "writer", "progress", "summary", "run", "plan", "samples", "job",
    ),
    "dashboard": (
        "units", "caching", "selection", "sql_link", "paging", "charts", "results", "windows_matrix", "windows_choice", "windows", "corpus_video", "corpus_videos", "corpus_failures",
        "corpus_encoders", "corpus", "sql", "app",
    ),
}  # fmt: skip

VAGUE = {"utils", "util", "helpers", "common", "manager", "base", "misc"}


def files(room):
    return [ROOT / room] if room.endswith(".py") else sorted((ROOT / room).glob("*.py"))


def imports(path):
    """Every module that a file imports, as dotted names, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_its_row_of_the_table_allows(room):
    for path in files(room):
        found = {name.partition(".")[0] for name in imports(path)} - set(sys.stdlib_module_names) - {room}
        assert found <= ALLOWED[room], f"{path.relative_to(ROOT)} imports {found - ALLOWED[room]}"


@pytest.mark.parametrize("room", ORDER)
def test_inside_a_room_the_arrows_run_one_way(room):
    assert {path.stem for path in files(room)} - {"__init__"} == set(ORDER[room])
    for path in files(room):
        if path.stem == "__init__":
            continue
        used = {name.split(".")[1] for name in imports(path) if name.startswith(f"{room}.")} & set(ORDER[room])
        later = {name for name in used if ORDER[room].index(name) >= ORDER[room].index(path.stem)}
        assert not later, f"{path.relative_to(ROOT)} imports {later}, which stand after it"


@pytest.mark.parametrize("room", ALLOWED)
def test_no_module_has_a_name_that_says_nothing(room):
    assert not {path.stem for path in files(room)} & VAGUE


@pytest.mark.parametrize("command", [["--help"], ["sql", "--help"], ["schema"], ["sql", "SELECT 1 AS one"], ["check"], ["compact"], ["pairs"]])
def test_commands_that_only_ask_never_load_torch(command, tmp_path):
    """Run in a process of their own; what they imported is read from sys.modules."""
    store = ["--store", str(tmp_path / "store")] if command[0] in ("check", "compact", "pairs") or len(command) == 2 and command[1] != "--help" else []
    program = (
        "import sys; from store import Store; sys.argv = ['tubelet', *{arguments!r}]; "
        "Store.create({root!r}) if {needed} else None\n"
        "import tubelet\n"
        "try: tubelet.main()\n"
        "except SystemExit: pass\n"
        "heavy = {{'torch', 'transformers', 'streamlit', 'av', 'umap', 'sklearn', 'pandas'}} & set(sys.modules)\n"
        "print('loaded:', sorted(heavy))"
    ).format(arguments=command + store, root=str(tmp_path / "store"), needed=bool(store))
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert process.stdout.strip().endswith("loaded: []"), process.stdout + process.stderr


def test_the_dashboard_never_loads_torch():
    program = "import sys, dashboard.corpus, dashboard.sql; print('torch' in sys.modules, 'ingest' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert process.stdout.strip().endswith("False False"), process.stderr
