"""The store: one row per token, complete or absent, queried with SQL.

    errors      sentences that say what to do
    intervals   how sure a mean, a share, or the strongest of many is
    statistics  token statistics: one function each, over the array API
    sensitivity how far two grids differ on the slices they share, over the array API
    schema      tables and columns, each with meaning and unit, and what they were called in stores of format 1
    rows        rows that Python handles one by one, with types
    ids         names that are hashes of content
    pictures    where the encoder's picture lies on a frame, and slices on their sheet
    inside      paths out of tables and foreign files, resolved before use
    layout      where everything lies on disk
    files       a file is whole or absent
    tables      Delta tables: append, restore, compact, delete
    checksums   a flipped bit is noticed in every file
    embeddings  the large file of a clip: half precision, read without decoding
    derived     the small rows of a clip, made from its statistics
    measurements the rows of a pair, made from what was measured of it
    snapshot    the one file that says which versions are whole; the writers' locks
    catalog     the views and functions that a query needs
    views       DuckDB over a snapshot, locked down
    connections one connection over the newest snapshot, one cursor per query
    store       the front: open, commit, query
    verification every file compared with its checksum
    integrity   check and repair
    stored_pairs pairs of clips that are stored, measured from their files
    differences the signed differences of a pair in 8 bits, for a browser
    queries     questions as pure functions with visible SQL; pair_queries those about single pairs, sensitivity_queries about many videos
    sandbox     other people's SQL: read-only, bounded (with mistakes, landlock, sandboxed, processes)
    conditions  videos that people choose by a condition in SQL
    answers     answers as text and files

Knows no torch, no streamlit, no video.
"""

from tubelet.store.errors import StoreError, TubeletError
from tubelet.store.store import Store

__all__ = ["Store", "StoreError", "TubeletError"]
