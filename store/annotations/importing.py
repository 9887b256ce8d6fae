"""Annotation files to one commit: read, matched with videos, checked, and stored in place of what the same source imported before."""

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from tubelet.store import ids
from tubelet.store.annotations.columns import name_columns, trim
from tubelet.store.annotations.labels import MatchedTable, label_rows
from tubelet.store.annotations.match import AUTO, KEYS, Matches, Videos
from tubelet.store.annotations.points import point_rows
from tubelet.store.annotations.text_table import TextTable, read_table
from tubelet.store.clock import now
from tubelet.store.errors import AnnotationError
from tubelet.store.options import check_options, option
from tubelet.store.schema import ANNOTATIONS, TABLES
from tubelet.store.store import Store
from tubelet.store.wording import count

LISTED = 10  # names that a report lists
KINDS = ("labels", "masks", "points")


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """How files are read."""

    key: str = option(
        AUTO,
        choices=(AUTO, *KEYS),
        help="How rows are matched with videos; auto uses the first of the others that fits every row.",
    )
    columns: str = option(
        "", help="Only these columns of a table, as labels.", metavar="NAME,...", unset="all"
    )
    label: str = option("label", help="Name of the label in a list of paths and numbers.")
    first_frame: int = option(
        0, help="Number of the first frame in the names of mask files.", least=0, most=1_000_000
    )

    def __post_init__(self) -> None:
        check_options(self, AnnotationError)

    @property
    def wanted(self) -> list[str]:
        return [name.strip() for name in self.columns.split(",") if name.strip()]


@dataclass(frozen=True, kw_only=True)
class SourceContent:
    """What a source holds: rows of one of the tables, without the columns that name the source."""

    kind: str
    sha256: str
    matches: Matches
    rows: pa.Table
    unmatched: int


class AnnotationSource(Protocol):
    """A file or folder that can be read as annotations."""

    @property
    def path(self) -> Path: ...

    def read(self, videos: Videos, options: ImportOptions) -> SourceContent: ...


@dataclass(frozen=True)
class TableFile:
    """A file of labels or points."""

    path: Path

    def read(self, videos: Videos, options: ImportOptions) -> SourceContent:
        """Rows of `labels` or `points`. Raises AnnotationError for the rows at fault."""
        table = read_table(self.path, options.label)
        named = name_columns(table)
        entries = trim(table.columns[named.video])
        texts = entries.to_pylist()
        table.refuse({row: f"{named.video} is empty" for row, text in enumerate(texts) if not text})
        distinct = entries.unique().to_pylist()
        matches = videos.match(distinct, options.key)
        _refuse_ambiguous(table, matches, texts)
        refuse_unmatched(self.path, matches, distinct)
        video_ids = pa.array([matches.found.get(text) for text in texts], pa.string())
        matched = MatchedTable(table, named, video_ids, videos.facts)
        points = named.holds_points
        return SourceContent(
            kind="points" if points else "labels",
            sha256=table.sha256,
            matches=matches,
            rows=point_rows(matched) if points else label_rows(matched, options.wanted),
            unmatched=video_ids.null_count,
        )


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What one source imported."""

    source: str
    kind: str
    rows: int
    videos: int
    matched_by: str
    unmatched: int
    unmatched_names: list[str]
    bare: int
    bare_names: list[str]
    replaced: int

    def lines(self) -> list[str]:
        by = {"video_id": "id"}.get(self.matched_by, self.matched_by)
        told = [
            f"{self.source}: {count(self.rows, self.kind.removesuffix('s'))} of {count(self.videos, 'video')}, matched by {by}"
        ]
        if self.replaced:
            told.append(f"  in the place of {self.replaced:,} of an earlier {self.source}")
        if self.unmatched:
            missing = f"  {count(self.unmatched, 'row')} without a video in the store"
            told.append(f"{missing}: {_list(self.unmatched_names)}")
        if self.bare:
            bare = f"  {count(self.bare, 'video')} of the store without a row"
            told.append(f"{bare}: {_list(self.bare_names)}")
        return told


@dataclass(frozen=True)
class ImportReport:
    """What a command imported, listed or removed."""

    sources: Sequence[Imported]

    def lines(self) -> list[str]:
        return [line for source in self.sources for line in source.lines()]

    def as_json(self) -> list[dict]:
        return [asdict(source) for source in self.sources]


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:LISTED]) + (", ..." if len(names) > LISTED else "")


def import_sources(
    store: Store, sources: Sequence[AnnotationSource], options: ImportOptions
) -> ImportReport:
    """Store what the sources hold in one commit, in the place of what sources of these names held. Raises AnnotationError; then nothing changes."""
    names = [source.path.name for source in sources]
    if twice := [name for name in names if names.count(name) > 1]:
        raise AnnotationError(
            f"two sources are called {twice[0]}: rename one, because a source is replaced by its name"
        )
    videos = Videos(store)
    if not videos.facts:
        raise AnnotationError(f"{store.name} holds no videos: run `tubelet ingest` first")
    contents = [source.read(videos, options) for source in sources]
    reports = [
        _describe(store, source.path.name, content, videos)
        for source, content in zip(sources, contents)
    ]
    rows: dict[str, list[pa.Table]] = {}
    for source, content in zip(sources, contents):
        for name, table in _make_tables(source.path, content).items():
            rows.setdefault(name, []).append(table)
    store.commit({name: pa.concat_tables(parts) for name, parts in rows.items()}, _of(names))
    return ImportReport(reports)


def forget(store: Store, names: Sequence[str]) -> list[str]:
    """Remove what sources imported; a sentence per source. Raises AnnotationError where one was never imported."""
    held = {row["source"]: row for row in list_sources(store)}
    if unknown := [name for name in names if name not in held]:
        known = ", ".join(held) or "none"
        raise AnnotationError(
            f"{store.name} holds no source {unknown[0]}; its sources are: {known}"
        )
    store.commit({}, _of(names))
    return [
        f"{name}: {count(held[name]['rows'], held[name]['kind'].removesuffix('s'))} removed"
        for name in names
    ]


def list_sources(store: Store) -> list[dict]:
    """The imported sources, oldest first, each a row of `annotations`."""
    return store.rows("FROM annotations ORDER BY added_at, source")


def _of(names: Sequence[str]) -> dict[str, list[str]]:
    """What a commit removes so that nothing is left of these sources."""
    found = [ids.hash_parts("annotations", name) for name in names]
    return dict.fromkeys((ANNOTATIONS.name, *KINDS), found)


def _make_tables(path: Path, content: SourceContent) -> dict[str, pa.Table]:
    """The rows of a source as the tables hold them."""
    name = path.name
    annotation_id = ids.hash_parts("annotations", name)
    row = {
        "annotation_id": annotation_id,
        "source": name,
        "kind": content.kind,
        "path": os.path.abspath(path),
        "sha256": content.sha256,
        "matched_by": content.matches.key,
        "rows": len(content.rows),
        "unmatched": content.unmatched,
        "added_at": now(),
    }
    table, size = TABLES[content.kind], len(content.rows)
    rows = content.rows.append_column("annotation_id", pa.repeat(annotation_id, size))
    rows = rows.append_column("source", pa.repeat(name, size))
    return {
        content.kind: rows.select(table.arrow.names).cast(table.arrow),
        ANNOTATIONS.name: pa.Table.from_pylist([row], schema=ANNOTATIONS.arrow),
    }


def _describe(store: Store, name: str, content: SourceContent, videos: Videos) -> Imported:
    held = {row["source"]: row["rows"] for row in list_sources(store)}
    labeled = set(pc.unique(content.rows["video_id"]).to_pylist())
    bare = sorted(fact["name"] for id_, fact in videos.facts.items() if id_ not in labeled)
    return Imported(
        source=name,
        kind=content.kind,
        rows=len(content.rows),
        videos=len(labeled),
        matched_by=content.matches.key,
        unmatched=content.unmatched,
        unmatched_names=content.matches.missing[: LISTED + 1],
        bare=len(bare),
        bare_names=bare[: LISTED + 1],
        replaced=held.get(name, 0),
    )


def _refuse_ambiguous(table: TextTable, matches: Matches, texts: Sequence[str]) -> None:
    if matches.ambiguous:
        table.refuse(
            {
                row: _several(text, matches)
                for row, text in enumerate(texts)
                if text in matches.ambiguous
            }
        )


def _several(text: str, matches: Matches) -> str:
    candidates = matches.ambiguous[text]
    shown = " and ".join(f"{place.path} ({place.video_id})" for place in candidates[:2])
    more = f" and {len(candidates) - 2:,} more" if len(candidates) > 2 else ""
    return f"{text!r} may be {shown}{more}: write more of the path, or the video's id"


def refuse_unmatched(path: Path, matches: Matches, entries: Sequence[str]) -> None:
    """Raise AnnotationError where an entry may be several videos, or none is a video of the store."""
    if matches.ambiguous:
        raise AnnotationError(
            f"{path}: {_several(next(iter(matches.ambiguous)), matches)}; nothing was imported"
        )
    if not matches.found:
        raise AnnotationError(
            f"{path} names {count(len(entries), 'video')} that the store does not hold, such as {entries[0]!r}: "
            "check that it belongs to these videos, or choose another --key; nothing was imported"
        )
