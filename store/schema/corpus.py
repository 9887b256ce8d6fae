"""Videos, where they were found, encoders, clips, and what failed."""

from tubelet.store.schema.columns import MOMENT, Column, Table

EMBED_DIM = Column("embed_dim", "INTEGER", "length of an embedding", "dimensions")

VIDEOS = Table(
    "videos",
    "distinct file content",
    ("video_id",),
    (
        Column(
            "video_id",
            "VARCHAR",
            "first 16 hex digits of the SHA-256 of the file's bytes, or of the pictures of a folder of frames and their rate",
        ),
        Column("name", "VARCHAR", "file name"),
        Column(
            "path",
            "VARCHAR",
            "absolute path where it was last found; all known paths are in `places`, which has no row of it where other content is now",
        ),
        Column("bytes", "BIGINT", "size of the file", "bytes"),
        Column(
            "modified_ns",
            "BIGINT",
            "modification time; with path and bytes it avoids hashing again; of a video at an address, its fractions of a second are digits of the server's tag; -1 while the file is read for the first time: frames and duration are then what its header says",
            "ns since 1970",
        ),
        Column("container", "VARCHAR", "container format, FFmpeg's name"),
        Column("codec", "VARCHAR", "video codec, FFmpeg's name"),
        Column(
            "width", "INTEGER", "width as displayed: rotation and pixel aspect applied", "pixels"
        ),
        Column(
            "height", "INTEGER", "height as displayed: rotation and pixel aspect applied", "pixels"
        ),
        Column(
            "rotation",
            "SMALLINT",
            "rotation that the file requests, applied when decoding",
            "degrees counterclockwise",
        ),
        Column(
            "mirrored",
            "BOOLEAN",
            "whether the file requests that left and right be swapped, applied before the rotation",
        ),
        Column(
            "transfer",
            "VARCHAR",
            "transfer characteristics, FFmpeg's name, or dolby-vision where a file names none but has its metadata; smpte2084 (PQ), arib-std-b67 (HLG) and dolby-vision are HDR, taken without tone mapping",
        ),
        Column(
            "primaries",
            "VARCHAR",
            "color primaries, FFmpeg's name; NULL where the file does not say",
        ),
        Column("bit_depth", "SMALLINT", "bits of a stored sample; the encoder gets 8", "bits"),
        Column("fps", "DOUBLE", "average frame rate according to the header", "frames/s"),
        Column("frames", "INTEGER", "frames as decoded, in the decoder's order", "frames"),
        Column(
            "corrupt_frames",
            "INTEGER",
            "frames that FFmpeg decodes but marks or finds as damaged",
            "frames",
        ),
        Column(
            "gaps",
            "INTEGER[]",
            "numbers of the frames before which damaged packets lost frames; no window lies over one",
            "frame",
        ),
        Column(
            "duration_s",
            "DOUBLE",
            "from the first frame to the end of the last, by time stamps",
            "s",
        ),
        Column(
            "frame_times_s",
            "DOUBLE[]",
            "time of every frame since the first; NULL unless `--fps` needed them",
            "s",
        ),
        Column(
            "label",
            "VARCHAR",
            "folder of the file below the path given to ingest, at the last known place; NULL at its top",
        ),
        Column("thumbnail", "VARCHAR", "JPEG of one frame, relative to the store"),
        Column("added_at", MOMENT, "when the video was committed", "UTC"),
    ),
)

PLACES = Table(
    "places",
    "path at which a video was found",
    ("place_id",),
    (
        Column("place_id", "VARCHAR", "hash of video and path"),
        Column("video_id", "VARCHAR", "content of the file when it was read"),
        Column(
            "path",
            "VARCHAR",
            "absolute path of the file; of one video alone, the last that was found there",
        ),
        Column("name", "VARCHAR", "file name"),
        Column(
            "label", "VARCHAR", "folder of the file below the path given to ingest; NULL at its top"
        ),
        Column("bytes", "BIGINT", "size of the file", "bytes"),
        Column(
            "modified_ns",
            "BIGINT",
            "modification time when the content was last read",
            "ns since 1970",
        ),
        Column("added_at", MOMENT, "when this row was committed", "UTC"),
    ),
)

ENCODERS = Table(
    "encoders",
    "encoder, weights and layer",
    ("encoder_id",),
    (
        Column(
            "encoder_id",
            "VARCHAR",
            "name, layer where it is not the output, and hash of name, weights, layer and of settings that change its numbers",
        ),
        Column("name", "VARCHAR", "name in `tubelet encoders`"),
        Column("family", "VARCHAR", "architecture"),
        Column(
            "layer",
            "VARCHAR",
            "where in the encoder tokens are taken: `last`, a level from 0, or several joined in order: a range such as `0-1`, or `all`; or the residual stream at its blocks: `block:8`, `blocks:0-23`, `blocks:3,7`, `blocks:all`",
        ),
        EMBED_DIM,
        Column("patch", "SMALLINT", "side of a patch", "pixels"),
        Column("tubelet", "SMALLINT", "frames that become one slice", "frames"),
        Column("parameters", "BIGINT", "parameters of the encoder"),
        Column("weights_sha256", "VARCHAR", "SHA-256 of the weights' names, shapes and values"),
        Column(
            "weights_source",
            "VARCHAR",
            "where the weights come from; says so when they are untrained",
        ),
        Column("preprocessing", "VARCHAR", "how pixels become the encoder's input"),
        Column(
            "suits",
            "VARCHAR",
            "what this layer is best for, as measured: `segmentation` or `tracking`; NULL where layers were not compared",
        ),
        Column(
            "side",
            "VARCHAR",
            "of a layer of blocks: `pre`, the residual stream before the block, or `post`, after it; NULL for levels",
        ),
        Column(
            "final_norm",
            "BOOLEAN",
            "of a layer of blocks: whether the encoder's final norm was applied to it; NULL for levels, which the encoder norms as it does",
        ),
        Column(
            "causal",
            "BOOLEAN",
            "whether each slice was encoded from the frames up to its own end alone (`--causal`); NULL in rows of older versions, which were not",
        ),
    ),
)

CLIPS = Table(
    "clips",
    "encoded window",
    ("clip_id",),
    (
        Column("clip_id", "VARCHAR", "hash of video, encoder, window, geometry and precision"),
        Column("video_id", "VARCHAR", "video of the clip"),
        Column("encoder_id", "VARCHAR", "encoder of the clip"),
        Column("first_frame", "INTEGER", "first frame of the window, from 0", "frame"),
        Column("frame_count", "INTEGER", "frames fed to the encoder", "frames"),
        Column(
            "step",
            "INTEGER",
            "distance of one frame to the next; where `frame_numbers` is set, the mean, rounded",
            "frames",
        ),
        Column(
            "frame_numbers",
            "INTEGER[]",
            "numbers of the frames where they are not equally far apart; NULL where first frame and step say them",
            "frame",
        ),
        Column(
            "sample_fps",
            "DOUBLE",
            "rate at which `--fps` sampled the frames; NULL where every `step`-th frame counts",
            "frames/s",
        ),
        Column(
            "segment",
            "VARCHAR",
            "name of the stretch that `--segments` encoded; NULL for a window of the grid",
        ),
        Column(
            "role",
            "VARCHAR",
            "`grid`: one of the windows that start every `--stride` frames; `partner`: encoded only because a pair needs it",
        ),
        Column("start_s", "DOUBLE", "time of the first frame since the video's first frame", "s"),
        Column("stop_s", "DOUBLE", "time at which the last frame ends", "s"),
        Column(
            "corrupt_frames",
            "INTEGER",
            "frames of the window that FFmpeg marks or finds as damaged",
            "frames",
        ),
        Column("slices", "INTEGER", "temporal positions of the token grid"),
        Column("grid_height", "INTEGER", "rows of the token grid", "patches"),
        Column("grid_width", "INTEGER", "columns of the token grid", "patches"),
        EMBED_DIM,
        Column(
            "geometry",
            "VARCHAR",
            "how a frame becomes the encoder's picture: `crop` the whole short side and the middle of the long one, `meta` seven eighths of that as V-JEPA's authors do, `fit` the whole frame",
        ),
        Column("crop_height", "INTEGER", "height of the picture the encoder saw", "pixels"),
        Column("crop_width", "INTEGER", "width of the picture the encoder saw", "pixels"),
        Column("precision", "VARCHAR", "arithmetic of the encoder"),
        Column(
            "embedding_path",
            "VARCHAR",
            "embedding file, relative to the store; NULL where only statistics were kept",
        ),
        Column("embedding_bytes", "BIGINT", "size of the embedding file", "bytes"),
        Column("embedding_sha256", "VARCHAR", "SHA-256 of the embedding file"),
        Column(
            "has_statistics",
            "BOOLEAN",
            "whether statistics of the clip's tokens are stored; NULL in clips of older versions, which have them",
        ),
        Column(
            "pooled_layers",
            "SMALLINT",
            "layers whose pooled states are stored; NULL where none are",
            "layers",
        ),
        Column("encode_s", "DOUBLE", "seconds in the encoder", "s"),
        Column("created_at", MOMENT, "when the clip was encoded", "UTC"),
    ),
)

FAILURES = Table(
    "failures",
    "failed file or clip",
    ("failure_id",),
    (
        Column("failure_id", "VARCHAR", "hash of path, content, encoder, stage, error and frame"),
        Column(
            "path",
            "VARCHAR",
            "absolute path of the file; of one video alone, the last that was found there",
        ),
        Column("video_id", "VARCHAR", "content of the file; NULL where it could not be read"),
        Column("encoder_id", "VARCHAR", "encoder that failed; NULL where none was reached"),
        Column("stage", "VARCHAR", "what failed: read, open, decode, window or encode"),
        Column("error", "VARCHAR", "the reason, in words"),
        Column("first_frame", "INTEGER", "first frame that is missing because of it", "frame"),
        Column("failed_at", MOMENT, "when it failed", "UTC"),
    ),
)
