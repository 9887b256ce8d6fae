"""Files of what was found in a store, from Python and for the command and the dashboard.

names       names of files that say video and content
timeline    which window of a video covers each of its frames
choice      which clip is meant, and which of its patches
drawing     a window, or a whole video, as an MP4
tracks      a track as a table, with frame, seconds and pixels of the source
propagation a mask carried on from window to window
mask_files  a window's mask as .npz or PNG, in the encoder's picture
mask_video  masks in the source's pixels, as MP4 or as a sequence of PNG files
requests    what `tubelet export` and Python ask for

from tubelet.latent.exports import requests
requests.export_track(store, requests.ClipChoice(video="cat.mp4"), TrackRequest(patches=[(0, 4, 7)]), Path("cat.csv"))
"""
