"""Transition models that a store holds, compared by what does not depend on an encoder's scale.

figures   variance explained and ranks over test videos, with intervals
"""
