"""The report `transition`: which encoder's next slice can be predicted, beside copying and other controls.

request    which run is reported
findings   the figures of the run, and the rows behind them
narrative  the answer in words
figures    variance explained by model, and over rollouts
sections   the blocks
"""
