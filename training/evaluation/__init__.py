"""The evaluation: what an encoder's tokens are good for, next to raw pixels and the same network untrained.

    baselines     raw pixels and hand-made motion as token grids
    material      the scenes and windows that every encoder is measured on
    tracking      is a patch found again?
    direction     is the direction of motion linear in the mean token?
    foreground    do the first components tell object from background?
    shifting      how much do tokens change when the window moves by a slice?
    spectrum      how many dimensions are in use
    page_scenes   what the Video page does: tracks, losses and masks against the truth
    prediction    does the predictor beat a copy of what was seen last?
    measures      all of it, for one encoder
    evaluation    the encoder and its baselines, as lines and JSON

A score is one number per scene or video; what is compared is always measured on the same ones.
"""
