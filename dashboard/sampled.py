"""What a browser fetches of the map of the corpus: the points of the sample, and where one of them comes from."""

from collections.abc import Mapping

from tubelet.dashboard import caching, latent_caching, units
from tubelet.latent import channels
from tubelet.latent.colorings import Coloring
from tubelet.latent import bases
from tubelet.latent.sample import Sample
from tubelet.store import Store, StoreError
from tubelet.store.placement import Sheet
from tubelet.store.rows import ClipRow

GROWN = "the corpus has grown since this page was opened: reload the page"


def points(store: Store, path: Mapping[str, str], show: str) -> bytes:
    """Points of the sample that `path` names, each channel as `show` says. Raises StoreError where it is another by now."""
    sample = _same(store, path)
    basis = latent_caching.basis(store, path["encoder"], Coloring.parse(path["coloring"]))
    if basis.basis_id != path["basis"]:
        raise StoreError(GROWN)
    kept = channels.clusterings(caching.rows(store, bases.list_bases(path["encoder"])))
    return latent_caching.sample_points(store, sample, basis, channels.parse(show, basis, list(kept)))


def token(store: Store, path: Mapping[str, str]) -> dict:
    """The sampled token of a number: clip, patch, in words where that is, and how to cut its picture from the sheet of its clip."""
    sample, number = _same(store, path), units.read(path["number"])
    if number is None or number >= len(sample):
        raise StoreError(f"the sample has tokens 0 to {len(sample) - 1}")
    clip_id, patch = sample.address(number)
    clip = caching.find_clip(store, clip_id)
    video = caching.find_video(store, clip.video_id) if clip else None
    if clip is None or video is None:
        raise StoreError(GROWN)
    seconds = clip.start_s + patch[0] / clip.slices * (clip.stop_s - clip.start_s)
    return sheet(store, clip) | {"patch": patch, "video": clip.video_id, "where": f"{video.name}, {seconds:.2f} s: "}


def sheet(store: Store, clip: ClipRow) -> dict:
    """What the browser has to know of a clip to cut the picture of a patch out of its sheet."""
    pictures = store.layout.pictures(clip.video_id, clip.clip_id).is_file()
    shape = {"slices": clip.slices, "h": clip.grid_height, "w": clip.grid_width, "tile": list(Sheet.of(clip).tile)}
    return {"id": clip.clip_id, "pictures": f"pictures/{clip.clip_id}" if pictures else None, **shape}


def _same(store: Store, path: Mapping[str, str]) -> Sample:
    """The encoder's sample, unless it is another than the path names: numbers would then mean other tokens."""
    sample = latent_caching.sample(store, path["encoder"])
    if sample.sample_id != path["sample"]:
        raise StoreError(GROWN)
    return sample
