"""The attentive probe of V-JEPA's evaluation: a learned query looks at all tokens of a clip through one cross-attention block, and a linear layer tells the label.

network     the block, its attention computed without a key or a value per token
batches     minibatches of tokens, read from embedding files as they are needed
fitting     a sweep of learning rates on the same minibatches, stopped early inside the training part
model       what was trained, with the interface of scikit-learn's models
method      the kind `attentive` of `tubelet probe`
"""
