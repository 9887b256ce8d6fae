"""Latent space: colors, tracks, segmentation and search over the embeddings of a store.

    half, clips, scope        half precision to float32; one clip's token grid; the tokens that a basis is fitted on
    fitting, basis, bases     fit a basis, apply it to clips of its encoder, store and list bases
    preparation, position_means, foreground    what happens to tokens before a basis sees them
    linear, manifold, clusters                 PCA and plain dimensions; UMAP; k-means
    colors, colorings, channels, projections   coordinates as colors, as channels of a map, and as stored rows
    sample                    a sample of the corpus: its tokens' coordinates and statistics
    query, hits, search       the tokens of a query, ranked tokens, exact search
    codes, code_search, search_index, retrieval    compact codes, search by index, its measured recall, and the choice between both
    null_similarity, tracking, tracks          what patches of other videos reach; where the query is in each slice
    graph, segmentation       which tokens of a clip follow each other; labels spread from a few tokens to all
    marks, masks, mask_files  marked patches as text; scores as pixels, PNG and .npz
    questions                 the SQL behind the pictures

Pure functions over NumPy arrays; knows no torch, no streamlit.
"""
