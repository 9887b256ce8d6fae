"""Where everything lies below a store's root: the only module that joins its paths."""

from dataclasses import dataclass
from pathlib import Path

from tubelet.store.schema import TABLES

MARKER = "tubelet.json"
THUMBNAIL = "thumbnail.jpg"


@dataclass(frozen=True)
class Layout:
    root: Path

    @property
    def marker(self) -> Path:
        return self.root / MARKER

    @property
    def commit_lock(self) -> Path:
        """Held for the moment of a commit."""
        return self.root / "commit.lock"

    @property
    def writers_lock(self) -> Path:
        """Shared by running ingests, so that a repair can tell their files from orphans."""
        return self.root / "writers.lock"

    @property
    def unfinished(self) -> Path:
        """Files being written; what a killed process left here is swept by the next ingest."""
        return self.root / "unfinished"

    @property
    def embeddings(self) -> Path:
        return self.root / "embeddings"

    def table(self, name: str) -> Path:
        return self.root / name

    def embedding(self, encoder_id: str, video_id: str, clip_id: str) -> Path:
        return self.embeddings / encoder_id / video_id / f"{clip_id}.parquet"

    @property
    def media(self) -> Path:
        """Pictures for people: a cache, nothing else depends on it."""
        return self.root / "media"

    def codes(self, basis_id: str, clip_id: str) -> Path:
        """Compact codes of a clip's tokens: a cache, rebuildable, whole where it exists."""
        return self.root / "codes" / basis_id / f"{clip_id}.npy"

    def thumbnail(self, video_id: str) -> Path:
        return self.media / video_id / THUMBNAIL

    def pictures(self, video_id: str, clip_id: str) -> Path:
        """JPEG of a clip's slices."""
        return self.media / video_id / f"{clip_id}.jpg"

    def relative(self, path: Path) -> str:
        """Path as the tables hold it: below the root, with forward slashes."""
        return path.relative_to(self.root).as_posix()

    def is_own(self, name: str) -> bool:
        """Whether an entry of the root may have been made by an unfinished creation of this store."""
        return name in TABLES or name in {"embeddings", "codes", "media", "unfinished", "commit.lock", "writers.lock"}
