"""Benchmarks: ratios against a baseline measured in the same run, turn by turn, never timed tests. `make bench` runs them."""
