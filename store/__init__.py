"""The store: one row per token, complete or absent, queried with SQL.

    store          the front: open, commit, query; start reading here
    schema/        tables and columns, each with meaning and unit, and what they were called in stores of format 1
    rows           rows that Python handles one by one, with types
    disk/          everything that touches the disk: layout, whole files, tables, snapshots, commits, checksums, repair
    remote/        a store in a bucket: copies on this machine, conditional writes
    questions/     questions as pure functions with visible SQL, and the connections that answer them
    sandbox/       other people's SQL: read-only, bounded, in a process of its own; its answers as text and files
    pairs/         how far the tokens of two clips differ on the slices that they share
    annotations/   labels, masks, points and tags
    jobs/          commands that write to a store, seen and stopped from elsewhere
    statistics     token statistics: one function each, over the array API
    backfill       statistics that were added after clips were stored
    intervals      how sure a mean, a share, or the strongest of many is
    options        what a user can set: defaults, bounds and help, defined once
    token_dataset  stored tokens to train on
    errors, ids, wording, clock, placement, notebook, outcome, encoder_names, mask_kinds, saved_queries: small subjects of many rooms

Other rooms enter it through the modules that `tests/test_architecture.py` lists.
Knows no torch, no streamlit, no video.
"""

from tubelet.store.errors import StoreError, TubeletError
from tubelet.store.store import Store

__all__ = ["Store", "StoreError", "TubeletError"]
