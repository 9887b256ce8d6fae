"""One vector per video: the mean of its tokens, from statistics that every store keeps.

vectors = read_vectors(store, encoder_id)
vectors.vectors                             # float32 (n, D), a row per video
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tubelet.array_types import Float32
from tubelet.latent.errors import LatentError
from tubelet.store import Store, ids
from tubelet.store.questions.video_vectors import video_means


@dataclass(frozen=True, kw_only=True)
class VideoVectors:
    """The encoded videos by name, and the mean embedding of each; `vectors_id` is made from both."""

    encoder_id: str
    vectors_id: str
    video_ids: tuple[str, ...]
    names: tuple[str, ...]
    vectors: Float32[np.ndarray, "n D"]

    def select(self, video_ids: Collection[str]) -> "VideoVectors":
        """Some of the videos, in the same order. Raises LatentError where none of them is encoded."""
        rows = [n for n, video_id in enumerate(self.video_ids) if video_id in video_ids]
        if not rows:
            raise LatentError("none of these videos is encoded by this encoder: choose another")
        ids_, names = (tuple(of[n] for n in rows) for of in (self.video_ids, self.names))
        return VideoVectors(
            encoder_id=self.encoder_id,
            vectors_id=self.vectors_id,
            video_ids=ids_,
            names=names,
            vectors=self.vectors[rows],
        )

    def __len__(self) -> int:
        return len(self.video_ids)


def read_vectors(store: Store, encoder_id: str) -> VideoVectors:
    """The vectors of an encoder's videos. Raises LatentError where none is encoded."""
    found = video_means(encoder_id).answer(store)
    if not len(found):
        raise LatentError(
            f"{store.name} holds no statistics of {encoder_id}: `tubelet ingest` computes them for each video that it encodes"
        )
    video_ids = tuple(found["video_id"].to_pylist())
    vectors = stack_lists(found["vector"])
    content = hashlib.sha256(vectors.tobytes()).hexdigest()
    key = ids.hash_parts("video_vectors", encoder_id, content, *video_ids)
    return VideoVectors(
        encoder_id=encoder_id,
        vectors_id=key,
        video_ids=video_ids,
        names=tuple(found["name"].to_pylist()),
        vectors=vectors,
    )


def stack_lists(column: pa.ChunkedArray) -> Float32[np.ndarray, "n D"]:
    """Lists of one length as rows. Raises LatentError where their lengths differ."""
    lists = column.combine_chunks()
    values = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    lengths = set(lists.value_lengths().to_pylist())
    if len(lengths) > 1:
        raise LatentError(
            "videos have statistics of different numbers of dimensions: run `tubelet check`"
        )
    return values.reshape(len(lists), -1)
