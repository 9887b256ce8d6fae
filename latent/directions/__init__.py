"""What a direction of embedding space stands for on a corpus: a dimension, or a component of a basis.

direction   a direction by its name, and the value that a token has along it
questions   the same in SQL
sample      the bounded sample of tokens that everything is computed from
figures     distribution, extreme tokens, places, positions in the window, and the dimensions that go along
description all of it as small tables
"""
