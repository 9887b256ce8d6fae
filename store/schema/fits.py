"""What is fitted to tokens: bases, what they were fitted on, and where clips lie in them."""

from tubelet.store.schema.columns import ADDRESS, MOMENT, Column, Table

BASIS = Column("basis_id", "VARCHAR", "basis it belongs to")
PROJECTION = Column("projection_id", "VARCHAR", "hash of basis and clip")

BASES = Table(
    "bases",
    "fitted basis: a projection or a clustering of one encoder's tokens",
    ("basis_id",),
    (
        Column("basis_id", "VARCHAR", "hash of encoder, kind, settings and the tokens of the fit"),
        Column("encoder_id", "VARCHAR", "the only encoder whose clips it applies to"),
        Column(
            "kind",
            "VARCHAR",
            "`pca`, `umap`, `kmeans`, `dimensions` (plain ones), `sae` (a sparse autoencoder trained here) or `dictionary` (one that was imported)",
        ),
        Column(
            "scope",
            "VARCHAR",
            "what it was fitted on: a `clip`, a `video`, or a sample of the `corpus`",
        ),
        Column("scope_id", "VARCHAR", "that clip or video; NULL for the corpus"),
        Column("settings", "VARCHAR", "settings of the fit, sign convention included, as JSON"),
        Column("tokens", "INTEGER", "tokens that the fit saw"),
        Column(
            "explained_variance",
            "DOUBLE[]",
            "sample variance along each component (of umap: of its reduction; of a dictionary: one number, what it rebuilds)",
        ),
        Column("total_variance", "DOUBLE", "sample variance of all dimensions together"),
        Column("created_at", MOMENT, "when it was fitted", "UTC"),
        Column("name", "VARCHAR", "what it is called where it is chosen; NULL for no name"),
    ),
)

BASIS_VECTORS = Table(
    "basis_vectors",
    "row of the numbers that make up a basis",
    ("basis_id", "name", "number"),
    (
        BASIS,
        Column(
            "name",
            "VARCHAR",
            "`mean`, `component`, `center`, `limits` of a component's color scale, `position` means, `foreground`, `training`, `coordinates`; of a dictionary `encoder` and `decoder`, one row per feature, `bias` and `frequency` (share of tokens in which it is active), one number per feature",
        ),
        Column("number", "INTEGER", "number of the row among those of its name, from 0"),
        Column("vector", "DOUBLE[]", "its numbers"),
    ),
)

BASIS_CLIPS = Table(
    "basis_clips",
    "clip whose tokens a fit used",
    ("basis_id", "clip_id"),
    (BASIS, Column("clip_id", "VARCHAR", "clip of the tokens")),
)

PROJECTIONS = Table(
    "projections",
    "clip whose coordinates or clusters in a basis are stored",
    ("projection_id",),
    (
        PROJECTION,
        Column("basis_id", "VARCHAR", "basis that was applied"),
        Column("clip_id", "VARCHAR", "clip it was applied to"),
        Column("created_at", MOMENT, "when it was applied", "UTC"),
    ),
)

PROJECTED = (PROJECTION, Column("basis_id", "VARCHAR", "basis that was applied"), *ADDRESS)

TOKEN_PROJECTIONS = Table(
    "token_projections",
    "token of a clip, in a umap basis",
    ("projection_id", "slice", "y", "x"),
    (
        *PROJECTED,
        *(Column(f"c{i}", "FLOAT", f"coordinate {i}; NULL where there is none") for i in (1, 2, 3)),
    ),
)

CLUSTERS = Table(
    "clusters",
    "token of a clip, in a kmeans basis",
    ("projection_id", "slice", "y", "x"),
    (
        *PROJECTED,
        Column(
            "cluster",
            "SMALLINT",
            "number of the nearest center, 0 the largest cluster of the fit; NULL where there is none",
        ),
    ),
)

SKETCHES = Table(
    "sketches",
    "measurement of how much of an exact search the search by index finds",
    ("sketch_id",),
    (
        Column("sketch_id", "VARCHAR", "hash of basis, clips, queries and candidates"),
        Column("basis_id", "VARCHAR", "pca basis that the codes are coordinates in"),
        Column("encoder_id", "VARCHAR", "encoder of the clips"),
        Column("clips", "INTEGER", "clips that were searched"),
        Column("queries", "INTEGER", "sampled tokens that were looked for"),
        Column("candidates", "INTEGER", "tokens ranked again exactly"),
        Column(
            "recall", "DOUBLE", "share of the 20 tokens of exact search that were found", "0 to 1"
        ),
        Column(
            "directions", "INTEGER", "directions whose largest and smallest tokens were looked for"
        ),
        Column(
            "direction_recall",
            "DOUBLE",
            "share of the 20 largest and 20 smallest tokens along a direction that were found; NULL where none was looked for",
            "0 to 1",
        ),
        Column("measured_at", MOMENT, "when it was measured", "UTC"),
    ),
)

DIRECTIONS = Table(
    "directions",
    "direction of embedding space that the store keeps numbers of (a view): component, cluster, feature of a dictionary, or class of a linear probe",
    ("direction",),
    (
        Column(
            "source", "VARCHAR", "`basis`, `cluster`, `feature` or `probe`: first word of its name"
        ),
        Column(
            "direction",
            "VARCHAR",
            "its name, with the id of its basis or probe: what `component` takes",
        ),
        Column("named", "VARCHAR", "the same with the name of its basis; NULL where it has none"),
        Column("encoder_id", "VARCHAR", "the only encoder whose tokens have a value along it"),
        Column("owner_id", "VARCHAR", "basis or probe that it belongs to"),
        Column("number", "INTEGER", "its number there: of components from 1, of others from 0"),
        Column("class_value", "VARCHAR", "class that the weights are of; NULL where there is none"),
        Column("vector", "DOUBLE[]", "its numbers; NULL for the only cluster of a basis"),
        Column("origin", "DOUBLE[]", "what is subtracted from a token first; NULL for nothing"),
        Column("bias", "DOUBLE", "what is added to the product"),
        Column("unit", "BOOLEAN", "whether a token is divided by its length first"),
        Column(
            "positions", "BOOLEAN", "whether the mean of its position is subtracted before that"
        ),
    ),
)

FITS = (BASES, BASIS_VECTORS, BASIS_CLIPS, PROJECTIONS, TOKEN_PROJECTIONS, CLUSTERS, SKETCHES)
