"""What models that are fitted to stored tokens share: which videos they learn from, and how tokens are read.

errors     FitError
split      videos to learn from, to hold back and to test; no group is on two sides
tokens     clips of one encoder as sequences of slices, read from embedding files batch by batch
pixels     the same of the slice pictures
scaling    mean and standard deviation per dimension, over the training part
memory     a batch that does not fit, in one sentence
"""
