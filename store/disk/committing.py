"""Committing: rows into tables and out of them, as one new snapshot with the checksums of what it added."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
from deltalake.exceptions import DeltaError

from tubelet.store.disk import checksums, damage, deleting, late_files, snapshot, tables
from tubelet.store.disk.clustering import Merging
from tubelet.store.disk.compaction import merge_table
from tubelet.store.disk.layout import Layout
from tubelet.store.disk.snapshot import Snapshot
from tubelet.store.schema import TABLES

Rows = Mapping[str, pa.Table]  # table name to rows


def commit(
    layout: Layout,
    last: Snapshot,
    rows: Rows,
    gone: Mapping[str, Sequence[str]],
    repairing: Collection[str] = (),
) -> None:
    """Make the newest snapshot from the last one: `gone` taken out (`Store.commit`), and what it does not hold of `rows` added.

    Raises StoreError where rows of a damaged file would be written again, unless damage is being repaired: `repairing` names the tables whose
    files go whole where they cannot be read.
    """
    changed_by = {place.partition(".")[0] for place in gone} & last.versions.keys()
    late_files.bring_tables(layout, [(name, last.versions[name]) for name in changed_by])
    if repairing:  # never of other tables: a backup may restore their files
        for name in changed_by & set(repairing):
            deleting.drop_unreadable(layout.table(name))
    try:
        versions = _change_tables(layout, rows, gone, last.versions)
    except (DeltaError, pa.ArrowException, OSError):
        _require_sound(layout, {name: last.versions[name] for name in changed_by})
        raise
    if not repairing:
        _require_sound(layout, {name: last.versions[name] for name in changed_by}, versions)
    changed = [name for name in versions if versions[name] != last.versions.get(name)]
    _publish(layout, versions, last, changed, Merging.CROWDED)


def compact(layout: Layout, last: Snapshot, merging: Merging) -> int:
    """Merge the files of each table, and complete the checksums; how many files were deleted."""
    gone = _publish(layout, last.versions, last, list(last.versions), merging)
    now = snapshot.read(layout)
    unknown = checksums.live_files(layout, now.versions) - snapshot.sums(layout).keys()
    if unknown:
        late_files.bring_tables(layout, now.versions.items())
        _record(layout, now.versions, replace(now, serial=now.serial + 1), alone=True)
    return gone


def _change_tables(
    layout: Layout, rows: Rows, gone: Mapping[str, Sequence[str]], before: Mapping[str, int]
) -> dict[str, int]:
    """Take rows out of the tables, and add others; the versions after it."""
    versions = dict(before)
    for place, ids in gone.items():
        name, _, column = place.partition(".")
        if ids and name in versions:
            column = column or TABLES[name].key[0]
            versions[name] = deleting.delete_rows(layout.table(name), TABLES[name], column, ids)
    for name, table in _select_unknown(rows, layout, versions).items():
        if len(table):
            if name not in versions:
                tables.start(layout.table(name), TABLES[name])
            versions[name] = tables.append(layout.table(name), TABLES[name], table)
    return versions


def _require_sound(
    layout: Layout, before: Mapping[str, int], after: Mapping[str, int] | None = None
) -> None:
    """Raise StoreError where one of the files of these tables is damaged, or of those that are not in the versions after."""
    for name, version in before.items():
        held = set(tables.open_table(layout.table(name), version).files)
        if after is not None:
            held -= set(tables.open_table(layout.table(name), after[name]).files)
        damage.require_sound(layout, held, "writing the rest of its rows")


def _select_unknown(rows: Rows, layout: Layout, versions: Mapping[str, int]) -> dict[str, pa.Table]:
    """The rows whose key, or whose owner, the versions do not hold, in the order of the schema."""
    owners = {name: TABLES[name].owner or name for name in rows}
    kept = {}
    for name in (name for name in TABLES if name in rows):
        ids, owner = rows[name][TABLES[name].key[0]], owners[name]
        kept[name] = rows[name]
        if owner in rows and owner in versions:
            place, column = layout.table(owner), TABLES[owner].key[0]
            taken = tables.find_values(place, versions[owner], column, ids)
            kept[name] = rows[name].filter(pc.invert(pc.is_in(ids, taken)))
    return kept


def _publish(
    layout: Layout,
    versions: Mapping[str, int],
    last: Snapshot,
    mergeable: Sequence[str],
    merging: Merging,
) -> int:
    """Make table versions the newest snapshot, files of those `mergeable` merged first; files deleted afterwards."""
    merged = {
        **versions,
        **{name: merge_table(layout, TABLES[name], versions[name], merging) for name in mergeable},
    }
    before = snapshot.read(layout).versions
    if merged != before:
        last = _record(
            layout,
            before,
            Snapshot(versions=merged, serial=last.serial + 1, store_id=last.store_id),
            merged != versions,
            [name for name in merged if merged[name] != versions[name]],
        )
    return sum(
        tables.vacuum(layout.table(name)) for name in merged if merged[name] != versions[name]
    )


def _record(
    layout: Layout,
    before: Mapping[str, int],
    new: Snapshot,
    alone: bool,
    swept: Sequence[str] = (),
) -> Snapshot:
    """Publish a snapshot with the checksums of what it added; `alone`: with those of all files, as the only entry that is kept."""
    added = sums = checksums.table_sums(layout, before, new.versions)
    if alone:
        kept = snapshot.sums(layout) | added
        live = checksums.live_files(layout, new.versions)
        sums = {
            name: kept[name] if name in kept else checksums.measure(layout.root / name)
            for name in sorted(live)
        }
    published = snapshot.publish(layout, new, sums, added, swept)
    if alone:
        snapshot.forget(layout, published)
    return published
