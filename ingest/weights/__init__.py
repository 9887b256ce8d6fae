"""How weights get to this machine: a released name or a local file in, tensors by Meta's names out.

    release     what was released: where each file is, what is needed of it, its license
    cache       where the files of a release are kept
    transfer    the progress of bytes
    part        a file that is still arriving, and which version of it
    download    HTTP: from the last byte received to the end
    renames     names of transformers' V-JEPA 2 tensors -> Meta's
    formats     a local file of any format, opened as sections of tensors
    extraction  the needed sections, as one safetensors file
    hub         releases on the Hugging Face hub
    fetching    a release -> its tensors, over the network only if they are not here yet

A module imports only what stands above it.
"""
