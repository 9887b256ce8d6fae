"""Probes: small models that were trained on what the store holds of its videos, and what each predicted of every video."""

from tubelet.store.schema.columns import MOMENT, Column, Table

PROBE = Column("probe_id", "VARCHAR", "hash of run, encoder, layer, control and share")

PROBES = Table(
    "probes",
    "trained probe, or control of one",
    ("probe_id",),
    (
        PROBE,
        Column(
            "run_id",
            "VARCHAR",
            "hash of labels, videos and settings: the probes and controls of a run share videos and folds",
        ),
        Column(
            "encoder_id",
            "VARCHAR",
            "encoder of the states; NULL for controls that see none",
        ),
        Column("layer", "VARCHAR", "layer of the states; NULL for controls that see none"),
        Column("label_name", "VARCHAR", "label that was learned; `masks` for patch probes"),
        Column(
            "kind",
            "VARCHAR",
            "`linear` (logistic or ridge regression), `knn`, `attentive` (cross-attention over all tokens), or `patch` (logistic regression from a token to the masks)",
        ),
        Column(
            "control",
            "VARCHAR",
            "NULL for a probe; `shuffled` labels, `majority` class (or mean), `position` of the clip alone, `pixels` of the slice pictures, `motion` between them, `untrained` network",
        ),
        Column("task", "VARCHAR", "`classes`, `numbers` or `masks`"),
        Column(
            "metric",
            "VARCHAR",
            "`accuracy`: share of videos, predictions averaged over a video's clips; `R2`: coefficient of determination; `mIoU`: intersection over union of pixels, the mean over classes",
        ),
        Column("score", "DOUBLE", "the metric over all predicted videos, a group counting once"),
        Column("score_low", "DOUBLE", "lower end of its 95% interval over videos or groups"),
        Column("score_high", "DOUBLE", "upper end of its 95% interval over videos or groups"),
        Column("train_share", "DOUBLE", "part of the training videos that was used", "percent"),
        Column("video_count", "INTEGER", "videos that were predicted", "videos"),
        Column("group_count", "INTEGER", "groups of these videos; a video without one is its own"),
        Column("clip_count", "INTEGER", "clips of these videos", "clips"),
        Column(
            "class_count",
            "INTEGER",
            "classes, of masks the background among them; NULL for numbers",
        ),
        Column("fold_count", "INTEGER", "folds; 1 where a label `split` is obeyed"),
        Column(
            "hyperparameter",
            "DOUBLE",
            "median over folds of what was chosen inside the training folds: C, alpha, neighbors, or learning rate",
        ),
        Column("settings", "VARCHAR", "all settings of the run, as JSON"),
        Column("created_at", MOMENT, "when the probe was trained", "UTC"),
    ),
)

PREDICTIONS = Table(
    "predictions",
    "video that a probe predicted",
    ("probe_id", "video_id", "fold"),
    (
        PROBE,
        Column("video_id", "VARCHAR", "video that was predicted, by a model that never saw it"),
        Column("fold", "SMALLINT", "fold whose test part has the video, from 0"),
        Column("truth", "VARCHAR", "value of the label"),
        Column("prediction", "VARCHAR", "predicted value"),
        Column(
            "confidence",
            "DOUBLE",
            "probability of the predicted class, averaged over the video's clips; NULL for numbers",
            "0 to 1",
        ),
        Column("correct", "BOOLEAN", "whether the predicted class is right; NULL for numbers"),
    ),
)

PROBE_WEIGHTS = Table(
    "probe_weights",
    "class that a linear probe tells, one for numbers",
    ("probe_id", "number"),
    (
        PROBE,
        Column("number", "INTEGER", "number of the class in their order, from 0"),
        Column("class_value", "VARCHAR", "class that the weights are of; NULL where there is none"),
        Column(
            "weights",
            "DOUBLE[]",
            "weight of each dimension of a state as it is stored, mean over folds; those of a class minus the mean over classes",
        ),
        Column("bias", "DOUBLE", "what is added to the product"),
    ),
)

PROBE_ATTENTION = Table(
    "probe_attention",
    "head of an attentive probe in a fold",
    ("probe_id", "fold", "head"),
    (
        PROBE,
        Column("fold", "SMALLINT", "fold whose training part the model learned from, from 0"),
        Column("head", "SMALLINT", "head of the attention, from 0"),
        Column(
            "vector",
            "DOUBLE[]",
            "what normalized tokens (mean 0, variance 1) are multiplied by: the softmax of the products over the tokens of a clip is the attention of the head",
        ),
    ),
)

MASK_CLASSES = Table(
    "mask_classes",
    "class of the masks that a patch probe tells, or its control",
    ("probe_id", "class_value"),
    (
        PROBE,
        Column(
            "class_value",
            "VARCHAR",
            "number of the object in the masks, `background`, or `object`: any",
        ),
        Column(
            "iou",
            "DOUBLE",
            "intersection over union of all predicted videos, a group counting once",
            "0 to 1",
        ),
        Column("iou_low", "DOUBLE", "lower end of its 95% interval over videos or groups"),
        Column("iou_high", "DOUBLE", "upper end of its 95% interval over videos or groups"),
    ),
)

MASK_PREDICTIONS = Table(
    "mask_predictions",
    "class in a video whose masks a patch probe, or its control, predicted",
    ("probe_id", "video_id", "fold", "class_value"),
    (
        PROBE,
        Column("video_id", "VARCHAR", "video that was predicted, by a model that never saw it"),
        Column("fold", "SMALLINT", "fold whose test part has the video, from 0"),
        Column("class_value", "VARCHAR", "class, as in `mask_classes`"),
        Column(
            "intersection",
            "DOUBLE",
            "share of the scored pixels that have the class and were given it",
            "0 to 1",
        ),
        Column(
            "union_share",
            "DOUBLE",
            "share of the scored pixels that have the class or were given it",
            "0 to 1",
        ),
        Column("iou", "DOUBLE", "intersection over union in this video", "0 to 1"),
        Column(
            "frame_count", "INTEGER", "annotated frames that were scored, once per clip", "frames"
        ),
    ),
)

PROBED = (PROBES, PREDICTIONS, PROBE_WEIGHTS, PROBE_ATTENTION, MASK_CLASSES, MASK_PREDICTIONS)
