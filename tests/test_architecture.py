"""Who may import whom: the table of rooms, third parties included. A new dependency or direction has to edit it."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.commands import ROOT

# room -> what it may import besides the standard library and itself
ALLOWED = {
    "store": {"numpy", "pyarrow", "duckdb", "deltalake", "array_api_compat", "obstore"},
    "media": {"store", "av", "numpy", "PIL"},
    "latent": {
        "store",
        "media",
        "numpy",
        "scipy",
        "sklearn",
        "threadpoolctl",
        "umap",
        "pyarrow",
        "PIL",
        "lance",
        "safetensors",
        "zarr",
    },
    "ingest": {
        "store",
        "media",
        "torch",
        "numpy",
        "pyarrow",
        "PIL",
        "tqdm",
        "transformers",
        "requests",
        "filelock",
        "huggingface_hub",
        "safetensors",
        "ray",
    },
    "training": {
        "store",
        "media",
        "ingest",
        "latent",
        "torch",
        "numpy",
        "scipy",
        "pyarrow",
        "PIL",
        "safetensors",
        "skimage",
    },
    "reports": {
        "store",
        "latent",
        "numpy",
        "scipy",
        "pyarrow",
        "altair",
        "PIL",
        "vl_convert",
        "markdown_it",
    },
    "dashboard": {
        "store",
        "media",
        "reports",
        "latent",
        "streamlit",
        "altair",
        "pyarrow",
        "numpy",
        "starlette",
        "PIL",
        "click",
        "mcp",
        "mcp_types",
    },
    "tubelet": {
        "click",
        "jaxtyping",
        "store",
        "media",
        "ingest",
        "training",
        "reports",
        "latent",
        "dashboard",
    },
}
# Inside a room, subfolders may import those before them; single modules may import any folder that does not lead back to them.
# Folders of the store that other rooms enter through these modules alone; the rest of the store is open to every room that may use it
DOORS = {
    "disk": {"derived", "embeddings", "files", "home", "inside", "integrity", "layout", "masked", "models", "outputs", "removal", "snapshot", "verification"},
    "remote": {"address", "file_copies", "remote_file"},
    "sandbox": {"conditions", "dates", "described", "estimate", "fair_queue", "formats", "json_text", "limits", "printed_answers", "statements", "untrusted", "whole_answers", "worker_pool"},
    "jobs": {"claims", "forms", "listing", "logs", "recording", "redaction", "rereading", "spare", "starting", "state"},
    "pairs": {"differences", "measurement", "rows", "stored"},
}  # fmt: skip
VAGUE = {"utils", "util", "helpers", "common", "manager", "base", "misc"}


def files(room: str) -> list[Path]:
    """Every module of a room, those of its subfolders among them; links are other rooms."""
    return [
        path
        for path in sorted((ROOT / room).rglob("*.py"))
        if not any(parent.is_symlink() for parent in path.parents)
    ]


def dotted(path: Path) -> str:
    """`store/disk/layout.py` as tubelet.store.disk.layout, `store/__init__.py` as tubelet.store."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts if parts[0] == "tubelet" else ("tubelet", *parts))


def imports(path: Path, whole: bool = True) -> Iterator[str]:
    """Every module that a file imports, as dotted names: wherever in the file, or only those that run when it is imported."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree) if whole else _run_at_import(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        yield child
        yield from _run_at_import(child)


def room_of(name: str) -> str:
    """The room of an imported name, or its top-level package."""
    parts = name.split(".")
    return (
        parts[1] if parts[0] == "tubelet" and len(parts) > 1 and parts[1] in ALLOWED else parts[0]
    )


@pytest.mark.parametrize("room", ALLOWED)
def test_a_room_imports_only_what_its_row_of_the_table_allows(room):
    for path in files(room):
        doors = (
            {"tubelet"} if room != "tubelet" else set()
        )  # the front door, its errors and array types are open to all
        names = [
            name
            for name in imports(path)
            if not (name.startswith(("tubelet.errors", "tubelet.array_types")) or name == "tubelet")
        ]
        found = {room_of(name) for name in names} - set(sys.stdlib_module_names) - {room} - doors
        assert found <= ALLOWED[room], f"{path.relative_to(ROOT)} imports {found - ALLOWED[room]}"


def graph(room: str) -> dict[str, set[str]]:
    """Which modules of a room each of them imports while it is imported."""
    modules = {dotted(path): path for path in files(room)}
    known = sorted(modules, key=len, reverse=True)

    def target(name: str) -> str | None:
        return next((m for m in known if name == m or name.startswith(f"{m}.")), None)

    return {
        name: {
            found for found in map(target, imports(path, whole=False)) if found and found != name
        }
        for name, path in modules.items()
    }


@pytest.mark.parametrize("room", ALLOWED)
def test_inside_a_room_the_arrows_run_one_way(room):
    """No module leads back to itself. A package's front stands for re-exports alone, so its own modules do not count it."""
    arrows = graph(room)
    packages = {dotted(path) for path in files(room) if path.stem == "__init__"}
    arrows = {
        name: {
            found for found in targets if not (found in packages and name.startswith(f"{found}."))
        }
        for name, targets in arrows.items()
    }
    try:
        list(TopologicalSorter(arrows).static_order())
    except CycleError as error:
        pytest.fail(f"{room} goes round in a circle: {' -> '.join(error.args[1])}")


def test_other_rooms_enter_the_store_through_its_doors() -> None:
    """Tables, commits, connections, checksums and replicas are the store's own; `Store` itself comes from its front."""
    inner = {dotted(path) for path in files("store")}
    entered = {
        (path.relative_to(ROOT), module)
        for room in ALLOWED.keys() - {"store"}
        for path in files(room)
        for name in imports(path)
        for module in (name, name.rpartition(".")[0])
        if module in inner
    }
    assert len(entered) > 500
    for path, module in entered:
        folder, _, inside = module.removeprefix("tubelet.store").lstrip(".").partition(".")
        assert folder != "store", f"{path} imports {module}: import it from tubelet.store"
        assert not inside or inside in DOORS.get(folder, {inside}), f"{path} imports {module}"


@pytest.mark.parametrize("room", ALLOWED)
def test_every_room_is_reached_below_one_name(room):
    link = ROOT / "tubelet" / room
    assert room == "tubelet" or (link.is_symlink() and link.resolve() == ROOT / room)
    assert all((path.parent / "__init__.py").is_file() for path in files(room))


@pytest.mark.parametrize("room", ALLOWED)
def test_no_module_has_a_name_that_says_nothing(room):
    assert not {path.stem for path in files(room)} & VAGUE


def _loaded(program: str) -> str:
    process = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT
    )
    assert not process.returncode, process.stderr
    return process.stdout.strip()


DERIVED = ("scaling.py", "stratified.py")  # classes of scikit-learn's, which functions import


def test_the_latent_room_loads_its_heavy_libraries_only_where_they_are_used():
    names = ", ".join(dotted(path) for path in files("latent") if path.name not in DERIVED)
    assert (
        _loaded(
            f"import sys, {names}; print([m for m in ('torch', 'umap', 'sklearn', 'av') if m in sys.modules])"
        )
        == "[]"
    )


def test_importing_tubelet_loads_nothing_heavy():
    program = "import sys, tubelet; tubelet.__version__; print(sorted({'torch', 'streamlit', 'duckdb', 'pyarrow', 'numpy', 'click'} & set(sys.modules)))"
    assert _loaded(program) == "[]"


@pytest.mark.long
@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["sql", "--help"],
        ["schema"],
        ["sql", "SELECT 1 AS one"],
        ["check"],
        ["compact"],
        ["pairs"],
    ],
)
def test_commands_that_only_ask_never_load_torch(command, tmp_path):
    """Run in a process of their own; what they imported is read from sys.modules."""
    store = (
        ["--store", str(tmp_path / "store")]
        if command[0] in ("check", "compact", "pairs")
        or (len(command) == 2 and command[1] != "--help")
        else []
    )
    program = (
        "import sys; from tubelet.store import Store; sys.argv = ['tubelet', *{arguments!r}]; "
        "Store.create({root!r}) if {needed} else None\n"
        "import tubelet.cli\n"
        "try: tubelet.cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {{'torch', 'transformers', 'streamlit', 'av', 'umap', 'sklearn', 'pandas'}} & set(sys.modules)\n"
        "print('loaded:', sorted(heavy))"
    ).format(arguments=command + store, root=str(tmp_path / "store"), needed=bool(store))
    assert _loaded(program).endswith("loaded: []")


def test_the_help_of_no_command_loads_what_is_heavy():
    """All in one process: the first command that loads something is named with it."""
    program = (
        "import sys; from click.testing import CliRunner; from tubelet import cli\n"
        "for name in cli.COMMANDS:\n"
        "    done = CliRunner().invoke(cli.main, [name, '--help'])\n"
        "    heavy = {'torch', 'transformers', 'streamlit', 'av', 'umap', 'sklearn', 'pandas'} & set(sys.modules)\n"
        "    assert done.exit_code == 0 and not heavy, (name, done.output, heavy)\n"
        "print('light:', len(cli.COMMANDS) > 15)"
    )
    assert _loaded(program).endswith("light: True")


def test_the_dashboard_never_loads_what_encodes():
    names = ", ".join(dotted(path) for path in files("dashboard") if path.name != "__main__.py")
    heavy = {"torch", "transformers", "av", "tubelet.ingest"}
    assert _loaded(f"import sys, {names}; print(sorted({heavy} & set(sys.modules)))") == "[]"


def test_who_reads_pictures_and_codes_has_them_brought_from_where_the_store_is_at_home() -> None:
    """`pictures` and `codes` only say where a file is, or would be: of a store in a bucket it is not here until it is asked for."""
    readers = [path for room in ("latent", "reports", "training", "media", "dashboard") for path in (ROOT / room).rglob("*.py")]  # fmt: skip
    assert len(readers) > 100
    named = re.compile(r"layout\.(pictures|codes)\(")
    assert not [path for path in readers if named.search(path.read_text())]
