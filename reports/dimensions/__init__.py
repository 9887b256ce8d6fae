"""The report `dimensions`: how much of each dimension's variance lies between videos, slices of the window, moments and patches.

request        which encoder, window length, layers and videos
variance       the shares, and their intervals over videos
position_test  whether a dimension depends on the slice's position in the window
findings       the numbers of every layer
narrative      the answer in words
figures        the pictures
sections       the blocks
"""
