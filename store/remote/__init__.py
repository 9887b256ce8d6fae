"""Stores in buckets: read and written through a folder of this machine.

address     which bucket, and where in it
bucket      the few questions that are asked of a bucket, and its errors in sentences
marker      what the marker of a store in a bucket says: a whole commit
copies      which of the bucket's files are on this machine: tables, and embedding files as they are needed
snapshots   the newest snapshot, brought to this machine; what was begun there and never published, undone
presence    whether other machines ingest
replica     all of it, as the home of a store
"""
