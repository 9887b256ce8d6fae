"""The pipeline of a run: reader, encoder and writer at the same time, joined by bounded pipes."""
