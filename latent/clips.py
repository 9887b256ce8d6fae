"""One clip's token grid, read from the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tubelet.array_types import Float16
from tubelet.latent.errors import LatentError
from tubelet.store import Store
from tubelet.store.disk import embeddings
from tubelet.store.notebook import render_facts
from tubelet.store.rows import ClipRow


@dataclass(frozen=True)
class Clip:
    """A clip and its half-precision token grid ``(S, H, W, D)``."""

    clip_id: str
    video_id: str
    encoder_id: str
    grid: Float16[np.ndarray, "S H W D"]

    def __post_init__(self) -> None:
        if self.grid.ndim != 4 or self.grid.dtype != np.float16:
            raise ValueError(
                f"a clip's grid is half precision (S, H, W, D), not {self.grid.dtype} {self.grid.shape = }"
            )

    @property
    def positions(self) -> tuple[int, int, int]:
        """Slices, patch rows and patch columns."""
        slices, height, width, _ = self.grid.shape
        return slices, height, width

    def _repr_html_(self) -> str:
        """What a notebook shows: which clip, and the shape of its grid."""
        names = ("slices", "patch rows", "patch columns", "dimensions")
        facts = {
            "video": self.video_id,
            "encoder": self.encoder_id,
            **dict(zip(names, self.grid.shape)),
            "precision": self.grid.dtype,
        }
        return render_facts(f"Clip {self.clip_id}", facts)


def open_clip(store: Store, clip_id: str) -> Clip:
    """A clip with all its embeddings. Raises LatentError where there is no such clip, or none of its embeddings."""
    found = row(store, clip_id)
    return Clip(found.clip_id, found.video_id, found.encoder_id, read(store, found))


def read(
    store: Store, clip: ClipRow, first: int = 0, stop: int | None = None
) -> Float16[np.ndarray, "S H W D"]:
    """Half-precision grid of a clip's slices ``[first, stop)``. Raises LatentError for a clip stored without embeddings."""
    return embeddings.read(find_file(store, clip), first, stop)


def find_file(store: Store, clip: ClipRow) -> Path:
    """The file of a clip's embeddings. Raises LatentError for a clip stored without embeddings."""
    if clip.embedding_path is None:
        raise LatentError(
            f"clip {clip.clip_id} was stored without embeddings: its statistics, samples and stored projections are available; "
            f"for the rest ingest its video again with `--keep embeddings`"
        )
    return store.layout.embedding_file(clip.embedding_path, clip.clip_id)


def row(store: Store, clip_id: str) -> ClipRow:
    """What is known of a clip. Raises LatentError where there is none of this id."""
    found = store.rows("FROM clips WHERE clip_id = ?", [clip_id])
    if not found:
        raise LatentError(
            f'{store.name} holds no clip {clip_id}: list them with `tubelet sql "FROM clips" --store {store.shell_name}`'
        )
    return ClipRow.of(found[0])


def with_embeddings(
    store: Store, encoder_id: str, videos: Sequence[str] | None = None
) -> list[ClipRow]:
    """Clips of an encoder that have embeddings, the first of every video before the second of any; of some videos only, if given.

    Clips that only a pair of windows needs are left out: they repeat what the others show.
    """
    sql = """FROM clips
        WHERE encoder_id = $encoder AND embedding_path IS NOT NULL AND role IS DISTINCT FROM 'partner' AND ($videos::VARCHAR[] IS NULL OR list_contains($videos, video_id))
        ORDER BY row_number() OVER (PARTITION BY video_id ORDER BY clip_id), clip_id"""
    return [
        ClipRow.of(found)
        for found in store.rows(
            sql, {"encoder": encoder_id, "videos": None if videos is None else list(videos)}
        )
    ]


def require_embeddings(found: list[ClipRow], encoder_id: str) -> list[ClipRow]:
    """The clips, or LatentError where there is none."""
    if not found:
        raise LatentError(
            f"no clip of {encoder_id} has embeddings: choose other videos, or ingest some with `--keep embeddings`"
        )
    return found


def spread_evenly(count: int, wanted: int) -> list[int]:
    """At most `wanted` of the numbers ``0 .. count - 1``, evenly spaced, from the middle of equal spans."""
    wanted = min(count, wanted)
    return [(2 * i + 1) * count // (2 * wanted) for i in range(wanted)]
