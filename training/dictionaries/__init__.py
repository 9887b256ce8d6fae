"""Sparse autoencoders: dictionaries of features that are trained on stored tokens.

training  a TopK sparse autoencoder
method    what `tubelet basis fit --kind sae` asks for
"""
