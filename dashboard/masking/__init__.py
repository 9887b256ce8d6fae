"""The page Masking: hide tokens of one window, and see what the predictor makes of the others.

choice     the window, the mask and its settings, in the URL
request    a mask as options of `tubelet mask`, and as a stored run describes it
running    start it as a job, watch that, and say how it failed
results    what a kept run found, in sentences
pictures   source, context, prediction, target and errors, slice by slice
decoded    the same as a decoder draws it
"""
