"""Texts as vectors: the text network of a model that was trained on pictures and their captions.

kinds  which models these are, how each reads a text, and where its head for tokens is
tower  the network: a text in, a vector of length 1 out
"""
