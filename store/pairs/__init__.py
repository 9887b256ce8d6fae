"""Pairs of clips: how far their tokens differ on the slices they share, measured and stored."""
