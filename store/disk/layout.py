"""Where everything is below a store's root: the only module that joins its paths."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tubelet.store.disk import inside
from tubelet.store.disk.home import CLAIMS, MARKER, UNFINISHED, Folder, Home
from tubelet.store.errors import ReadOnly
from tubelet.store.schema import TABLES

THUMBNAIL = "thumbnail.jpg"
EMBEDDINGS, MEDIA, CODES, MODELS, MASKED, SNAPSHOTS, JOBS = (
    "embeddings",
    "media",
    "codes",
    "models",
    "masked",
    "snapshots",
    "jobs",
)
FOLDERS = EMBEDDINGS, MEDIA, CODES, MODELS, MASKED, UNFINISHED, SNAPSHOTS, JOBS, CLAIMS
LOCKS = "commit.lock", "writers.lock"
REPLICA = "replica.json"  # in the folder of a replica: of a store in a bucket, only some embedding files are on this machine


@dataclass(frozen=True)
class Layout:
    """The paths of a store. `read_only`: those that only writers ask for are refused, so nothing is written, whoever asks.

    A store in a bucket has another `home` than its folder, from which the embedding files that are asked for are copied.
    """

    root: Path
    read_only: bool = False
    home: Home = field(default=None, compare=False)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.home is None:
            object.__setattr__(self, "home", Folder(self.root))

    @property
    def is_partial(self) -> bool:
        """Whether embedding files that are not here may be in a bucket."""
        return (self.root / REPLICA).is_file()

    def walk(self, folder: str) -> Iterator[Path]:
        """Every file of a folder, here or in the bucket. Raises UnsafePath."""
        return self.home.walk(folder)

    def visit(self, folder: str) -> Iterator[Path]:
        """Every file of a folder, here while it is looked at. Raises UnsafePath."""
        return self.home.visit(folder)

    def require_writable(self) -> None:
        """The one place where a store that was opened read-only refuses. Raises ReadOnly."""
        if self.read_only:
            raise ReadOnly(
                f"{self.home} was opened read-only, and nothing is written to it: open it for writing, or write to another store"
            )

    def _for_writers(self, *names: str) -> Path:
        """A path that every writer needs, and nobody else."""
        self.require_writable()
        return self.root.joinpath(*names)

    @property
    def marker(self) -> Path:
        return self.root / MARKER

    @property
    def snapshots(self) -> Path:
        """The last commits, one file per commit: the newest replaces a lost marker."""
        return self.root / SNAPSHOTS

    def entry(self, serial: int, store_id: str) -> Path:
        return self.snapshots / f"{serial:010}-{store_id}.json"

    @property
    def commit_lock(self) -> Path:
        """Held for the moment of a commit."""
        return self._for_writers("commit.lock")

    @property
    def writers_lock(self) -> Path:
        """Shared by running ingests, so that a repair can tell their files from orphans."""
        return self._for_writers("writers.lock")

    @property
    def unfinished(self) -> Path:
        """Files being written; the next ingest deletes what a killed process left here."""
        return self._for_writers(UNFINISHED)

    @property
    def embeddings(self) -> Path:
        return self.root / "embeddings"

    def table(self, name: str) -> Path:
        return self.root / name

    def embedding(self, encoder_id: str, video_id: str, clip_id: str) -> Path:
        return self._file(EMBEDDINGS, encoder_id, video_id, f"{clip_id}.parquet")

    def embedding_file(self, relative: str, clip_id: str | None = None) -> Path:
        """The embedding file that a row of `clips` names, here if there is one. Raises UnsafePath as `embedding_path` does."""
        path = self.embedding_path(relative, clip_id)
        self.home.fetch(path)
        return path

    def embedding_path(self, relative: str, clip_id: str | None = None) -> Path:
        """Where the embedding file that a row of `clips` names belongs. Raises UnsafePath for any other place, and for another clip's file."""
        path = inside.resolve_file(self.root, _below(EMBEDDINGS, relative))
        if clip_id is not None and PurePosixPath(relative).stem != clip_id:
            raise inside.UnsafePath(
                f"the row of clip {clip_id} names the embedding file of another clip, {relative!r}: ingest its video again"
            )
        return path

    def embedding_files(self, relative: Iterable[str]) -> list[Path]:
        """The embedding files of many rows; each folder is examined once."""
        return inside.resolve_files(self.root, [_below(EMBEDDINGS, name) for name in relative])

    @property
    def media(self) -> Path:
        """Pictures for people: a cache that nothing else depends on."""
        return self.root / "media"

    def codes(self, basis_id: str, clip_id: str) -> Path:
        """Compact codes of a clip's tokens: a cache, rebuildable, whole where it exists."""
        return self._file(CODES, basis_id, f"{clip_id}.npy")

    def codes_file(self, basis_id: str, clip_id: str) -> Path:
        """Compact codes of a clip's tokens, here if there are any."""
        path = self.codes(basis_id, clip_id)
        self.home.fetch(path)
        return path

    def model(self, model_id: str) -> Path:
        """The weights of a model that was fitted to tokens."""
        return self._file(MODELS, f"{model_id}.safetensors")

    def model_file(self, relative: str, model_id: str) -> Path:
        """The weights that a row of a fitted model names. Raises UnsafePath for any other place, and for another model's file."""
        path = inside.resolve_file(self.root, _below(MODELS, relative))
        if path != self.model(model_id):
            raise inside.UnsafePath(
                f"the row of model {model_id} names the weights of another model, {relative!r}: fit it again"
            )
        self.home.fetch(path)
        return path

    def masked(self, masking_id: str, sha256: str) -> Path:
        """The tokens of a window under a mask, by the hash of the file."""
        return self._file(MASKED, f"{masking_id}-{sha256[:16]}.parquet")

    def masked_file(self, relative: str, masking_id: str) -> Path:
        """The tokens that a row of `maskings` names. Raises UnsafePath for any other place, and for another masking's file."""
        path = inside.resolve_file(self.root, _below(MASKED, relative))
        if path != self.masked(masking_id, path.stem.rpartition("-")[2]):
            raise inside.UnsafePath(
                f"the row of masking {masking_id} names the tokens of another masking, {relative!r}: run its mask again"
            )
        self.home.fetch(path)
        return path

    def thumbnail(self, video_id: str) -> Path:
        return self._file(MEDIA, video_id, THUMBNAIL)

    def thumbnail_file(self, relative: str) -> Path:
        """The thumbnail that a row of `videos` names, here if there is one. Raises UnsafePath for any other place."""
        path = inside.resolve_file(self.root, _below(MEDIA, relative))
        self.home.fetch(path)
        return path

    def pictures(self, video_id: str, clip_id: str) -> Path:
        """JPEG of a clip's slices."""
        return self._file(MEDIA, video_id, f"{clip_id}.jpg")

    def pictures_file(self, video_id: str, clip_id: str) -> Path:
        """JPEG of a clip's slices, here if there is one."""
        path = self.pictures(video_id, clip_id)
        self.home.fetch(path)
        return path

    def has_pictures(self, video_id: str, clip_id: str) -> bool:
        """Whether a clip has slice pictures; not where its ids lead elsewhere."""
        try:
            return self.pictures_file(video_id, clip_id).is_file()
        except inside.UnsafePath:
            return False

    @property
    def jobs(self) -> Path:
        """What commands that write to the store record while they run; not part of its contents."""
        return inside.resolve_folder(self.root, JOBS)

    def job(self, job_id: str) -> Path:
        """The folder of a job. Raises UnsafePath where its id is more than a name, or a link stands in its place."""
        return self._file(JOBS, job_id, "lock").parent

    def claim(self, key: str, generation: int) -> Path:
        """The file that says who works on something; keys are ids."""
        return self._for_writers(CLAIMS, f"{key}.{generation}")

    def owner(self, name: str) -> Path:
        """The heartbeat of a process that has claims. Raises UnsafePath where the name is more than one."""
        self.require_writable()
        return self._file(CLAIMS, "owners", name)

    def refuse_links(self) -> None:
        """Raise UnsafePath where one of the store's own folders or files is a link that leads outside, or is not what its name says."""
        for name in (*TABLES, *FOLDERS):
            inside.resolve_folder(self.root, name)
        inside.resolve_files(self.root, (MARKER, *LOCKS))

    def relative(self, path: Path) -> str:
        """Path as the tables hold it: below the root, with forward slashes."""
        return path.relative_to(self.root).as_posix()

    def is_own(self, name: str) -> bool:
        """Whether an entry of the root may have been made by an unfinished creation of this store."""
        return name in TABLES or name in {*FOLDERS, *LOCKS}

    def _file(self, *parts: str) -> Path:
        """A file by the ids that name it. Raises UnsafePath where an id is more than a name."""
        if bad := [part for part in parts if not inside.is_component(part)]:
            raise inside.UnsafePath(
                f"{self.root} holds the id {bad[0]!r}, which is a path: {inside.DISTRUST}"
            )
        return inside.resolve_file(self.root, "/".join(parts))


def _below(folder: str, name: object) -> object:
    """The name, where it begins with a folder; else one that is refused."""
    if isinstance(name, str) and name.startswith(f"{folder}/"):
        return name
    raise inside.UnsafePath(
        f"{name!r} is not below {folder}/, where the store keeps such files: {inside.DISTRUST}"
    )
