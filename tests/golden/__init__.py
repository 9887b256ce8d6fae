"""Holds our networks to outputs of Meta's own code: `python -m tests.golden DIR`.

DIR has sets of NAME.json (networks and cases), NAME.pt or NAME.pth.tar (weights in Meta's format) and NAME.npz (inputs and expected
outputs); every shape is taken from the set.

    cards     NAME.json -> the networks it describes
    sets      one set: its networks with weights, and their outputs for its inputs
    outputs   the name of an expected array -> our value for it
    loose     arrays without networks: rotations and pictures
    report    every array of a folder compared, in words and as an exit code
"""
