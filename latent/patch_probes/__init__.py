"""Patch probes: a linear model per encoder and layer that predicts from each token what its patch shows, against imported masks. No encoder runs here.

truth      the classes of masks, and what every pixel and patch of a clip shows
sources    what a model sees of a clip: its tokens, or, for controls, positions or colors
sample     the tokens that a model learns from
scoring    intersection over union of each class, its mean, and intervals over videos
trial      one probe: every fold trained, and the pixels of its videos predicted
run        all probes and controls of a command
keeping    their rows
"""
