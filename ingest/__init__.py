"""Ingest: videos in, complete clips out.

    arguments, job            the options of the command, in groups, checked together
    folders, sources          which files there are and what they contain
    windows, pairs, geometry  which frames make a clip, which windows are compared, how a frame becomes the encoder's picture
    contract, encoders        the interface of an encoder and the table of encoders; catalogue prints it
    facts, grid, layer        what is known about an encoder, what it returns, and which of its levels are stored
    precision, memory         which arithmetic; what a batch needs and what is free
    networks/                 networks of ours (vjepa, efficientnet) and models through transformers (hub)
    weights/                  released weights and local files of any format -> tensors by name; checkpoints and pretrained load them
    pipeline/                 reader, encoder and writer at the same time: one pass over each video, commits every few seconds
    plan                      what a run would cost, from a measured probe
    toy, samples              an encoder without weights; the videos of `tubelet demo`

Knows no streamlit.
"""
