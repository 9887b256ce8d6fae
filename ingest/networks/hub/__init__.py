"""Encoders through transformers: a directory that `save_pretrained` wrote, or the same files on the Hugging Face Hub.

    named     well-known models under short names
    files     a name, an id or a directory -> the directory that holds the model
    shapes    what a model is, from the `model_type` of its config: how to call it, and where the patch tokens are
    weights   its tensors, read strictly
    ordinary  settings that change its numbers and are not the defaults of its type: part of its id
    encoder   8-bit frames in, token grids out
    models    the above together: what is known before its weights are read, and the encoder afterwards

transformers is imported only when such an encoder is requested.
"""
