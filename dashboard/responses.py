"""What answers of routes share: their headers, a file to save, and the clip and marks that an address names."""

from starlette.requests import Request
from starlette.responses import Response

from tubelet.dashboard import caching
from tubelet.dashboard.access import SANDBOX
from tubelet.dashboard.components import modules
from tubelet.latent.exports import names
from tubelet.latent.marks import MarkedPatches
from tubelet.store import Store, StoreError
from tubelet.store.questions import clips
from tubelet.store.rows import NamedClip
from tubelet.store.sandbox import formats

PRIVATE = {  # other sites may not embed them, and what is opened by itself may do nothing: the bytes are those of files
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": SANDBOX,
}
PRIVATE |= {
    "Tubelet-Modules": modules.VERSION
}  # a component of another version draws nothing of this
TABLES = {"csv": formats.csv, "parquet": formats.parquet}
REVALIDATED = PRIVATE | {"Cache-Control": "private, no-cache"}
FOR_GOOD = PRIVATE | {
    "Cache-Control": "private, max-age=31536000, immutable"
}  # its address says what it holds
AS_IT_IS = {"Content-Encoding": "identity"}  # gzip takes 0.2 s of 300,000 points and saves 5%


def parse_marks(request: Request) -> MarkedPatches:
    return MarkedPatches.parse(request.path_params["marked"])


def send_bytes(data: bytes) -> Response:
    return Response(data, media_type="application/octet-stream", headers=REVALIDATED)


def send_file(data: bytes, name: str) -> Response:
    """To be saved, not shown."""
    return Response(
        data, media_type="application/octet-stream", headers=REVALIDATED | attachment(name)
    )


def name_file(clip: NamedClip, content: str) -> str:
    return names.name_window_file(clip.video_name, clip, content)


def attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": names.disposition(name)}


def find_clip(store: Store, clip_id: str) -> NamedClip:
    found = caching.rows(store, clips.clip_of_video(clip_id))
    if not found:
        raise StoreError("the store holds no such clip")
    return NamedClip.of(found[0])
