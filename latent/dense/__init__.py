"""Dense scores: how well the tokens of an encoder carry a mask or a point through a clip, against masks and points that were imported. No encoder runs here.

options     what is asked for
davis       region similarity J and boundary accuracy F of masks
tap_vid     how well points are followed
truth       masks and points of a clip, in the encoder's picture
segmenting  objects cut out of a clip from the mask of one slice
following   points followed through a clip from one slice
run         every encoder and video
keeping     the rows of `scores`
summary     the scores in words
"""
