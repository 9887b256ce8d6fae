"""Who may import whom: the table of rooms, third parties included. A new dependency or direction has to edit it."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# room -> what it may import besides the standard library and itself
ALLOWED = {
    "store": {"numpy", "pyarrow", "duckdb", "deltalake", "array_api_compat"},
    "film": {"store", "av", "numpy"},
    "ingest": {
        "store", "film", "latent", "torch", "numpy", "scipy", "pyarrow", "PIL", "tqdm", "transformers", "requests", "filelock", "huggingface_hub", "safetensors",
    },
    "reports": {"store", "numpy", "scipy", "pyarrow", "altair", "PIL", "vl_convert", "markdown_it"},
    "latent": {"store", "numpy", "scipy", "sklearn", "umap", "pyarrow", "PIL"},
    "dashboard": {"store", "film", "reports", "latent", "streamlit", "altair", "pyarrow", "numpy", "starlette", "PIL"},
    "tubelet.py": {"click", "store", "ingest", "reports", "latent"},
}

# Inside a room the arrows run one way: a module imports only what stands before it. A subpackage stands at one place in the order
# of its room, and its own modules have an order of their own.
ORDER = {
    "store": (
        "errors", "statistics", "sensitivity", "schema", "ids", "pictures", "layout", "files", "tables", "embeddings", "derived", "measurements",
        "snapshot", "views", "connections", "store", "integrity", "stored_pairs", "differences", "queries", "clip_queries", "pair_queries", "sensitivity_queries",
        "mistakes", "landlock", "sandboxed", "processes", "sandbox", "conditions", "answers",
    ),
    "film": ("errors", "video", "recording"),
    "ingest": (
        "errors", "arguments", "windows", "pairs", "geometry", "grid", "layer", "facts", "contract", "precision", "toy", "vjepa", "weights", "checkpoints", "pretrained", "vjepa_encoder",
        "vjepa_rows", "hub", "encoders", "catalogue", "memory", "sources", "recipe", "messages", "pictures", "known", "decoding", "reader", "pipe", "measuring", "encoding", "batching", "writer",
        "progress", "summary", "run", "plan", "samples", "job",
        "flow", "scenes", "evaluation", "pretraining",
    ),
    "tubelet.ingest.networks.hub": ("named", "files", "shapes", "weights", "encoder", "models", "rows"),
    "tubelet.ingest.networks.vjepa": ("positions", "shapes", "blocks", "encoder", "predictor", "variants"),
    "tubelet.ingest.weights": ("release", "cache", "transfer", "part", "download", "renames", "formats", "extraction", "hub", "fetching"),
    "reports": (
        "errors", "resampling", "ranking", "curves", "consistency", "request", "findings", "rasters", "charts", "blocks", "wording", "parts",
        "pictures", "sensitivity", "comparison", "cells", "html_file", "markdown_file", "parquet_file", "catalogue",
    ),
    "latent": (
        "errors", "half", "clips", "scope", "positions", "preparation", "linear", "manifold", "centers", "foreground", "colors", "basis", "bases", "sample",
        "fitting", "projections", "query", "unrelated", "tracking", "graph", "segmentation", "masks", "hits", "search", "sketch", "sketch_search",
        "sketches", "retrieval", "questions",
    ),
    "tubelet.training.scenes": ("photographs", "outlines", "motion", "scene", "occlusion"),
    "tubelet.training.evaluation": (
        "intervals", "baselines", "material", "tracking", "direction", "foreground", "shifting", "spectrum", "page_scenes", "prediction", "measures", "evaluation",
    ),
    "tubelet.training.pretraining": (
        "masks", "teacher", "settings", "footage", "augmentation", "lessons", "bank", "crops", "whitening", "surroundings", "objective", "batches", "trainer", "run",
    ),
    "dashboard": (
        "units", "downloads", "marks", "colors", "channels", "tracks", "caching", "latent_caching", "sampled", "sources", "mask_files", "exports", "films", "media",
        "selection", "links", "sql_link", "paging", "charts", "results",
        "corpus_video", "corpus_videos", "corpus_failures", "corpus_encoders", "corpus",
        "player", "address", "place", "video_colors", "video_patches", "video_segmentation", "video_track", "video_search", "video_alike", "cloud", "video_map", "video",
        "windows_matrix", "windows_choice", "windows", "blocks", "sensitivity_scope", "sensitivity", "sql", "app", "server",
    ),
}  # fmt: skip

VAGUE = {"utils", "util", "helpers", "common", "manager", "base", "misc"}


def files(room):
    """Every module of a room, those of its subpackages among them."""
    return [ROOT / room] if room.endswith(".py") else sorted((ROOT / room).rglob("*.py"))


def packages():
    """Every package of the rooms, as dotted names, from the folders that hold one."""
    return sorted(dotted(path)[:-1] for room in ALLOWED for path in files(room) if path.stem == "__init__")


def dotted(path):
    """`ingest/networks/vjepa/encoder.py` as ("ingest", "vjepa", "encoder")."""
    return path.relative_to(ROOT).with_suffix("").parts


def children(package):
    """The names of a package's modules and subpackages."""
    folder = ROOT.joinpath(*package)
    return {path.stem for path in folder.glob("*.py")} - {"__init__"} | {path.parent.name for path in folder.glob("*/__init__.py")}


def against_the_order(importer: tuple[str, ...], imported: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with one import, judged in the innermost package that both belong to.

    An `__init__` may import all of its own package, and is judged by the package's place in the order around it.
    """
    shared = next((n for n, (a, b) in enumerate(zip(importer, imported)) if a != b), min(len(importer), len(imported)))
    order = ORDER.get(".".join(importer[:shared]), ())
    if shared == len(importer) or importer[shared] == "__init__":
        return
    if shared == len(imported) or imported[shared] not in order:
        yield f"imports {'.'.join(imported)}, no module of the package that both stand in"
    elif order.index(imported[shared]) >= order.index(importer[shared]):
        yield f"imports {'.'.join(imported)}, which stands after it"


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


@pytest.mark.parametrize("package", packages(), ids=".".join)
def test_inside_a_room_the_arrows_run_one_way(package):
    order = ORDER[".".join(package)]
    assert children(package) == set(order) and len(order) == len(set(order))
    for path in ROOT.joinpath(*package).glob("*.py"):
        wrong = [
            f"{path.relative_to(ROOT)} {what}"
            for name in imports(path)
            if name.startswith(f"{package[0]}.")
            for what in against_the_order(dotted(path), tuple(name.split(".")))
        ]
        assert not wrong


def test_of_ingest_only_the_evaluation_looks_into_the_latent():
    """It measures what the Video page does, with the page's own arithmetic; an ingest never needs that."""
    for path in files("ingest"):
        assert path.parent.name == "evaluation" or not any(name.startswith("latent") for name in imports(path)), path


def test_the_order_is_that_of_packages_which_exist_and_are_installed():
    found = {".".join(package) for package in packages()}
    assert set(ORDER) == found
    assert set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]) == found


@pytest.mark.parametrize(
    ("importer", "imported", "told"),
    [
        ("tubelet.ingest.networks.vjepa.encoder", "tubelet.ingest.errors.UsageError", None),
        ("tubelet.ingest.checkpoints", "tubelet.ingest.networks.vjepa.encoder.VisionTransformer", None),
        ("tubelet.ingest.networks.vjepa.__init__", "tubelet.ingest.networks.vjepa.encoder.VisionTransformer", None),
        ("tubelet.ingest.networks.vjepa.encoder", "tubelet.ingest.checkpoints.init_untrained", "after it"),
        ("tubelet.ingest.networks.vjepa.__init__", "tubelet.ingest.checkpoints.init_untrained", "after it"),
        ("tubelet.ingest.facts", "tubelet.ingest.networks.vjepa.encoder.VisionTransformer", "after it"),
        ("tubelet.ingest.networks.vjepa.encoder", "tubelet.ingest.networks.vjepa.VisionTransformer", "no module"),
        ("tubelet.ingest.job", "ingest.absent.thing", "no module"),
    ],
)
def test_the_order_reaches_into_subpackages(importer, imported, told):
    wrong = list(against_the_order(tuple(importer.split(".")), tuple(imported.split("."))))
    assert (told is None and not wrong) or (told and told in wrong[0])


@pytest.mark.parametrize("room", ALLOWED)
def test_no_module_has_a_name_that_says_nothing(room):
    assert not {path.stem for path in files(room)} & VAGUE


def test_the_latent_room_loads_its_heavy_libraries_only_where_they_are_used():
    program = f"import sys, {', '.join(f'latent.{name}' for name in ORDER['latent'])}; print([m for m in ('torch', 'umap', 'sklearn', 'av') if m in sys.modules])"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert process.stdout.strip() == "[]", process.stdout + process.stderr


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
    program = "import sys, tubelet.dashboard.corpus.page, tubelet.dashboard.sql.page; print('torch' in sys.modules, 'ingest' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert process.stdout.strip().endswith("False False"), process.stderr
