"""Time: moments are the same in every zone, and durations come from time stamps."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type

from tests.ingest.test_ingest import run
from tests.stores import START, synthetic_store
from tubelet.media.color import Color
from tubelet.media.video import Timeline, open_video
from tubelet.store import Store
from tubelet.store.sandbox import formats, printed_answers
from tubelet.store.sandbox.untrusted import Limits, ask
from tubelet.store.schema import MOMENT, RELATIONS


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    made = synthetic_store(tmp_path / "store", videos=1)
    yield made
    made.close()


def test_an_age_in_sql_is_right_whatever_zone_the_machine_is_in(store):
    expected = datetime.now(UTC) - START.replace(tzinfo=UTC)
    answer = ask(
        store,
        "SELECT epoch(now() - added_at) AS age FROM videos",
        Limits(rows=None, seconds=60, memory="1GB"),
    )
    (age,) = answer.table["age"].to_pylist()
    assert abs(timedelta(seconds=age) - expected) < timedelta(minutes=5)
    shown = ask(
        store,
        "SELECT added_at, added_at::VARCHAR AS text FROM videos",
        Limits(rows=None, seconds=60, memory="1GB"),
    )
    assert shown.table["text"].to_pylist() == ["2026-11-01 12:00:00+00"]
    assert b"2026-11-01 12:00:00.000000Z" in formats.csv(
        shown.table
    ) and b"12:00:00+00:00" in formats.json(shown.table)
    assert "12:00:00+00" in printed_answers._whole(shown.table)


def test_every_moment_of_the_schema_carries_its_zone(store):
    for table in RELATIONS.values():
        for column in (column for column in table.columns if column.type == MOMENT):
            field = store.query(
                f"SELECT {table.name}.{column.name} FROM {table.name}"
            ).schema.field(0)
            assert field.type.tz in ("UTC", "Etc/UTC"), f"{table.name}.{column.name}"


def uneven_video(path: Path, milliseconds: list[int]) -> Path:
    """A video whose frames are shown for so long each."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264" if path.suffix == ".mp4" else "mpeg4", rate=25, options={"bf": "0"}
        )
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        at, lengths, packets = 0, {}, []
        for number, length in enumerate(milliseconds):
            frame = av.VideoFrame.from_ndarray(
                np.full((64, 64, 3), 20 * (number % 10), np.uint8), format="rgb24"
            )
            frame.pts, frame.time_base, frame.duration = at, Fraction(1, 1000), length
            lengths[at] = length
            at += length
            packets += stream.encode(frame)
        for packet in [*packets, *stream.encode(None)]:
            packet.duration = lengths[packet.pts]
            container.mux(packet)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_durations_and_stop_times_are_those_of_the_time_stamps(suffix, tmp_path):
    lengths = [40] * 8 + [250] * 4 + [40] * 3 + [40 if suffix == ".mkv" else 1440]
    path = uneven_video(tmp_path / f"uneven{suffix}", lengths)
    timeline, stops = Timeline(), []
    with open_video(path) as video:
        for frame in video.frames():
            timeline.add(frame)
            stops.append(frame.stop_s)
    ends = [sum(lengths[: number + 1]) / 1000 for number in range(len(lengths))]
    assert stops[:-1] == pytest.approx(ends[:-1], abs=2e-3)
    assert suffix == ".mkv" or timeline.stop_s == pytest.approx(sum(lengths) / 1000, abs=2e-3)
    run([path], tmp_path / "store")
    store = Store(tmp_path / "store")
    clips = store.rows("SELECT first_frame, start_s, stop_s FROM clips ORDER BY first_frame")
    assert [clip["stop_s"] for clip in clips[:-1]] == pytest.approx(
        [ends[3], ends[7], ends[11]], abs=2e-3
    )
    store.close()


def test_a_raw_dv_file_has_the_rate_of_its_frames_not_of_its_clock(tmp_path):
    path = tmp_path / "camera.dv"
    with av.open(str(path), "w", format="dv") as container:
        stream = container.add_stream("dvvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        for number in range(9):
            container.mux(
                stream.encode(
                    av.VideoFrame.from_ndarray(
                        np.full((576, 720, 3), 9 * number, np.uint8), format="rgb24"
                    )
                )
            )
        container.mux(stream.encode(None))
    run([path], tmp_path / "store")
    store = Store(tmp_path / "store")
    (row,) = store.rows("SELECT fps, duration_s FROM videos")
    assert row == {"fps": 25.0, "duration_s": pytest.approx(9 / 25)}
    store.close()


def test_what_a_file_says_of_its_colors_is_in_the_store_and_hdr_is_told(tmp_path):
    path = tmp_path / "hdr.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx265",
            rate=25,
            options={
                "x265-params": "log-level=0:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
            },
        )
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
        for number in range(5):
            container.mux(
                stream.encode(
                    av.VideoFrame.from_ndarray(
                        np.full((64, 64, 3), 40 * number, np.uint8), format="rgb24"
                    ).reformat(format="yuv420p10le")
                )
            )
        container.mux(stream.encode(None))
    summary = run([path], tmp_path / "store")
    assert summary.hdr_videos == 1 and any(
        "without tone mapping" in line for line in summary.lines()
    )
    store = Store(tmp_path / "store")
    assert store.rows("SELECT transfer, primaries, bit_depth FROM videos") == [
        {"transfer": "smpte2084", "primaries": "bt2020", "bit_depth": 10}
    ]
    store.close()


class Carried(set):
    """Side data that a frame carries; as PyAV's, it can be told of another frame."""

    def __init__(self, told):
        if isinstance(told, list):
            super().__init__(told)


@pytest.mark.parametrize(
    ("transfer", "brought", "told"),
    [(2, [Type.DOVI_METADATA], "dolby-vision"), (18, [Type.DOVI_METADATA], "arib-std-b67"), (2, [], None)],
)  # fmt: skip
def test_pictures_that_only_dolby_vision_explains_are_hdr(transfer, brought, told):
    """Profile 5 names no transfer. There is no encoder of it here, so what FFmpeg says of such a frame is written down."""
    part = SimpleNamespace(bits=10)
    frame = SimpleNamespace(
        color_trc=transfer, color_primaries=9, format=SimpleNamespace(components=[part]), side_data=Carried(brought)
    )  # fmt: skip
    color = Color.of(frame)
    assert (color.transfer, color.hdr) == (told, told is not None)
