"""Annotations of a whole store: videos that go, the manifest of the test clips, many labels at once, and the command."""

import csv
import time

import pytest

from tests.commands import run_here
from tests.conftest import shared
from tests.store.test_annotations import labels
from tests.stores import Recipe, _table, _video_row, encoder_row, synthetic_store
from tubelet.store import Store
from tubelet.store.annotations.importing import (
    ImportOptions,
    TableFile,
    import_sources,
)
from tubelet.store.disk import integrity, removal

VIDEO = "video-{:05d}.mp4"


def test_labels_go_with_their_video_and_the_store_stays_whole(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=3)
    source = tmp_path / "a.csv"
    source.write_text("video,action\nvideo-00000.mp4,pour\nvideo-00001.mp4,stir\n")
    import_sources(store, [TableFile(source)], ImportOptions())
    removal.remove(store, removal.choose(store, "videos", [VIDEO.format(0)], None))
    assert labels(store) == [(VIDEO.format(1), "action", "stir")]
    assert not list(integrity.check(store))
    store.close()


def test_the_manifest_of_the_test_videos_says_what_the_folder_does_not(tmp_path):
    manifest = shared("videos") / "manifest.csv"
    names = sorted(path.name for path in manifest.parent.iterdir() if path.suffix != ".csv")
    store = Store.create(tmp_path / "store")
    recipe = Recipe(videos=len(names), words=tuple(names))
    rows = [_video_row(store, recipe, number) | {"label": None} for number in range(len(names))]
    store.commit(
        {"encoders": _table("encoders", [encoder_row(recipe)]), "videos": _table("videos", rows)}
    )
    asked = ImportOptions(columns="label,group,licence")
    report = import_sources(store, [TableFile(manifest)], asked).sources[0]
    with manifest.open(newline="") as file:
        written = [
            row[name] for row in csv.DictReader(file) for name in ("label", "group", "licence")
        ]
    assert (report.rows, report.matched_by) == (sum(map(bool, written)), "path")
    assert report.videos == len(names) and not report.unmatched
    groups = store.rows(
        "SELECT label_of(video_id, 'group') AS g, count(*) AS n FROM videos GROUP BY g ORDER BY n DESC"
    )
    assert groups[0]["n"] > 3 and len(groups) > 3
    store.close()


@pytest.mark.long
def test_two_hundred_thousand_labels_take_seconds(tmp_path):
    store = Store.create(tmp_path / "store")
    recipe = Recipe(videos=10_000)
    rows = [_video_row(store, recipe, number) for number in range(recipe.videos)]
    store.commit({"videos": _table("videos", rows)})
    source = tmp_path / "a.csv"
    lines = (
        f"{VIDEO.format(n % 10_000)},name {n // 10_000},value {n % 97}\n" for n in range(200_000)
    )
    source.write_text("video,name,value\n" + "".join(lines))
    for _ in range(2):  # the second replaces the first
        started = time.process_time()
        report = import_sources(store, [TableFile(source)], ImportOptions())
        assert time.process_time() - started < 10
    assert report.sources[0].rows == report.sources[0].replaced == 200_000
    store.close()


def test_the_command_imports_lists_and_forgets(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=3)
    store.close()
    source = tmp_path / "labels.csv"
    source.write_text("video,action\nvideo-00000.mp4,pour\nelsewhere.mp4,stir\n")
    told = run_here("annotate", source, "--store", store.root, check=True).stdout.splitlines()
    assert told == [
        "labels.csv: 1 label of 1 video, matched by path",
        "  1 row without a video in the store: elsewhere.mp4",
        "  2 videos of the store without a row: video-00001.mp4, video-00002.mp4",
    ]
    listed = run_here("annotate", "--list", "--store", store.root, check=True).stdout
    assert listed.startswith("labels.csv: 1 label, 1 row unmatched, ") and str(source) in listed
    assert (
        "labels.csv: 1 label removed"
        in run_here("annotate", "--forget", "labels.csv", "--store", store.root).stdout
    )
    refused = run_here("annotate", "--store", store.root)
    assert (
        refused.returncode == 2
        and "pass exactly one of: FILES to import, --forget SOURCE, --list" in refused.stderr
    )
