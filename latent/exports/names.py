"""Names of files that say which video they are of, which frames, and what they hold: ``cat_frames-16-31_track.csv``."""

import re
import unicodedata
from urllib.parse import quote

from tubelet.store.rows import ClipRow, list_fed_frames

LONGEST = 80  # characters of a video's name that are kept
UNFIT = re.compile(r"[^\w.+-]+")  # for files of some system, or for a header


def name_window_file(video_name: str, clip: ClipRow, content: str) -> str:
    """The name of a file about the window of a `clips` row; `content` is what it holds, with its extension."""
    last = list_fed_frames(clip)[-1]
    return f"{name_video(video_name)}_frames-{clip['first_frame']}-{last}_{content}"


def name_video(video_name: str) -> str:
    """A video's name without its extension, with no character that a file system or a shell may trip over."""
    stem = re.sub(r"\.\w{1,5}$", "", unicodedata.normalize("NFC", video_name), flags=re.ASCII)
    return UNFIT.sub("-", stem).strip("-._")[:LONGEST] or "video"


def disposition(name: str) -> str:
    """The header by which a browser saves a file under a name, beyond ASCII included (RFC 6266)."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    extended = f"; filename*=UTF-8''{quote(name)}" if plain != name else ""
    return f'attachment; filename="{plain}"{extended}'
