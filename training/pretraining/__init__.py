"""Pretraining: how a V-JEPA 2.1 learns from videos alone, small enough to read and to run.

    token_masks    which tokens are seen, which are predicted
    teacher        a frozen image network, if one is wanted
    settings       all settings that determine the weights
    clip_source    videos and photographs in memory, and the clips cut from them
    augmentation   what the student sees of a clip
    distillation   external targets: the teacher's features, and motion
    whitening      initialization of the patch embeddings
    attention_init initialization of attention
    objective      the losses, in the order in which they are computed: start reading here
    batches        batch n, from seed and n alone
    trainer        one step after the other; collapse stops it
    run            from the command's arguments to the file of weights, over any number of interruptions

The resulting encoder is the moving average of the one that learned. Evaluation is `tubelet.training.evaluation`.
"""
