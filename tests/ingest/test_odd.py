"""Hard and broken files: each has the outcome of its manifest, and none disturbs the others."""

import csv
import json

import pytest

from tests.commands import tubelet
from tests.conftest import shared
from tubelet.store import Store

pytestmark = pytest.mark.long
FAILING = ("no video stream", "InvalidDataError")


@pytest.fixture(scope="module")
def manifest():
    with open(shared("odd") / "manifest.csv") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def ingested(manifest, tmp_path_factory):
    root = tmp_path_factory.mktemp("odd") / "store"
    process = tubelet(
        "ingest",
        shared("odd"),
        "--store",
        root,
        "--encoder",
        "toy",
        "--size",
        "64",
        "--frames",
        "8",
        "--tail",
        "--json",
    )
    store = Store(root)
    yield process, store
    store.close()


def test_the_exit_code_is_1_and_every_failure_is_printed(ingested, manifest):
    process, _ = ingested
    assert process.returncode == 1, process.stderr
    printed = {
        failure["path"].rpartition("/")[2]: failure["error"]
        for failure in json.loads(process.stdout)["failures"]
    }
    assert set(printed) == {
        name for name, row in manifest.items() if row["outcome"].startswith(FAILING)
    }
    assert "Traceback" not in process.stderr


def test_what_decodes_is_a_video_with_the_frames_that_were_decoded(ingested, manifest):
    _, store = ingested
    found = {row["name"]: row for row in store.rows("FROM videos")}
    expected = {name: row for name, row in manifest.items() if int(row["decoded_frames"])}
    assert set(found) == set(expected)
    for name, row in expected.items():
        video = found[name]
        assert video["frames"] == int(row["decoded_frames"]), name
        assert video["codec"] == row["codec"] or name.startswith("av1"), name
        if row["rotation"]:
            assert video["rotation"] == int(row["rotation"]) % 360, name
        if row["sizes"] and not row["sar"]:
            width, height = map(int, row["sizes"].split("x"))
            assert (video["width"], video["height"]) == (
                (height, width) if video["rotation"] in (90, 270) else (width, height)
            ), name
        if row["fps"]:
            assert video["fps"] == pytest.approx(float(row["fps"]), rel=1e-3), name


def test_the_good_prefix_of_a_broken_file_becomes_clips_that_cover_it(ingested, manifest):
    _, store = ingested
    clips = store.rows(
        "SELECT name, max(first_frame + clips.frame_count) AS stop, count(*) AS n FROM clips JOIN videos USING (video_id) GROUP BY name"
    )
    stops = {row["name"]: row["stop"] for row in clips}
    for name, row in manifest.items():
        frames = int(row["decoded_frames"])
        assert stops.get(name) == (frames if frames == 1 else frames // 2 * 2 or None), name


def test_every_failure_is_a_row_with_a_plain_reason(ingested, manifest):
    _, store = ingested
    rows = {row["path"].rpartition("/")[2]: row for row in store.rows("FROM failures")}
    for name, row in manifest.items():
        if row["outcome"].startswith(FAILING):
            failure = rows[name]
            assert failure["stage"] == ("decode" if int(row["decoded_frames"]) else "open"), name
            assert "Errno" not in failure["error"] and "Traceback" not in failure["error"], name
            assert (failure["first_frame"] or 0) == int(row["decoded_frames"]), name
    assert rows["zero_bytes.mp4"]["error"] == "the file is empty (0 bytes)"
    assert "audio only" in rows["audio_only.m4a"]["error"]


def test_a_rerun_decodes_nothing_and_says_the_same(ingested):
    process, store = ingested
    fingerprint = store.fingerprint
    again = tubelet(
        "ingest",
        shared("odd"),
        "--store",
        store.root,
        "--encoder",
        "toy",
        "--size",
        "64",
        "--frames",
        "8",
        "--tail",
        "--json",
    )
    first, second = json.loads(process.stdout), json.loads(again.stdout)
    assert again.returncode == 1
    assert second["videos_decoded"] == second["clips"] == 0
    assert second["clips_kept"] == first["clips"]
    assert sorted(map(str, second["failures"])) == sorted(map(str, first["failures"]))
    assert store.fingerprint == fingerprint


def test_times_follow_the_timestamps_of_a_variable_frame_rate(ingested):
    _, store = ingested
    (row,) = store.rows(
        "SELECT min(start_s) AS start, max(stop_s) AS stop, any_value(duration_s) AS duration FROM clips JOIN videos USING (video_id) WHERE name = 'vfr_made.mp4'"
    )
    assert row["start"] == 0 and row["stop"] == pytest.approx(row["duration"])
    # the last frame begins at 3.80 s and lasts 0.04 s; the 3.52 s of the stream's header end before two of the frames
    assert row["duration"] == pytest.approx(3.84)
