"""Search by text: tokens of an encoder that was trained on captions, compared with the embedding of a text. No network runs here.

head     what compares tokens with texts, with NumPy alone: patch by patch, and whole slices
keeping  heads and texts in the store, and the vectors of slices beside the clips
search   the slices of a corpus that are most like a text
run      a text that is searched for, encoded first where the store does not know it
shade    similarity to a text as brightness over a clip
"""
