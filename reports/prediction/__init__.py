"""The report `prediction`: the most surprising moments, how far surprise follows the pixels, and matched pairs of videos.

request      which predictions are reported
findings     their rows, and everything that is computed from them
correlation  rank correlation with the controls, within videos and between them
matching     pairs of videos by label, and a paired test
moments      the most surprising slices, and their pictures
narrative    the answer in words
figures      the charts
sections     the blocks
"""
