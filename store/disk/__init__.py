"""Files, tables, snapshots and checksums of a store: everything that touches its disk."""
