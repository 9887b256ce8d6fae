"""Ingest: videos in, complete clips out.

    errors          what can go wrong with arguments, a clip or weights
    arguments       what the command was given, in groups
    windows         which frames make a clip: arithmetic, no pixels
    pairs           which windows are compared: arithmetic, no pixels
    geometry        how a frame becomes the encoder's picture
    grid, facts     what every encoder returns, and is; layer says of which of its levels
    contract        the interface of an encoder
    precision       which arithmetic, and what stays in float32
    toy, vjepa/     networks and encoders of ours; vjepa_encoder takes frames, vjepa_rows name them
    weights/        released weights and local files of any format -> tensors by name; checkpoints puts them into a network
    hub/            encoders through transformers
    encoders        the table of encoders and their one-method contract; catalogue prints it
    folders         what lies below a folder, and what is skipped
    sources         which files there are and what they contain
    memory          what a batch needs, and what is free
    recipe          encoder, windows, geometry, precision, pairs: what makes a clip
    messages        what travels between the threads
    pictures        what the encoder saw, one small picture per slice
    known           what the store holds already
    decoding        one pass over one video: whole windows come out
    reader          sources -> clips of pixels (threads)
    pipe            joins two threads, and measures who waits
    measuring       live token grids wait for their partner; then the pair is measured
    encoding        clip of pixels -> token grid and its statistics (the device)
    batching        the encode stage: clips of one shape together
    writer          encoded clips -> files and commits (a thread)
    progress, summary, run   the three together
    plan            what a run would cost, from a measured probe
    samples         the videos of `tubelet demo`
    job             the arguments of the command, checked together

A module imports only what stands above it. Imports store and film; knows no streamlit.
"""
