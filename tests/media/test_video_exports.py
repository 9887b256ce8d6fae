"""Films of a window: every frame shows its own number, and beside it, or over it, what belongs to its slice."""

import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from tests.numbered import (
    HEIGHT,
    LEFT,
    PATCHES,
    SIDE,
    WIDTH,
    WINDOW,
    film,
    ingest,
    number_in,
    numbered_video,
)
from tubelet.dashboard.video import films
from tubelet.latent import colorings
from tubelet.latent.colorings import Coloring
from tubelet.latent.exports.drawing import write_window
from tubelet.latent.layers import EDGE, HEAT, MASK
from tubelet.latent.workspace import Workspace
from tubelet.media import overlay
from tubelet.media.overlay import Drawing, WindowScene
from tubelet.store import Store, StoreError, TubeletError
from tubelet.store.rows import ClipRow, VideoRow

FPS, HOP = 25, 72  # the second window begins at 2.88 s, so that it is sought
CORNER = 10  # pixels: inside patch (0, 0)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A long numbered video, one cut with a step of two frames, one that no browser plays, and one that is gone."""
    folder = tmp_path_factory.mktemp("exports")
    for name, frames, step, codec in (
        ("long.mp4", 90, 1, "libx264"),
        ("step.mp4", 41, 2, "libx264"),
        ("old.mpg", 91, 1, "mpeg1video"),
        ("gone.mp4", 20, 1, "libx264"),
    ):
        numbered_video(folder / name[:3] / name, frames, codec, FPS, g="12")
        ingest(folder / name[:3], folder / "store", step=step, hop=HOP)
    (folder / "gon" / "gone.mp4").unlink()
    made = Store(folder / "store")
    yield made
    made.close()


def scene(store: Store, name: str, number: int = 0) -> WindowScene:
    (video,) = map(VideoRow.of, store.rows("SELECT * FROM videos WHERE name = ?", [name]))
    clips = store.rows(
        "SELECT * FROM clips WHERE video_id = ? ORDER BY first_frame", [video.video_id]
    )
    return WindowScene.of(store, video, ClipRow.of(clips[number]))


def painted(store: Store, shown: WindowScene) -> np.ndarray:
    basis = colorings.fit_basis(store, shown.clip.encoder_id, Coloring("dimensions", "0.1.2"))
    return colorings.color_clip(store, shown.clip.clip_id, basis)


def slices(shown: WindowScene) -> dict[int, int]:
    """Slice of each frame, by walking through the frames that were fed: two make a slice, and those passed over belong to the one before."""
    first, step = shown.clip.first_frame, shown.clip.step
    found = {
        first + k * step + over: k // 2
        for k in range(shown.clip.frame_count)
        for over in range(step)
    }
    return {frame: number for frame, number in found.items() if frame < shown.video.frames}


@pytest.mark.parametrize(
    ("name", "number"), [("long.mp4", 0), ("long.mp4", 1), ("step.mp4", 0), ("old.mpg", 1)]
)
def test_side_by_side_every_frame_stands_beside_the_colors_of_its_slice(
    store: Store, name: str, number: int
) -> None:
    shown = scene(store, name, number)
    sink = io.BytesIO()
    expected = slices(shown)
    assert (
        overlay.write_video(shown, Drawing(beside=painted(store, shown).__getitem__), sink)
        == len(expected)
        == len(shown.frames)
    )
    sink.seek(0)
    frames, rate = film(sink)
    assert (
        rate == FPS
        and len(frames) == len(expected)
        and frames[0].shape == (HEIGHT, WIDTH + 8 + HEIGHT, 3)
    )
    assert [number_in(frame[:, LEFT : LEFT + HEIGHT]) for frame in frames] == list(expected)
    assert all((frame[:, WIDTH + 1 : WIDTH + 7] > 200).all() for frame in frames), (
        "a white gap is between them"
    )
    step = shown.clip.step
    tokens = [
        number_in(frame[:, WIDTH + 8 :], step) for frame in frames
    ]  # a slice shows what its two frames have in common
    assert tokens == [shown.clip.first_frame // (2 * step) + slice_ for slice_ in expected.values()]


def test_what_lies_over_the_frame_lies_where_the_encoder_looked_and_as_faint_as_asked(
    store: Store,
) -> None:
    """Of slice 5 alone, one patch turns blue; the others keep the video's pixels."""
    shown = scene(store, "long.mp4")
    over = np.zeros((8, PATCHES, PATCHES, 4), np.uint8)
    over[5, 2, 5] = (0, 0, 255, 255)
    plain = list(overlay.draw_frames(shown, Drawing()))
    for opacity in (1.0, 0.5):
        frames = list(overlay.draw_frames(shown, Drawing(over.__getitem__, opacity=opacity)))
        changed = [
            np.flatnonzero((frame != bare).any(axis=2)) for frame, bare in zip(frames, plain)
        ]
        assert [n for n, places in enumerate(changed) if len(places)] == [10, 11]
        y, x = np.unravel_index(changed[10], (HEIGHT, WIDTH))
        assert (y.min(), x.min()) == pytest.approx((2 * HEIGHT / 6, LEFT + 5 * HEIGHT / 6), abs=1)
        assert (y.max() + 1, x.max() + 1) == pytest.approx((3 * HEIGHT / 6, LEFT + HEIGHT), abs=1)
        mixed = (1 - opacity) * plain[10][y, x].astype(float) + opacity * np.array([0, 0, 255])
        assert np.abs(frames[10][y, x] - mixed).max() <= 2
    smooth = list(overlay.draw_frames(shown, Drawing(over.__getitem__, smooth=True)))[10]
    assert len(np.unique(smooth[2 * HEIGHT // 6 + 10, LEFT + HEIGHT // 2 :, 2])) > 10, (
        "patches blend"
    )


def test_slice_pictures_stand_in_for_a_file_that_is_gone(store: Store) -> None:
    shown = scene(store, "gone.mp4")
    frames = list(overlay.draw_frames(shown, Drawing(beside=painted(store, shown).__getitem__)))
    assert [number_in(frame[:, :SIDE]) for frame in frames] == [n // 2 * 2 for n in range(WINDOW)]
    assert [number_in(frame[:, SIDE + 8 :], 1) for frame in frames] == [
        n // 2 for n in range(WINDOW)
    ]


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [
        (1080, 1920, (720, 1280)),
        (2160, 1080, (720, 360)),
        (97, 131, (96, 132)),
        (1, 1, (2, 2)),
        (100, 4000, (32, 1280)),
    ],
)
def test_frames_are_bounded_and_their_sides_even(
    store: Store, height: int, width: int, size: tuple[int, int]
) -> None:
    shown = scene(store, "long.mp4")
    assert replace(shown, video=replace(shown.video, height=height, width=width)).size == size


def test_windows_of_one_slice_and_grids_of_one_patch_are_drawn(store: Store) -> None:
    shown = scene(store, "long.mp4")
    single = replace(
        shown, clip=replace(shown.clip, slices=1, frame_count=2, grid_height=1, grid_width=1)
    )
    frames = list(
        overlay.draw_frames(
            single,
            Drawing(
                lambda _: np.full((1, 1, 4), 255, np.uint8),
                lambda _: np.zeros((1, 1, 3), np.uint8),
                smooth=True,
            ),
        )
    )
    assert (
        len(frames) == 2
        and (frames[1][:, LEFT : LEFT + HEIGHT] == 255).all()
        and (frames[1][:, WIDTH + 8 :] == 0).all()
    )


def test_a_window_without_end_and_an_opacity_beyond_one_are_refused(store: Store) -> None:
    shown = scene(store, "long.mp4")
    with pytest.raises(StoreError, match="fewer --frames"):
        WindowScene.of(
            store, replace(shown.video, frames=9999), replace(shown.clip, frame_count=5000)
        )
    for opacity in (1.1, float("nan")):
        with pytest.raises(StoreError, match="from 0 to 1"):
            Drawing(opacity=opacity)


def made(store: Store, shown: WindowScene, **asked: str) -> list[np.ndarray]:
    """The frames of the window's MP4, drawn as the address of its route asks."""
    sink = io.BytesIO()
    write_window(Workspace(store), shown.clip, films.parse_drawing(store, shown.clip, asked), sink)
    sink.seek(0)
    return film(sink)[0]


def test_heat_mask_or_colors_are_drawn_over_the_frame_as_asked(store: Store) -> None:
    """The red corner is the query and the foreground: it turns orange, or blue with a white edge; the number stays readable."""
    shown = scene(store, "long.mp4", 1)
    clip, first = shown.clip.clip_id, shown.clip.first_frame
    corner = lambda frame: frame[CORNER, LEFT + CORNER].astype(int)  # noqa: E731
    for asked, color in (
        ({"over": "heat", "patches": f"{clip}-0.0.0"}, HEAT),
        ({"over": "mask", "segment": f"{clip}-0.0.0~3.4.4"}, MASK),
    ):
        frames = made(store, shown, view="over", opacity="1", **asked)
        assert frames[0].shape == (HEIGHT, WIDTH, 3) and [
            number_in(frame[:, LEFT : LEFT + HEIGHT]) for frame in frames
        ] == list(range(first, first + WINDOW))
        assert all(np.abs(corner(frame) - color).max() < 30 for frame in frames), asked
    edge = [frame[CORNER, LEFT + HEIGHT // 6 - 2].astype(int) for frame in frames]
    assert all(np.abs(pixel - EDGE).max() < 70 for pixel in edge)
    basis = colorings.fit_basis(store, shown.clip.encoder_id, Coloring("dimensions", "0.1.2"))
    frames = made(
        store,
        shown,
        view="over",
        over="colors",
        colors=f"colors/dimensions-0.1.2/{basis.basis_id}",
        opacity="1",
    )
    assert [number_in(frame[:, LEFT : LEFT + HEIGHT], 1) for frame in frames] == [
        (first + n) // 2 for n in range(WINDOW)
    ]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"opacity": "much"}, "from 0 to 1"),
        ({"opacity": "2"}, "from 0 to 1"),
        ({"over": "heat"}, "no patch of this store is marked"),
        ({"over": "mask", "segment": "00ff-0.0.0~0.1.1"}, "no patch of this store is marked"),
        ({"over": "mask", "segment": "{other}-0.0.0~0.1.1"}, "the marks belong to another window"),
        ({"colors": "colors/dimensions-0.1.2/0123"}, "reload the page"),
    ],
)
def test_a_film_that_cannot_be_drawn_is_a_sentence(
    store: Store, asked: dict[str, str], words: str
) -> None:
    other = scene(store, "step.mp4").clip["clip_id"]
    with pytest.raises(TubeletError, match=words):
        made(
            store,
            scene(store, "long.mp4"),
            **{name: value.format(other=other) for name, value in asked.items()},
        )
