"""Pairs of stored clips: they differ from live ones by rounding, are measured once, and what they lack is said in a sentence."""

import shutil
from pathlib import Path

import pytest

from tests.commands import run_here
from tests.contents import rows
from tests.ingest.test_pairs import run
from tests.videos import make_folder
from tubelet.store import Store


@pytest.fixture(scope="module")
def pairless(tmp_path_factory):
    """A store of a transformer's clips that overlap by half, without pairs; it is not written to."""
    folder = make_folder(tmp_path_factory.mktemp("pairless") / "videos", 2, frames=30)
    root = folder.parent / "store"
    run([folder], root, encoder="vjepa2.1-untrained", frames=8, hop=4, pairs="0")
    return folder, root


@pytest.fixture
def overlapping(pairless, tmp_path):
    """A copy of it, to be written to."""
    return pairless[0], Path(shutil.copytree(pairless[1], tmp_path / "store"))


def test_stored_pairs_differ_from_live_ones_by_the_rounding_of_half_precision(
    overlapping, tmp_path
):
    folder, root = overlapping
    process = run_here("pairs", "--store", root, "--shift", "2", "--pairs", "all", check=True)
    assert "10 pairs of stored clips measured" in process.stdout
    run([folder], tmp_path / "live", encoder="vjepa2.1-untrained", frames=8, hop=4, pairs="all")
    columns = "SELECT clip_a, shared_slice, dim, mean_abs FROM sensitivity JOIN pairs USING (pair_id) WHERE kind = 'shifted' AND shift = 2 ORDER BY ALL"
    stored, live = rows(root, columns), rows(tmp_path / "live", columns)
    assert [(row["clip_a"], row["shared_slice"], row["dim"]) for row in stored] == [
        (row["clip_a"], row["shared_slice"], row["dim"]) for row in live
    ]
    worst = max(abs(a["mean_abs"] - b["mean_abs"]) for a, b in zip(stored, live))
    assert 0 < worst < 2e-3
    assert rows(root, "SELECT DISTINCT source, precision, kind FROM pairs") == [
        {"source": "stored", "precision": "fp32", "kind": "shifted"}
    ]
    assert run_here("check", "--store", root).returncode == 0


@pytest.mark.long
def test_stored_pairs_are_measured_once_and_not_where_they_were_measured_live(overlapping):
    folder, root = overlapping
    assert (
        "2 pairs of stored clips"
        in run_here(
            "pairs", "--store", root, "--shift", "2", "--encoder", "vjepa2.1-untrained", check=True
        ).stdout
    )
    assert (
        "0 pairs of stored clips measured, from half-precision files; 2 already"
        in run_here("pairs", "--store", root, "--shift", "2", check=True).stdout
    )
    assert (
        "8 pairs of stored clips measured, from half-precision files; 2 already"
        in run_here("pairs", "--store", root, "--pairs", "all", check=True).stdout
    )
    run([folder], root, encoder="vjepa2.1-untrained", frames=8, hop=4, shift=2)
    assert rows(
        root,
        "SELECT source, count(*) AS n FROM pairs WHERE kind = 'shifted' GROUP BY ALL ORDER BY ALL",
    ) == [{"source": "live", "n": 2}, {"source": "stored", "n": 10}]


def test_a_damaged_file_is_named_and_the_other_pairs_go_on(overlapping):
    _, root = overlapping
    store = Store(root)
    clip = store.rows(
        "SELECT clip_id, embedding_path FROM clips ORDER BY video_id, first_frame LIMIT 1"
    )[0]
    path = root / clip["embedding_path"]
    path.write_bytes(path.read_bytes()[:-20])
    process = run_here("pairs", "--store", root, "--shift", "2", "--pairs", "all")
    assert process.returncode == 1 and "9 pairs of stored clips measured" in process.stdout
    assert (
        f"clip {clip['clip_id']}: its embedding file has" in process.stdout
        and "Traceback" not in process.stderr
    )
    store.close()


@pytest.mark.parametrize(
    "arguments,words",
    [
        (("--shift", "0"), "shifted by 1 to 1,000,000 slices"),
        (("--pairs", "none"), "is not a number of pairs"),
        (
            ("--shift", "1"),
            "with embeddings 1 slice apart: ingest the videos again with `--pairs 1 --shift 1`",
        ),
        (("--encoder", "resnet"), "holds no clip by resnet"),
    ],
)
def test_stored_pairs_that_are_not_there_are_a_sentence(arguments, words, pairless):
    process = run_here("pairs", "--store", pairless[1], *arguments)
    assert process.returncode == 2 and words in process.stderr and "Traceback" not in process.stderr
