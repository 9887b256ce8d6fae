"""Annotations: files of labels, masks and points in every form, matched with videos, whole or not at all, replaced and removed."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.gray_pngs import write_gray
from tests.stores import Recipe, _table, _video_row, synthetic_store
from tests.tiers import thin
from tubelet.media.mask_folder import MaskFolder
from tubelet.store import Store
from tubelet.store.annotations import text_table
from tubelet.store.annotations.importing import (
    ImportOptions,
    TableFile,
    forget,
    import_sources,
    list_sources,
)
from tubelet.store.annotations.masks import decode_runs, encode_runs
from tubelet.store.errors import AnnotationError

VIDEO = "video-{:05d}.mp4"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = synthetic_store(tmp_path_factory.mktemp("labeled") / "store", videos=6, clips=2)
    yield made
    made.close()


@pytest.fixture
def bring(store, tmp_path):
    """Write a file and import it; what it brought is taken away afterwards."""
    brought = []

    def write_and_import(name: str, content: str | bytes, **asked):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        report = import_sources(store, [TableFile(path)], ImportOptions(**asked))
        brought.append(name)
        return report.sources[0]

    yield write_and_import
    forget(store, sorted(set(brought)))


def labels(store: Store, columns: str = "v.name, l.name, l.value") -> list[tuple]:
    sql = f"SELECT {columns} FROM labels l JOIN videos v USING (video_id) WHERE l.name <> 'folder' ORDER BY ALL"
    return [tuple(row.values()) for row in _unnamed(store.query(sql))]


def _unnamed(table: pa.Table) -> list[dict]:
    return table.rename_columns([str(n) for n in range(table.num_columns)]).to_pylist()


POURED = [(VIDEO.format(0), "action", "pour"), (VIDEO.format(1), "action", "007")]
PARQUET = pa.BufferOutputStream()
pq.write_table(
    pa.table(
        {
            "video": [VIDEO.format(0), VIDEO.format(1)],
            "action": pa.array(["pour", "007"]).dictionary_encode(),
        }
    ),
    PARQUET,
)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "video,action\nvideo-00000.mp4,pour\nvideo-00001.mp4,007\n"),
        ("a.csv", "\ufeffvideo;action\r\n\r\nvideo-00000.mp4;pour\r\nvideo-00001.mp4;007"),
        ("a.tsv", "file\taction\n/elsewhere/video-00000.mp4\t pour \nvideo-00001.mp4\t007\n"),
        ("a.txt", "stem,name,value\nvideo-00000,action,pour\nvideo-00001,action,007\n"),
        ("a.jsonl", '{"video": "video-00000.mp4", "action": "pour"}\n\n{"action": "007", "video": "video-00001.mp4"}\n'),
        ("a.parquet", PARQUET.getvalue().to_pybytes()),
    ],
)  # fmt: skip
def test_labels_come_from_every_form_of_table(store, bring, name, content):
    brought = bring(name, content)
    assert labels(store) == POURED
    assert (brought.rows, brought.videos, brought.unmatched, brought.bare) == (2, 2, 0, 4)


def test_a_list_of_paths_and_classes_is_read_whatever_blanks_are_in_the_paths(store, bring):
    brought = bring(
        "k400.csv",
        "/data/k 400/video-00003.mp4 12\n/data/k 400/video-00002.mp4 -1\n",
        label="class",
    )
    assert labels(store) == [(VIDEO.format(2), "class", "-1"), (VIDEO.format(3), "class", "12")]
    assert brought.matched_by == "name"


def test_the_folder_stays_a_label_beside_the_others(store, bring):
    bring("a.csv", "video,action\nvideo-00000.mp4,pour\n")
    rows = store.rows(
        "SELECT name, label_of(video_id, 'folder') AS folder, label_of(video_id, 'action') AS action FROM videos ORDER BY name LIMIT 2"
    )
    assert rows == [
        {"name": VIDEO.format(0), "folder": "cooking", "action": "pour"},
        {"name": VIDEO.format(1), "folder": "swimming", "action": None},
    ]


def test_stretches_are_kept_and_end_with_their_video(store, bring):
    end = store.rows(f"SELECT duration_s FROM videos WHERE name = '{VIDEO.format(0)}'")[0][
        "duration_s"
    ]
    bring(
        "s.csv",
        f"video,action,start,stop\nvideo-00000.mp4,pour,0,0.25\nvideo-00000.mp4,stir,.2,{end + 0.4}\nvideo-00001.mp4,rest,,\n",
    )
    assert labels(store, "l.value, l.start_s, l.stop_s") == [
        ("pour", 0.0, 0.25),
        ("rest", None, None),
        ("stir", 0.2, end),
    ]
    with pytest.raises(
        Exception, match=r"has several values of action.*has_label\(video_id, 'action', VALUE\)"
    ):
        store.rows("SELECT label_of(video_id, 'action') FROM videos")
    (row,) = store.rows(
        "SELECT count(*) AS n FROM videos WHERE has_label(video_id, 'action', 'stir')"
    )
    assert row["n"] == 1


def test_a_source_is_replaced_listed_and_taken_away(store, bring):
    first = bring("a.csv", "video,action\nvideo-00000.mp4,pour\nvideo-00001.mp4,stir\n")
    again = bring("a.csv", "video,action\nvideo-00002.mp4,rest\n")
    bring("b.csv", "video,split\nvideo-00002.mp4,train\nnowhere.mp4,test\n")
    assert (first.replaced, again.replaced) == (0, 2)
    assert labels(store) == [
        (VIDEO.format(2), "action", "rest"),
        (VIDEO.format(2), "split", "train"),
    ]
    held = [(row["source"], row["rows"], row["unmatched"]) for row in list_sources(store)]
    assert held == [("a.csv", 1, 0), ("b.csv", 1, 1)]
    forget(store, ["a.csv"])
    assert labels(store) == [(VIDEO.format(2), "split", "train")]
    bring("a.csv", "video,action\nvideo-00000.mp4,pour\n")
    with pytest.raises(
        AnnotationError, match=r"holds no source c\.csv; its sources are: b\.csv, a\.csv"
    ):
        forget(store, ["c.csv"])


BAD = {
    "another corpus": ("video,a\nx.mp4,1\ny.mp4,2\n", "names 2 videos that the store does not hold, such as 'x.mp4'"),
    "stop before start": ("video,a,start,stop\nvideo-00000.mp4,p,0.2,0.1\n", r"line 2: the stretch stops at or before its start"),
    "past the end": ("video,a,start,stop\n\nvideo-00000.mp4,p,0,99\n", r"line 3: the stretch stops after the end of the video, at 0\.\d\d s"),
    "a date": ("video,a,start,stop\nvideo-00000.mp4,p,2024-01-05,1\n", r"line 2: start is '2024-01-05', not a number"),
    "half a stretch": ("video,a,start,stop\nvideo-00000.mp4,p,0.1,\n", r"line 2: a stretch needs both"),
    "infinite": ("video,a,start,stop\nvideo-00000.mp4,p,0.1,1e999\n", r"line 2: stop is not a finite number"),
    "uneven": ('video,a\n"video-00000.mp4","two\nlines"\nvideo-00001.mp4\n', r"line 4: 1 values where the header has 2 columns"),
    "Latin-1": (b"video,a\nvideo-00000.mp4,\xe9t\xe9\n", r"line 2: not UTF-8: save the file as UTF-8"),
    "UTF-16": ("video,a\nvideo-00000.mp4,p\n".encode("utf-16"), "is UTF-16: save it as UTF-8"),
    "empty": (b"\n \n", "is empty"),
    "a header alone": ("video,a\n", "a header and no rows"),
    "one column": ("video-00000.mp4\n", "one column, 'video-00000.mp4'"),
    "no video": ("clap,a\nb,c\n", "no column names the video: call one video_id, video, path"),
    "two of a name": ("video,a,a\nvideo-00000.mp4,1,2\n", "two columns are called 'a'"),
    "folder": ("video,folder\nvideo-00000.mp4,1\n", "'folder' cannot be imported"),
    "no name": ("video,a\n,1\n", r"line 2: video is empty"),
    "binary": (b"video,a\nvideo-00000.mp4,\0\n", "line 2: holds a NUL byte"),
    "an open quote": ('video,a\nvideo-00000.mp4,"b\n', "after line 1: unexpected end of data: check its quotes"),
    "a quote that swallows rows": ('video,a\nvideo-00000.mp4,"b\nvideo-00001.mp4,"c"\n', "after line 1: .*: check its quotes"),
}  # fmt: skip


@pytest.mark.parametrize("kind", thin(BAD, 4))
def test_a_bad_file_is_refused_with_its_line_and_changes_nothing(store, bring, tmp_path, kind):
    content, why = BAD[kind]
    bring("labels.csv", "video,split\nvideo-00000.mp4,train\n")
    before = store.fingerprint
    with pytest.raises(AnnotationError, match=why):
        bring("labels.csv", content)
    assert store.fingerprint == before


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"video": "video-00000.mp4", "a": [1]}', "line 1: 'a' is a list or an object"),
        ('{"video": "video-00000.mp4", "a": 1', "line 1: not JSON"),
        ('["video-00000.mp4"]', "line 1: list where an object is needed"),
        ('{"video": "video-00000.mp4", "a": "\\ud800"}', "line 1: holds half of a surrogate pair"),
        ('{"video": "\\udfff", "a": "b"}', "line 1: holds half of a surrogate pair"),
    ],
)
def test_bad_json_lines_are_refused_with_their_line(store, bring, line, why):
    with pytest.raises(AnnotationError, match=why):
        bring("a.jsonl", line)
    bring("a.jsonl", '{"video": "video-00000.mp4", "a": 1.50}')
    assert labels(store) == [(VIDEO.format(0), "a", "1.50")]


@pytest.mark.parametrize("character", thin(["\u2028", "\u2029", "\x85", "\x0b", "\x1c"]))
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_only_line_feeds_end_a_line(store, bring, form, character):
    row = {"video": VIDEO.format(0), "a": f"x{character}y"}
    if form == "jsonl":
        bring("a.jsonl", json.dumps(row, ensure_ascii=ord(character) < 32) + "\r\n")
    else:
        bring("a.csv", f"video,a\r\n{row['video']},{row['a']}\r\n")
    assert labels(store) == [(VIDEO.format(0), "a", row["a"])]


def test_three_broken_rows_of_a_thousand_are_all_named(store, bring):
    rows = [f"{VIDEO.format(n % 6)},{n},0,0.1" for n in range(1000)]
    for line in (17, 350, 999):
        rows[line - 2] = f"{VIDEO.format(1)},x,0.2,soon"
    before = store.fingerprint
    with pytest.raises(
        AnnotationError,
        match=r"line 17: stop is 'soon', not a number \(3 rows are at fault, the others at line 350, line 999\); nothing was imported",
    ):
        bring("a.csv", "video,a,start,stop\n" + "\n".join(rows))
    assert store.fingerprint == before
    bring("a.csv", "video,split\nvideo-00000.mp4,train\n")


def test_a_name_of_two_videos_is_refused_with_both_and_a_path_tells_them_apart(tmp_path):
    store = synthetic_store(tmp_path / "store", videos=2)
    rows = [_video_row(store, Recipe(videos=4), n) for n in (2, 3)]
    for row in rows:
        row |= {
            "name": VIDEO.format(0),
            "path": f"/videos/{'ab'[row is rows[1]]}/{VIDEO.format(0)}",
        }
    store.commit({"videos": _table("videos", rows)})
    source = tmp_path / "a.csv"
    source.write_text(f"video,split\n{VIDEO.format(0)},train\n")
    both = r"line 2: 'video-00000.mp4' may be /videos/a/video-00000.mp4 \(\w{16}\) and /videos/b/video-00000.mp4 \(\w{16}\) and 1 more: write more of the path"
    with pytest.raises(AnnotationError, match=both):
        import_sources(store, [TableFile(source)], ImportOptions())
    source.write_text(f"video,split\n/moved/videos/b/{VIDEO.format(0)},train\n")
    import_sources(store, [TableFile(source)], ImportOptions())
    assert [row["video_id"] for row in store.rows("FROM labels WHERE name = 'split'")] == [
        rows[1]["video_id"]
    ]
    store.close()


@pytest.mark.parametrize("column", ["a\x1b[31m", '"a\nb"', "a\u202eb"])
def test_the_name_of_a_label_is_one_line_of_text(bring, column):
    for content in (f"video,{column}\n{VIDEO.format(0)},x\n", f"video,name,value\n{VIDEO.format(0)},{column},x\n"):  # fmt: skip
        with pytest.raises(AnnotationError, match="is not one line of text: rename it"):
            bring("odd.csv", content)


def test_one_bad_file_of_two_keeps_both_out(store, bring, tmp_path):
    paths = [tmp_path / "good.csv", tmp_path / "bad.csv"]
    paths[0].write_text("video,a\nvideo-00000.mp4,1\n")
    paths[1].write_text("video,a\nnobody.mp4,1\n")
    with pytest.raises(AnnotationError, match="bad.csv names 1 video"):
        import_sources(store, list(map(TableFile, paths)), ImportOptions())
    assert not labels(store) and not list_sources(store)
    bring("a.csv", "video,split\nvideo-00000.mp4,train\n")


def test_a_file_that_is_not_there_is_told(store, bring, tmp_path):
    with pytest.raises(AnnotationError, match=r"no\.csv does not exist: check the path"):
        text_table.read_table(tmp_path / "no.csv", "label")
    bring("a.csv", "video,split\nvideo-00000.mp4,train\n")


def test_a_file_too_large_is_refused_unread(store, bring, tmp_path, monkeypatch):
    path = tmp_path / "large.csv"
    with open(path, "wb") as file:
        file.truncate(2 << 30)
    with pytest.raises(AnnotationError, match=r"has 2\.1 GB, more than the 1\.1 GB"):
        text_table.read_table(path, "label")
    bring("a.csv", "video,split\nvideo-00000.mp4,train\n")


def test_points_are_kept_by_frame_and_by_seconds(store, bring):
    head = "video,point,{},x,y,visible\n"
    bring(
        "p.csv",
        head.format("frame") + "video-00000.mp4,nose,3,10.5,20,1\nvideo-00000.mp4,nose,4,-5,20,0\n",
    )
    bring("q.csv", head.format("seconds") + "video-00001.mp4,0,0.12,320,240,true\n")
    rows = store.rows(
        "SELECT point, frame, pixel_x, pixel_y, visible FROM points ORDER BY source, frame"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("nose", 3, 10.5, 20.0, True),
        ("nose", 4, -5.0, 20.0, False),
        ("0", 3, 320.0, 240.0, True),
    ]
    for row, why in (
        (
            "video-00000.mp4,nose,3,321,20,1",
            "line 2: the point lies at 321, 20, outside the picture of 320 x 240",
        ),
        (
            "video-00000.mp4,nose,999,1,2,1",
            r"line 2: frame 999 is not one of the video's, 0 to \d+",
        ),
        ("video-00000.mp4,nose,1.5,1,2,1", r"line 2: frame is 1.5, not a whole number"),
        ("video-00000.mp4,nose,1,1,2,maybe", "line 2: visible is 'maybe': write 1 or 0"),
        ("video-00000.mp4,nose,1,,2,1", "line 2: x or y is missing"),
    ):
        with pytest.raises(AnnotationError, match=why):
            bring("p.csv", head.format("frame") + row)


def paint(folder, name: str, objects: np.ndarray) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    picture = Image.frombytes("P", objects.shape[::-1], objects.astype(np.uint8).tobytes())
    picture.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    picture.save(folder / name)


def test_masks_of_a_folder_come_back_as_they_were(store, tmp_path):
    rng = np.random.default_rng(3)
    frames = {n: rng.integers(0, 3, (48, 64)) for n in (0, 5)}
    folder = tmp_path / "masks"
    paint(folder / "video-00004", "00000.png", frames[0])
    paint(folder / "video-00004", "00005.png", frames[5])
    (folder / "video-00004/00005.png").rename(folder / "video-00004/00005.PNG")
    (folder / "video-00004/._00005.png").write_bytes(b"what macOS puts beside a file")
    paint(folder / "nobody", "00000.png", frames[0])
    report = import_sources(store, [MaskFolder(folder)], ImportOptions()).sources[0]
    assert (report.rows, report.videos, report.matched_by, report.unmatched_names) == (
        4,
        1,
        "stem",
        ["nobody"],
    )
    for row in store.rows("FROM masks ORDER BY frame, object"):
        mask = decode_runs(row["runs"], row["mask_height"], row["mask_width"])
        assert np.array_equal(mask, frames[row["frame"]] == row["object"])
    for name, number, bits in (("00000.png", 0, 2), ("00005.PNG", 5, 4)):
        (folder / "video-00004" / name).write_bytes(write_gray(frames[number], bits))
    import_sources(store, [MaskFolder(folder)], ImportOptions())
    assert {row["object"] for row in store.rows("FROM masks")} == {1, 2}
    forget(store, ["masks"])
    assert not store.rows("FROM masks")


def test_runs_are_those_of_coco():
    mask = np.array([[1, 0], [1, 1]], bool)
    assert encode_runs(mask) == [0, 2, 1, 1]
    assert encode_runs(np.zeros((2, 2), bool)) == [4]


def video_frames(store, number: int) -> int:
    (row,) = store.rows("SELECT frames FROM videos WHERE name = ?", [VIDEO.format(number)])
    return row["frames"]


def test_bad_masks_are_refused_with_their_file(store, tmp_path):
    square, wide = np.ones((48, 48)), np.ones((48, 64))
    cases = [
        (
            "video-00004/00000.png",
            square,
            r"48 x 48 pixels do not have the shape of the video, 320 x 240",
        ),
        (
            "video-00004/00999.png",
            wide,
            r"frame 999 is not one of the video's, 0 to \d+: these masks may be of another video",
        ),
        (
            f"video-00004/{video_frames(store, 4):05d}.png",
            wide,
            r"frame \d+ is not one of the video's, 0 to \d+: pass --first-frame 1",
        ),
        ("video-00004/last.png", wide, "does not end in the number of a frame"),
    ]
    for number, (name, objects, why) in enumerate(cases):
        folder = tmp_path / str(number)
        paint(folder / name.split("/")[0], name.split("/")[1], objects)
        with pytest.raises(AnnotationError, match=why):
            import_sources(store, [MaskFolder(folder)], ImportOptions())
    folder = tmp_path / "color" / "video-00004"
    folder.mkdir(parents=True)
    Image.new("RGB", (64, 48)).save(folder / "00000.png")
    with pytest.raises(AnnotationError, match="is a picture of mode RGB, not of object numbers"):
        import_sources(store, [MaskFolder(folder.parent)], ImportOptions())
    (folder / "00000.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(AnnotationError, match="cannot be read as a PNG"):
        import_sources(store, [MaskFolder(folder.parent)], ImportOptions())
