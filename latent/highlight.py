"""The patch that a first look at a store should start from: chosen by what was encoded, so that every store has its own.

    found = find_highlight(workspace)
    found.clip.clip_id, found.patch                  # where the Video page opens

The encoder is the one whose layer suits segmentation, else the first with embeddings that is trained. The window is the one whose colors, as the page
draws them, differ most between the regions of a slice. Of its distinctive regions, that one is taken whose track is least
ambiguous: found in many slices, each time far above every other region.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from tubelet.array_types import UInt8
from tubelet.latent import half
from tubelet.latent.clips import read
from tubelet.latent.colorings import Coloring
from tubelet.latent.marks import MarkedPatches, Patch
from tubelet.latent.tracking import Track
from tubelet.latent.workspace import Workspace
from tubelet.store import Store, TubeletError
from tubelet.store.questions import clips, corpus
from tubelet.store.rows import ClipRow
from tubelet.store.schema import SEGMENTATION

VIDEOS = 12  # whose first windows are compared
CANDIDATES = 12  # patches of the window that are followed
REGION = 3  # patches along the side of what counts as a region
APART = 2  # patches between two candidates, and between a candidate and the edge of the picture


@dataclass(frozen=True)
class Highlight:
    """A patch ``(slice, y, x)`` of a clip."""

    clip: ClipRow
    patch: Patch

    @property
    def marked(self) -> MarkedPatches:
        return MarkedPatches(self.clip.clip_id, (self.patch,))


def find_highlight(workspace: Workspace) -> Highlight | None:
    """Where a first look starts; None where the store has no embeddings to look at, or none that can be drawn."""
    try:
        clip = _most_colorful(workspace)
        return Highlight(clip, _best_followed(workspace, clip)) if clip else None
    except TubeletError:
        return None


def _most_colorful(workspace: Workspace) -> ClipRow | None:
    for encoder in _list_preferred(workspace.store):
        found = _first_windows(workspace.store, encoder["encoder_id"])
        if found:
            basis = workspace.basis(encoder["encoder_id"], Coloring("corpus"))
            return max(
                found, key=lambda clip: _contrast(workspace.clip_colors(clip.clip_id, basis))
            )
    return None


def _list_preferred(store: Store) -> list[dict]:
    """Encoders with clips, in the dashboard's order, but those that suit segmentation first."""
    known = corpus.encoders().answer(store).to_pylist()
    return sorted(
        (row for row in known if row["clips"]),
        key=lambda row: (row["untrained"], row["suits"] != SEGMENTATION),
    )


def _first_windows(store: Store, encoder_id: str) -> list[ClipRow]:
    rows = clips.first_windows(encoder_id, VIDEOS).answer(store).to_pylist()
    return [ClipRow.of(row) for row in rows]


def _contrast(colors: UInt8[np.ndarray, "S H W 3"]) -> float:
    """How much the colors ``(S, H, W, 3)`` of a slice differ between its regions, as a mean over the slices."""
    regions = ndimage.uniform_filter(colors.astype(np.float32), (0, REGION, REGION, 0))
    return float(regions.reshape(len(colors), -1, 3).std(axis=1).mean())


def _best_followed(workspace: Workspace, clip: ClipRow) -> Patch:
    candidates = _distinctive(workspace.store, clip)

    def follow(patch: Patch) -> float:
        return _grade(workspace.track(clip.clip_id, MarkedPatches(clip.clip_id, (patch,))))

    return max(candidates, key=follow)


def _grade(track: Track) -> float:
    """How far the match is above any other region of its slice, added up over the slices in which the patch is found."""
    return float(np.nan_to_num(track.margin[~track.lost]).sum())


def _distinctive(store: Store, clip: ClipRow) -> list[Patch]:
    """Patches of the first slice whose surroundings agree with each other and differ from the slice's mean; apart from each other and from the edge."""
    first = half.widen(np.asarray(read(store, clip, 0, 1)))[0]
    unit = half.unit(first.reshape(-1, first.shape[-1])).reshape(first.shape)
    apart = np.nan_to_num(unit - np.nanmean(unit, axis=(0, 1)))
    strength = np.linalg.norm(ndimage.uniform_filter(apart, (REGION, REGION, 0)), axis=-1)
    margin = [min(APART, (size - 1) // 2) for size in strength.shape]
    chosen: list[Patch] = []
    for number in (-strength).argsort(axis=None, kind="stable"):
        y, x = (int(n) for n in np.unravel_index(number, strength.shape))
        inside = all(m <= n < s - m for n, s, m in zip((y, x), strength.shape, margin))
        if inside and all(max(abs(y - b), abs(x - a)) > APART for _, b, a in chosen):
            chosen.append((0, y, x))
        if len(chosen) == CANDIDATES:
            break
    return chosen
