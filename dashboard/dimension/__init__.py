"""The page of one dimension, or another direction of embedding space."""
