"""ingest/networks"""
