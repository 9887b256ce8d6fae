"""Latent space: colors, tracks, segmentation and search over the embeddings of a store.

    errors        sentences that say what to do
    half          half precision to float32, and unit vectors
    clips         one clip's token grid, read from the store
    scope         which tokens a basis is fitted on: a clip, a video or the corpus
    positions     the mean embedding of each grid position over the corpus
    preparation   what happens to tokens before a basis sees them
    linear        projections: PCA and plain dimensions
    manifold      UMAP on PCA-reduced tokens, and where new tokens fall
    centers       k-means clusters
    foreground    which tokens count as foreground
    colors       coordinates and categories as colors
    basis         a fitted basis, ready to be applied to clips of its encoder
    bases         keeps bases in the store and lists them
    sample        a sample of the corpus: its tokens' coordinates and statistics
    fitting       fits a basis
    projections   coordinates and clusters of a clip, kept as rows
    query         the tokens a person asks about
    unrelated     what patches of other videos reach: the level below which a track is lost
    tracking      where the query is in each slice of a clip
    graph         which tokens of a clip follow each other in space and time
    segmentation  labels spread from a few tokens to all
    masks         scores as pixels: masks, PNG, .npz, intersection over union
    hits          ranked tokens, up to a limit per video
    search        exact search
    sketch        a compact code of each token
    sketch_search search by index: codes first, then embeddings
    sketches      keeps sketches in the store, and their measured recall
    retrieval     search by index where that pays, else exactly
    questions     the SQL behind the pictures
    channels      what of a token can be seen on a map
    memo          results that are kept
    workspace     bases, colors, maps, tracks, masks and search over a store, kept in memory by one object
    layers        what a slice is drawn with, as pixels
    exports       files of what was found: MP4, masks, tracks, colors

A module imports only what stands above it. Pure functions over NumPy arrays; knows no torch and no streamlit, and video files only in `exports`.
"""
