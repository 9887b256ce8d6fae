"""The store: every token a row, complete or absent, answered by SQL.

    errors      sentences that say what to do
    statistics  token statistics: one function each, over the array API
    schema      tables and columns, each with meaning and unit
    ids         names that are hashes of content
    pictures    where the encoder's picture lies on a frame, and slices on their sheet
    layout      where everything lies on disk
    files       a file is whole or absent
    tables      Delta tables: append, restore, compact, delete
    embeddings  the large file of a clip: half precision, read without decoding
    derived     the small rows of a clip, made from its statistics
    snapshot    the one file that says which versions are whole; the writers' locks
    views       DuckDB over a snapshot, locked down
    connections one connection over the newest snapshot, a cursor a query
    store       the front: open, commit, query
    integrity   check and repair
    queries     questions as pure functions with visible SQL (with sensitivity_queries)
    sandbox     other people's SQL: read-only, bounded (with mistakes, landlock, sandboxed, processes)
    answers     answers as text and files

A module imports only what stands above it. Knows no torch, no streamlit, no video.
"""

from store.errors import StoreError, TubeletError
from store.store import Store

__all__ = ["Store", "StoreError", "TubeletError"]
