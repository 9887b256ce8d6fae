"""How weights come to the machine: a released name or a local file in, tensors by Meta's names out.

    release     what was released: where each file lies, what in it counts, its license
    cache       where the files of a release are kept
    transfer    the progress of bytes
    part        a file that is still arriving, and which version of it
    download    HTTP: from the last byte that came to the last there is
    renames     names of transformers' V-JEPA 2 tensors -> Meta's
    formats     a local file of any format, opened as sections of tensors
    extraction  the sections that count, as one safetensors file
    hub         releases that lie on the Hugging Face hub
    fetching    a release -> its tensors, over the network only where they are not here yet

A module imports only what stands above it.
"""
