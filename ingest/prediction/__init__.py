"""Prediction: what an encoder's predictor expects where the encoder has not looked.

options      which clips of a store, contexts and horizons `tubelet surprise` is asked for
loading      the encoder of a store and its predictor
networks     context tokens -> predicted tokens, and the encoder's own of the same places
targets      the stored tokens of a clip, where they are what predictions are compared with
contexts     the slices of a window that are seen, and what is missed of the one to predict
errors       the prediction beside a copy of the last slice seen and the mean token
controls     how much the pixels of a slice change and move
windows      the pixels of stored clips, decoded again
missing      what the store lacks of what is asked for
rows         what was measured, as rows
run          all of it over a store, resumable
live         all of it during an ingest, from the one decoding and encoding that it makes
"""
