"""What people know of videos: files of labels and points, folders of masks, and tags.

text_table  a file as a table of text, with the line of every row
columns     which of its columns mean what
match       which video a row means
labels      rows of `labels`
points      rows of `points`
masks       rows of `masks`, from arrays
importing   files to one commit; what was imported, listed and removed
tags        named sets of videos
"""
