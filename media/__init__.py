"""Video files: frames out of them, and frames into them.

    errors      what can go wrong with one
    orientation, color   what a frame says about how to display it
    decoder     frames of a stream, past isolated damage
    video       a file as facts and frames, in the decoder's order
    recording   frames as an MP4

Imports store for its errors alone; knows no torch and no streamlit.
"""
