"""A decoder: stored tokens to the slice pictures that the store holds, for looking at what tokens know.

options      what `tubelet decoder fit` is asked for
network      the head in torch, the same as `latent/decoding/head.py`
learning     fitting, with a part of the training part that decides when to stop
similarity   PSNR, SSIM, and a distance in features of EfficientNet-Lite0
measuring    the same of every test video, beside the mean picture
rollout      what a transition model predicts, decoded
run          one encoder's decoder: fitted, measured and kept
"""
