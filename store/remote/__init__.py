"""Stores in buckets: read there, never written.

address     which bucket, and where in it
bucket      the few questions that are asked of a bucket, and its errors in sentences
replica     what lies on this machine of a store in a bucket: its tables, and embedding files as they are needed
"""
