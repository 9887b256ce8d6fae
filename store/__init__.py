"""The store: one row per token, complete or absent, queried with SQL.

    schema, statistics    tables and columns with meaning and unit; token statistics over the array API
    ids, errors, options  ids that are hashes of content; errors that say what to do; what a user can set
    intervals             uncertainty of means, shares, and the strongest of many
    placement             where the encoder's picture is on a frame, and slices on their sheet
    disk/                 files, Delta tables, snapshots, checksums: everything that touches the disk
    pairs/                how far two clips differ on the slices they share
    questions/            visible SQL as pure functions, and the locked connections that answer it
    sandbox/              SQL from other people: read-only and bounded, in a process of its own
    store                 the front: open, commit, query

Knows no torch, no streamlit, no video.
"""

from tubelet.store.errors import StoreError, TubeletError
from tubelet.store.store import Store

__all__ = ["Store", "StoreError", "TubeletError"]
