"""What people know of videos and bring along: labels, masks and points from files, and the tags they give."""

from tubelet.store.schema.columns import MOMENT, Column, Table

ANNOTATION = Column("annotation_id", "VARCHAR", "hash of the source's name")
SOURCE = Column("source", "VARCHAR", "name of the annotation file or folder")
ROW = Column("row", "INTEGER", "number of the row in its source, from 1")
FOLDER = "folder"  # the label that ingest gives: the folder of the file

ANNOTATIONS = Table(
    "annotations",
    "imported annotation file or folder",
    ("annotation_id",),
    (
        ANNOTATION,
        SOURCE,
        Column("kind", "VARCHAR", "what it holds: `labels`, `masks` or `points`"),
        Column("path", "VARCHAR", "absolute path it was read from"),
        Column("sha256", "VARCHAR", "SHA-256 of its bytes"),
        Column("matched_by", "VARCHAR", "how its rows found their videos: path, name, stem or id"),
        Column("rows", "INTEGER", "rows that were stored"),
        Column("unmatched", "INTEGER", "rows whose video the store did not hold"),
        Column("added_at", MOMENT, "when it was imported", "UTC"),
    ),
)

LABELS = Table(
    "labels",
    "label of a video or of a stretch of it; the label `folder` comes from ingest",
    ("annotation_id", "row", "name"),
    (
        ANNOTATION,
        ROW,
        Column("video_id", "VARCHAR", "video that is labeled"),
        Column("name", "VARCHAR", "name of the label, such as action, split or group"),
        Column("value", "VARCHAR", "value of the label, as its source has it"),
        Column(
            "start_s",
            "DOUBLE",
            "time at which the labeled stretch begins; NULL for the whole video",
            "s",
        ),
        Column(
            "stop_s",
            "DOUBLE",
            "time at which the labeled stretch ends; NULL for the whole video",
            "s",
        ),
        SOURCE,
    ),
)

MASKS = Table(
    "masks",
    "mask of an object in a frame",
    ("annotation_id", "row"),
    (
        ANNOTATION,
        ROW,
        Column("video_id", "VARCHAR", "video that the mask lies over"),
        Column("frame", "INTEGER", "number of the frame, from 0", "frame"),
        Column("object", "INTEGER", "pixel value of the object in its source; 0 is background"),
        Column("mask_height", "INTEGER", "height of the mask", "pixels"),
        Column("mask_width", "INTEGER", "width of the mask", "pixels"),
        Column(
            "runs",
            "INTEGER[]",
            "lengths of runs of pixels, down the columns from the top left, first those outside the object: COCO's uncompressed `counts`",
            "pixels",
        ),
        SOURCE,
    ),
)

POINTS = Table(
    "points",
    "point of a track in a frame",
    ("annotation_id", "row"),
    (
        ANNOTATION,
        ROW,
        Column("video_id", "VARCHAR", "video that the point lies in"),
        Column("point", "VARCHAR", "name or number of the track"),
        Column("frame", "INTEGER", "number of the frame, from 0", "frame"),
        Column("pixel_x", "DOUBLE", "distance from the left edge of the frame", "pixels"),
        Column("pixel_y", "DOUBLE", "distance from the top edge of the frame", "pixels"),
        Column("visible", "BOOLEAN", "whether the point can be seen in the frame"),
        SOURCE,
    ),
)

TAGS = Table(
    "tags",
    "video, or token of it, that has a tag",
    ("tag_id",),
    (
        Column("tag_id", "VARCHAR", "hash of tag, video and token"),
        Column("tag", "VARCHAR", "name of the tag"),
        Column("video_id", "VARCHAR", "video that has the tag"),
        Column("clip_id", "VARCHAR", "clip of the tagged token; NULL for the whole video"),
        Column("slice", "SMALLINT", "temporal position in the clip, from 0"),
        Column("y", "SMALLINT", "row of the patch, from the top, from 0"),
        Column("x", "SMALLINT", "column of the patch, from the left, from 0"),
        Column("note", "VARCHAR", "what the person who gave the tag wrote about it"),
        Column("added_at", MOMENT, "when the tag was given", "UTC"),
    ),
)

ANNOTATED = (ANNOTATIONS, LABELS, MASKS, POINTS)
PER_VIDEO = (LABELS, MASKS, POINTS)  # removed with their video, although their source owns them
