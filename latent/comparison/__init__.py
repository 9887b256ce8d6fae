"""Encoder against encoder, and layer against layer: how alike their states are on the same moments of the same videos. No encoder runs here.

options     what is asked for
places      the encoders and layers whose states are stored
matching    intervals of time and place that overlap
windows     clips as stretches of time and parts of a frame
sample      moments and places that every encoder has seen, a few per video
states      the vectors of the sample
kernels     inner products between videos
cka         debiased linear CKA
neighbors   nearest neighbors that two places share
stability   how alike one moment and the next are
geometry    effective rank and spread
resampling  intervals over resampled videos
run         all of it
"""
