"""What was cut out by foreground and background marks: how much of the window it is, its files, and how it fits an uploaded mask."""

import numpy as np
import streamlit as st

from tubelet.dashboard import caching, downloads, units
from tubelet.dashboard.sql_link import sql_behind
from tubelet.dashboard.video import place
from tubelet.latent import masks, questions
from tubelet.latent.marks import MarkedPatches, number_tokens
from tubelet.latent.mask_objects import MaskObjects
from tubelet.latent.masks import Agreement
from tubelet.latent.segmentation import Segmentation
from tubelet.reports.literal import Markdown, literal_sentence
from tubelet.store import Store, StoreError, TubeletError
from tubelet.store.questions import clips
from tubelet.store.rows import ClipRow
from tubelet.store.schema import PARTNER

LARGEST = 100  # MB of an uploaded mask
ALL_OBJECTS = "all objects"
WHOLE = (
    "In pixels of the source, computed on the click. From window to window the mask passes by patches that are each other's most similar one, "
    "and by marks that are followed there; of overlapping windows the one whose middle is nearest tells a frame."
)


def show(store: Store, clip: ClipRow, segment: MarkedPatches) -> None:
    """`clip`: the one that the marks belong to."""
    if not segment.patches and not segment.background:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Which patches are foreground?", anchor="segmentation", width="content")
        _show_behind(clip, segment)
    if not segment.patches or not segment.background:
        st.markdown(
            f"{_marks(segment)} Mark some {'background' if segment.patches else 'foreground'} too: the mask spreads from both."
        )
        return
    try:
        with st.spinner("Connecting tokens to their neighbors", show_time=True):
            found = caching.workspace(store).segment(segment)
    except TubeletError as error:
        st.warning(f"Segmentation failed: {literal_sentence(error)}", icon=":material/content_cut:")
        return
    st.markdown(f"{sentence(found)} {_marks(segment)}")
    shown = _find_slice(clip, segment)
    _offer_files(store, clip, segment, shown)
    _show_comparison(store, clip, found, shown)


def sentence(found: Segmentation) -> Markdown:
    """How many patches, in how many slices."""
    mask = found.mask()
    inside, slices = int(np.count_nonzero(mask)), int(np.count_nonzero(mask.any(axis=(1, 2))))
    share = f"**{units.number(inside)} of {units.count(mask.size, 'patch', 'patches')}** ({inside / mask.size:.1%})"
    return f"{share} are foreground, in {slices:d} of {units.count(len(mask), 'slice')} of this window."


def describe_agreement(agreement: Agreement, shown: int) -> Markdown:
    """How well the masks fit, and where least."""
    at = "pixels of the encoder input" if agreement.pixels else "patches"
    if len(agreement.slices) == 1:
        return (
            f"Intersection over union in slice {shown}: **{agreement.overall:.3f}**, at the {at}."
        )
    worst = int(agreement.slices.argmin())
    least = f"least in slice {worst}: {agreement.slices[worst]:.3f}"
    return f"Intersection over union over all {len(agreement.slices)} slices: **{agreement.overall:.3f}**, at the {at}; {least}."


def _marks(segment: MarkedPatches) -> Markdown:
    slices = sorted({slice_ for slice_, _, _ in (*segment.patches, *segment.background)})
    where = f"slice{'s' * (len(slices) > 1)} {', '.join([f'{number:d}' for number in slices])}"
    return f"Marks: {len(segment.patches)} foreground, {len(segment.background)} background, on {where}."


def _find_slice(clip: ClipRow, segment: MarkedPatches) -> int:
    """The slice that files and comparisons of one slice are of: the player's, or the first mark's while it shows another window."""
    return (
        min(place.slice_(), clip.slices - 1)
        if place.clip_id() in ("", clip.clip_id)
        else segment.patches[0][0]
    )


def _show_behind(clip: ClipRow, segment: MarkedPatches) -> None:
    marked = number_tokens(clip, (*segment.patches, *segment.background))
    sql_behind(
        {
            "Marked patches": clips.patches(clip.clip_id, marked),
            "Tokens reached by the marks": questions.tokens(clip.clip_id),
        },
        "segment",
    )


def _offer_files(store: Store, clip: ClipRow, segment: MarkedPatches, shown: int) -> None:
    files = {f"Slice {shown} as PNG": f"slice-{shown}.png", "All slices as .npz": "mask.npz"}
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        downloads.offer(
            "Mask:", {label: f"mask/{segment.name}/{file}" for label, file in files.items()}
        )
        st.caption(
            f"{clip.crop_height:d} × {clip.crop_width:d} pixels per slice, at the encoder's input resolution. The array `about` in the .npz describes its contents.",
            width="content",
        )
    whole = {
        "MP4": f"mask/{segment.name}/whole.mp4",
        "PNG per frame (.zip)": f"mask/{segment.name}/whole.zip",
    }
    if clip.role != PARTNER and len(caching.rows(store, clips.windows(clip))) > 1:
        with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
            downloads.offer("Mask of the whole video:", whole)
            st.caption(WHOLE, width="content")


def _show_comparison(store: Store, clip: ClipRow, found: Segmentation, shown: int) -> None:
    with st.expander("Compare with your own mask", type="compact"):
        file = st.file_uploader(
            "A mask: .npz or .npy of slices × rows × columns, a PNG of the shown slice (DAVIS and YouTube-VOS included), or COCO's JSON",
            ["npz", "npy", "png", "json"],
            key="mask-brought",
            max_upload_size=LARGEST,
        )
        if file is None:
            return
        try:
            video = caching.find_video(store, clip.video_id)
            if video is None:
                raise StoreError("the video was removed from the store: choose another video")
            truth = masks.fit_to_clip(
                _choose_object(masks.read_objects(file.getvalue())), video, clip
            )
            fits = masks.agreement(found.scores, truth, (clip.crop_height, clip.crop_width), shown)
        except TubeletError as error:
            st.warning(
                f"Comparison failed: {literal_sentence(error)}", icon=":material/difference:"
            )
            return
        st.markdown(describe_agreement(fits, shown))


def _choose_object(found: MaskObjects) -> np.ndarray:
    """The pixels of the object that the reader chooses, where there are several; the first one at first."""
    if len(found.objects) < 2:
        return found.select()
    name = st.selectbox("Object", [*found.objects, ALL_OBJECTS], key="mask-object", width=200)
    return found.select(None if name == ALL_OBJECTS else name)
