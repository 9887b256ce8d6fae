"""Pretraining: how a V-JEPA 2.1 learns from videos alone, small enough to read and to run.

    token_masks    which tokens are seen, which are predicted
    teacher        a frozen image network, if one is used
    settings       all that decides which weights come out
    clip_source    videos and photographs in memory, and the clips cut from them
    augmentation   what the student sees of a clip
    distillation   what tokens learn from outside: the teacher's features, color and motion
    bank           clips and their features on disk, each computed once
    bank_filling   the same by several processes
    crops          the pieces of clips that a step sees
    whitening      where the patch embeddings start
    attention_init where attention starts
    objective      the losses, in the order in which they are computed: start reading here
    batches        batch n, from seed and n alone
    trainer        one step after the other; collapse stops it
    run            from the command's arguments to the file of weights, over any number of interruptions

The resulting encoder is the moving average of the one that learned. Evaluation is `tubelet.training.evaluation`.
"""
