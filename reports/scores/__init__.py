"""The report `scores`: how well the tokens of each encoder carry masks and points through a clip, beside what staying in place reaches.

request    which encoders are reported
findings   the rows of `scores`, their means and intervals
narrative  the answer in words
figures    the means as a chart
sections   the blocks
"""
