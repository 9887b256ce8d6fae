"""Probes: small models trained on stored states to tell a label, always beside their controls. No encoder runs here.

options     what a run is asked for
truth       which videos have which value of a label, their groups and their split
states      one vector per clip and layer, from pooled states, statistics or embeddings
tokens      all tokens of a clip, as the file that holds them
folds       who is trained on and who is predicted: never a group, nor a video, on both sides
models      scikit-learn's models, their strength chosen inside the training part
method      where the inputs of a kind of probe come from, and how a model learns from them
scoring     predictions by video, and the score with its interval
controls    what a probe must be compared with
trial       one probe: every fold trained and predicted
run         all probes and controls of a command
keeping     their rows
"""
