"""What a direction of embedding space stands for on a corpus: a dimension, or anything else that gives each token a value.

direction   a direction, and the value that a token has along it
naming      finds one by its name
shade       one as brightness
questions   the same in SQL
sample      the bounded sample of tokens that everything is computed from
figures     distribution, extreme tokens, places, positions in the window, and the dimensions that go along
description all of it as small tables
ranking     the tokens at both ends, over the whole corpus
recall      how much of that the index finds
"""
