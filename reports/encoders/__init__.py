"""The report `encoders`: how alike the states of encoders and layers are on the same moments of the same videos.

request    what is compared
findings   the comparison as tables
narrative  the answer in words
figures    matrices as charts
sections   the blocks
"""
