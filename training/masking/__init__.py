"""Masking: hide some tokens of a stored window, predict them from the others, and see how far that is off.

options    what `tubelet mask` is asked for
masks      which tokens are hidden, by name
measuring  the errors of the hidden tokens, beside the nearest seen token and the mean one
rows       what was measured, as rows
keeping    these rows and all tokens, committed
painting   a mask that somebody painted, as text and as booleans
basis      the colors that everything of a window is drawn in
drawing    source, context, prediction, target and error as one picture
run        all of it over windows of a store
batches    the same by several processes
"""
