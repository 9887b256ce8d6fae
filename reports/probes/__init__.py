"""The report `probes`: what the stored states know about a label, by encoder and layer, beside the controls.

request    which run is reported
findings   its rows
narrative  the answer in words
figures    scores by layer as a chart
sections   the blocks
"""
