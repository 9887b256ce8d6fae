"""Tokens as pixels: decoders that `tubelet decoder fit` has fitted, run with NumPy alone.

head     the network: from tokens to pictures
pictures the slice pictures of a clip
decoder  a fitted decoder out of a store, and what it reached on videos it never saw
along    directions and cluster centers, as a decoder draws them
maskings windows under a mask, as a decoder draws them
sheet    decoded slices below the true ones, with that figure, as one picture
"""
