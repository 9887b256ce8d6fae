"""The address at which `tubelet demo` opens: the Video page at a patch, with its introduction. Imports no Streamlit."""

from urllib.parse import urlencode

from tubelet.dashboard.parameters import CLIP, ENCODER, PATCHES, SLICE, TOUR, VIDEO, VIDEO_PAGE
from tubelet.latent.highlight import Highlight


def tour_address(found: Highlight) -> str:
    clip = found.clip
    parameters = {
        ENCODER: clip.encoder_id,
        VIDEO: clip.video_id,
        CLIP: clip.clip_id,
        SLICE: str(found.patch[0]),
        PATCHES: found.marked.name,
        TOUR: "1",
    }
    return f"{VIDEO_PAGE}?{urlencode(parameters)}"
