"""Which clip an export is about: one by its id, or the first regular window of a video."""

from collections.abc import Sequence
from dataclasses import dataclass

from tubelet.latent.errors import LatentError
from tubelet.latent.marks import MOST, MarkedPatches, Patch
from tubelet.store import Store
from tubelet.store.encoder_names import find_encoder
from tubelet.store.options import option
from tubelet.store.questions import clips
from tubelet.store.rows import ClipRow, NamedClip

VIDEO = """SELECT video_id, name FROM videos WHERE video_id = $video OR name = $video ORDER BY video_id = $video DESC, video_id"""
ENCODERS = "SELECT DISTINCT encoder_id FROM clips WHERE video_id = $video ORDER BY encoder_id"


@dataclass(frozen=True, kw_only=True)
class ClipChoice:
    """A clip by its id, or a video by its name or id, and the encoder where several encoded it."""

    clip: str | None = option(None, help="A clip.", metavar="CLIP_ID")
    video: str | None = option(None, help="A video: its first window.", metavar="NAME|ID")
    encoder: str | None = option(
        None,
        help="Name or id of an encoder of the store.",
        metavar="NAME|ID",
        unset="the only one that encoded the video",
    )


def choose_clip(store: Store, choice: ClipChoice) -> NamedClip:
    """The `clips` row that is meant, with its video's name as `video_name`. Raises TubeletError where there is none, or more than one."""
    if bool(choice.clip) == bool(choice.video):
        raise LatentError("pass either --clip or --video")
    found = clips.clip_of_video(choice.clip or _first_clip(store, choice)).answer(store).to_pylist()
    if not found:
        raise LatentError(
            f'{store.name} holds no clip {choice.clip}: list them with `tubelet sql "FROM clips" --store {store.shell_name}`'
        )
    if (
        choice.clip
        and choice.encoder
        and find_encoder(store, choice.encoder) != found[0]["encoder_id"]
    ):
        raise LatentError(
            f"clip {choice.clip} was encoded by {found[0]['encoder_id']}: leave --encoder out, or choose another clip"
        )
    return NamedClip.of(found[0])


def _first_clip(store: Store, choice: ClipChoice) -> str:
    videos = store.rows(VIDEO, {"video": choice.video})
    if not videos:
        raise LatentError(
            f'{store.name} holds no video {choice.video}: list them with `tubelet sql "FROM videos" --store {store.shell_name}`'
        )
    if len(videos) > 1 and videos[0]["video_id"] != choice.video:
        raise LatentError(
            f"{len(videos)} videos are called {choice.video}: name one by its id: {', '.join(row['video_id'] for row in videos)}"
        )
    video_id = videos[0]["video_id"]
    encoders = (
        [find_encoder(store, choice.encoder)]
        if choice.encoder
        else [row["encoder_id"] for row in store.rows(ENCODERS, {"video": video_id})]
    )
    if len(encoders) > 1:
        raise LatentError(
            f"{len(encoders)} encoders encoded {choice.video}: name one with --encoder: {', '.join(encoders)}"
        )
    cuts = clips.timelines(video_id, encoders[0]).answer(store).to_pylist() if encoders else []
    if not cuts:
        raise LatentError(
            f"{choice.video} has no clips{' of ' + encoders[0] if encoders else ''}: ingest it first"
        )
    return cuts[0]["first_clip"]


def mark_patches(
    clip: ClipRow, patches: Sequence[Patch], background: Sequence[Patch] = ()
) -> MarkedPatches:
    """Marks on a `clips` row. Raises LatentError for a patch outside its grid."""
    shape = clip["slices"], clip["grid_height"], clip["grid_width"]
    for patch in (*patches, *background):
        if not all(0 <= number < side for number, side in zip(patch, shape)):
            raise LatentError(
                f"patch {'.'.join(map(str, patch))} lies outside the clip's grid of {' x '.join(map(str, shape))} (slice, y, x; from 0)"
            )
    if max(len(patches), len(background)) > MOST:
        raise LatentError(f"more than {MOST} patches are marked: name fewer")
    return MarkedPatches(clip["clip_id"], tuple(patches), tuple(background))
