"""What `tubelet export` writes, as functions of a store: each returns a sentence about the file.

export_track(store, ClipChoice(video="cat.mp4"), Marks(patches=((0, 4, 7),)), Path("cat.csv"))
export_mask(store, ClipChoice(clip=CLIP), Marks(patches=..., background=...), Path("masks"), whole_video=True)
export_colors(store, ClipChoice(clip=CLIP), "corpus", Path("colors.npy"))
export_mp4(store, ClipChoice(clip=CLIP), VideoRequest(drawing=DrawingOptions(view="over", over="heat"), marks=...), Path("heat.mp4"))
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tubelet.latent.colorings import Coloring
from tubelet.latent.errors import LatentError
from tubelet.latent.exports import drawing, mask_files, mask_video, propagation, tracks
from tubelet.latent.exports.choice import ClipChoice, choose_clip, mark_patches
from tubelet.latent.exports.drawing import HEAT, MASK, DrawingOptions
from tubelet.latent.marks import MarkedPatches, Patch
from tubelet.latent.workspace import Workspace
from tubelet.store import Store
from tubelet.store.disk import outputs
from tubelet.store.questions import corpus
from tubelet.store.rows import ClipRow, VideoRow, list_fed_frames
from tubelet.store.sandbox.formats import encode
from tubelet.store.wording import count

VIDEO, COLORS, TRACK, MASKS = (
    (".mp4",),
    (".npy",),
    (".csv", ".parquet"),
    (".npz", ".mp4", ".zip", ""),
)  # extensions; "" is a folder


@dataclass(frozen=True, kw_only=True)
class Marks:
    """Patches ``(slice, y, x)`` of the clip, from 0: those that are meant, and background to them."""

    patches: tuple[Patch, ...] = ()
    background: tuple[Patch, ...] = ()

    def on(self, clip: ClipRow) -> MarkedPatches:
        """Raises LatentError for one outside the grid of a `clips` row."""
        return mark_patches(clip, self.patches, self.background)

    def require(self, background: bool = False) -> None:
        """Raises LatentError where none is marked."""
        if not self.patches or (background and not self.background):
            missing = [
                *(["the object with --patch SLICE.Y.X"] if not self.patches else []),
                *(
                    ["the background with --background SLICE.Y.X"]
                    if background and not self.background
                    else []
                ),
            ]
            places = " and of ".join(missing)
            marked = (
                "no patch"
                if len(missing) > 1 or not background
                else f"no patch of {missing[0].partition(' with ')[0]}"
            )
            raise LatentError(f"{marked} is marked: mark one or more of {places}")


@dataclass(frozen=True, kw_only=True)
class VideoRequest:
    """An MP4: how it is drawn, by which colors, and of which marks; of the window alone, or of the whole video."""

    drawing: DrawingOptions = field(default_factory=DrawingOptions)
    coloring: str = "corpus"
    marks: Marks = Marks()
    whole_video: bool = False


def export_mp4(store: Store, choice: ClipChoice, asked: VideoRequest, output: Path) -> str:
    """The video with its heat, mask or colors as an MP4. Raises TubeletError."""
    _require_ending(output, VIDEO)
    if asked.drawing.over in (HEAT, MASK):
        asked.marks.require(background=asked.drawing.over == MASK)
    clip, workspace = choose_clip(store, choice), Workspace(store)
    how = _fill_drawing(workspace, clip, asked)
    write = drawing.write_whole_video if asked.whole_video else drawing.write_window
    frames = outputs.write_file(output, lambda sink: write(workspace, clip, how, sink))
    return f"{output}: {count(frames, 'frame')} of {clip['video_name']}, {_where(clip, asked.whole_video)}"


def _fill_drawing(workspace: Workspace, clip: ClipRow, asked: VideoRequest) -> DrawingOptions:
    """Basis and marks, where they are needed."""
    marked, over = asked.marks.on(clip), asked.drawing.over
    colored = asked.drawing.view == drawing.BESIDE or over in (None, drawing.COLORS)
    if colored and clip["embedding_path"] is None:
        raise LatentError(
            f"clip {clip['clip_id']} was kept without embeddings, so that there are no colors: ingest its video again with `--keep embeddings`"
        )
    basis = workspace.basis(clip["encoder_id"], Coloring.parse(asked.coloring)) if colored else None
    drawn = replace(asked.drawing, basis=basis)
    if over == HEAT:
        return replace(drawn, patches=marked)
    return replace(drawn, segment=marked) if over == MASK else drawn


def export_colors(store: Store, choice: ClipChoice, coloring: str, output: Path) -> str:
    """Colors of a clip's tokens as .npy, uint8 ``(slices, rows, columns, 3)``. Raises TubeletError."""
    _require_ending(output, COLORS)
    parsed, clip, workspace = Coloring.parse(coloring), choose_clip(store, choice), Workspace(store)
    colors = workspace.clip_colors(clip["clip_id"], workspace.basis(clip["encoder_id"], parsed))
    with outputs.open_whole(output) as sink:
        np.save(sink, colors)
    return f"{output}: {' x '.join(map(str, colors.shape[:3]))} tokens (slices, rows, columns) of {clip['video_name']}, {_where(clip, False)}"


def export_track(
    store: Store, choice: ClipChoice, marks: Marks, output: Path, whole_video: bool = False
) -> str:
    """Marked patches followed through the window, or through all windows of the video, as .csv or .parquet. Raises TubeletError."""
    _require_ending(output, TRACK)
    marks.require()
    clip, workspace = choose_clip(store, choice), Workspace(store)
    marked = marks.on(clip)
    if whole_video:
        table = tracks.tabulate_video(workspace, clip, marked)
    else:
        table = tracks.tabulate_window(store, clip, workspace.track(clip["clip_id"], marked))
    outputs.write_file(output, lambda sink: sink.write(encode(table, output.suffix[1:].lower())))
    found = table.num_rows - sum(table["lost"].to_pylist())
    return f"{output}: found in {found:,} of {count(table.num_rows, 'frame')} of {clip['video_name']}, {_where(clip, whole_video)}{_untold(store, clip, table.num_rows, whole_video)}"


def export_mask(
    store: Store, choice: ClipChoice, marks: Marks, output: Path, whole_video: bool = False
) -> str:
    """What spreads from marked patches: .mp4, or PNG files in a folder or a .zip, in the source's pixels; .npz of one window. Raises TubeletError."""
    ending = _require_ending(output, MASKS)
    marks.require(background=True)
    if whole_video and ending == ".npz":
        raise LatentError(
            f"{output} would hold one window: write the mask of a whole video to FILE.mp4, to FILE.zip, or to a folder of PNG files"
        )
    clip, workspace = choose_clip(store, choice), Workspace(store)
    marked = marks.on(clip)
    video = VideoRow.of(corpus.video(clip.video_id).answer(store).to_pylist()[0])
    if ending == ".npz":
        data = mask_files.write_mask(clip, workspace.segment(marked), marked, mask_files.ALL)
        outputs.write_file(output, lambda sink: sink.write(data))
        return f"{output}: {count(clip['slices'], 'slice')} of {clip['video_name']}, {_where(clip, False)}"
    scored = (
        propagation.segment_video(workspace, clip, marked)
        if whole_video
        else mask_video.score_window(video, clip, workspace.segment(marked).scores)
    )
    told = _Counted(scored)
    frames = _write_masks(video, clip, told, output, whole_video)
    return f"{output}: {count(frames, 'frame')} of {clip['video_name']}, {_where(clip, whole_video)}{_untold(store, clip, told.frames, whole_video)}"


def _write_masks(
    video: VideoRow, clip: ClipRow, scored: Iterable, output: Path, whole_video: bool
) -> int:
    if not output.suffix:
        return mask_video.write_sequence(video, scored, output)
    if output.suffix.lower() == ".zip":
        return outputs.write_file(
            output, lambda sink: mask_video.write_archive(video, scored, sink)
        )
    last = list_fed_frames(clip)[-1] + clip.step
    frames = (
        range(video["frames"])
        if whole_video
        else range(clip["first_frame"], min(last, video["frames"]))
    )
    return outputs.write_file(
        output, lambda sink: mask_video.write_mask_video(video, scored, sink, frames)
    )


class _Counted:
    """Parts that pass by, and how many frames they tell."""

    def __init__(self, scored: Iterable) -> None:
        self._scored, self.frames = scored, 0

    def __iter__(self) -> Iterator:
        for part, scores in self._scored:
            self.frames += len(part.frames)
            yield part, scores


def _untold(store: Store, clip: ClipRow, told: int, whole_video: bool) -> str:
    """How many frames no window covers, if any."""
    missed = (
        store.rows("SELECT frames FROM videos WHERE video_id = ?", [clip["video_id"]])[0]["frames"]
        - told
        if whole_video
        else 0
    )
    return f"; {count(missed, 'frame lies', 'frames lie')} in no window" if missed > 0 else ""


def _where(clip: ClipRow, whole_video: bool) -> str:
    return (
        "all of its windows"
        if whole_video
        else f"clip {clip['clip_id']} from frame {clip['first_frame']}"
    )


def _require_ending(output: Path, endings: tuple[str, ...]) -> str:
    """The extension of a file, in lower case. Raises LatentError for one that cannot be written."""
    found = output.suffix.lower()
    if found not in endings:
        named = [
            f"FILE{ending}" if ending else "a folder for PNG files (no extension)"
            for ending in endings
        ]
        raise LatentError(f"{output} ends in {found or 'nothing'}: name {' or '.join(named)}")
    return found
