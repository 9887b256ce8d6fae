"""A transition model: a small transformer, causal over slices, that predicts the tokens of the next slice of a clip.

options    what `tubelet transition fit` is asked for
network    the transformer, out of torch's own blocks
learning   fitting, with a part of the training part that decides when to stop
measuring  rollouts over test videos, beside a copy of the last slice and the mean of those seen
surprise   how far each slice of one clip is from what a model predicts
rows       what was found, as rows, and the file of weights
run        every encoder and its controls, on the same videos
summary    a run in words
"""
