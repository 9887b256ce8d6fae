"""Sparse autoencoders: dictionaries of features that are trained on stored tokens.

training  a TopK sparse autoencoder
method    what the kind `sae` of `tubelet basis fit` asks for
"""
