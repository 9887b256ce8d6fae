"""Pretraining: how a V-JEPA 2.1 learns from videos alone, small enough to read and to run.

    masks          which tokens are seen, which are predicted
    teacher        a frozen image network, where one is wanted
    settings       all settings that determine the weights
    footage        videos and photographs in memory, and the clips cut from them
    augmentation   what the student sees of a clip
    lessons        external targets: the teacher's features, and motion
    whitening      initialization of the patch embeddings
    surroundings   initialization of attention
    objective      the losses, in the order in which they are computed: start reading here
    batches        batch n, from seed and n alone
    trainer        one step after the other; collapse stops it
    run            from the command's arguments to the file of weights, over any number of interruptions

The resulting encoder is the moving average of the one that learned. Evaluation is `tubelet.training.evaluation`.
"""
