"""Names that several tables use: each has one type and one meaning, which a table's own text makes precise.

A test holds every column to this: two tables describe a name in the same words, or the name stands here.
"""

SHARED = {
    "video_id": "the video that the row belongs to",
    "encoder_id": "the encoder that the row belongs to",
    "clip_id": "the clip that the row belongs to",
    "pair_id": "the pair that the row belongs to",
    "basis_id": "the basis that the row belongs to",
    "name": "name of what the row describes",
    "path": "absolute path of a file",
    "label": "folder of the file below the path given to ingest",
    "settings": "settings of a fit, as JSON",
    "task": "what was to be told or done",
    "control": "what stands in the place of the states or tokens of an encoder; NULL for these themselves",
    "score": "how well it was told or done",
    "run_id": "the run of a command that the row was made in",
    "embed_dim": "numbers per token",
    "clip_count": "clips that the row speaks of",
    "frame_count": "frames that the row speaks of",
    "layer": "where in an encoder tokens are taken",
    "modified_ns": "modification time of the file",
    "corrupt_frames": "frames of the video or window that FFmpeg marks as damaged",
    "first_frame": "number of the frame from which on the row speaks",
    "cosine": "cosine of two vectors of one token",
    "pixel_change": "mean absolute difference of pixels",
    "kind": "which sort of pair, basis, probe or annotation it is",
    "number": "number of the row among those of its kind",
    "vector": "the numbers of a basis or a direction",
    "start_s": "time at which something begins, since the video's first frame",
    "stop_s": "time at which something ends, since the video's first frame",
    "source": "where the row comes from",
    "added_at": "when the row was committed",
    "created_at": "when the clip, basis, projection, probe or score was made",
    "measured_at": "when the measurement was taken",
    "mean_abs": "mean absolute difference, over everything that the row does not name",
}
