"""Dense scores: how well the tokens of an encoder carry masks and points through the clips of a video."""

from tubelet.store.schema.columns import MOMENT, Column, Table

SCORES = Table(
    "scores",
    "score of an encoder on the masks or points of a video",
    ("score_id",),
    (
        Column("score_id", "VARCHAR", "hash of encoder, video, task, measure and control"),
        Column("encoder_id", "VARCHAR", "encoder whose tokens were used"),
        Column("layer", "VARCHAR", "layer of these tokens"),
        Column("video_id", "VARCHAR", "video with masks or points"),
        Column(
            "task",
            "VARCHAR",
            "`segmentation`: objects cut out from the mask of one slice; `tracking`: points followed from one slice",
        ),
        Column(
            "measure",
            "VARCHAR",
            "`J`, `F`, `J&F` of DAVIS; `AJ`, `delta_avg`, `OA` (occlusion accuracy) of TAP-Vid",
        ),
        Column(
            "control",
            "VARCHAR",
            "NULL for the tokens; `still`: the mask or point stays where it was given",
        ),
        Column("score", "DOUBLE", "the measure, 0 to 1, in the encoder's picture"),
        Column("thing_count", "INTEGER", "objects or points that were scored, once per clip"),
        Column(
            "frame_count", "INTEGER", "frames that were scored, once per object or point", "frames"
        ),
        Column("clip_count", "INTEGER", "clips that were scored", "clips"),
        Column("settings", "VARCHAR", "all settings of the run, as JSON"),
        Column("created_at", MOMENT, "when the score was computed", "UTC"),
    ),
)
