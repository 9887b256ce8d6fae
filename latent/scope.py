"""Which tokens a basis is fitted on: all of one clip, some of one video, or the sample of the corpus; never all embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from tubelet.array_types import Bool, Float, Float32, Int
from tubelet.latent import clips, half
from tubelet.latent.errors import LatentError
from tubelet.store import Store
from tubelet.store.rows import ClipRow

MAX_TOKENS = 50_000  # that a fit holds in memory; a clip is never cut
MAX_CLIPS = 64  # of a video that are read
KINDS = ("clip", "video", "corpus")
ENOUGH = (
    1_024  # tokens of a corpus that a fit takes where it has them, however unequal its videos are
)
WANTED = "c.encoder_id = $encoder AND c.role IS DISTINCT FROM 'partner' AND ($slices::INTEGER[] IS NULL OR list_contains($slices::INTEGER[], s.slice))"
# `below`: the bound of a hash that about $each tokens of a video keep under; g lies above every hash in hexadecimal digits.
SAMPLES = f"""FROM token_samples s JOIN clips c USING (clip_id) JOIN (
  SELECT c.video_id, if(count(*) <= $each, 'g', format('{{:08x}}', ($each * 4294967296 // count(*))::BIGINT)) AS below
  FROM token_samples s JOIN clips c USING (clip_id) WHERE {WANTED} GROUP BY c.video_id
) q USING (video_id)"""
CHOSEN = f"WHERE {WANTED} AND md5(concat_ws('/', s.clip_id, s.slice, s.y, s.x)) < q.below"
SAMPLED = f"{SAMPLES}\n{CHOSEN}"


@dataclass(frozen=True)
class Scope:
    """A clip, a video or the corpus, within one encoder; `id` is None for the corpus."""

    kind: str
    id: str | None
    encoder_id: str

    @classmethod
    def of(
        cls,
        store: Store,
        clip: str | None = None,
        video: str | None = None,
        encoder: str | None = None,
    ) -> "Scope":
        """A clip's scope, or else a video's, or else the corpus's; `encoder` is an id or a name and may be left out where there is only one."""
        if clip is not None:
            found = clips.row(store, clip).encoder_id
            if encoder not in (None, found):
                raise LatentError(
                    f"clip {clip} was encoded by {found}, not by {encoder}: leave --encoder out"
                )
            return cls("clip", clip, found)
        return cls("corpus" if video is None else "video", video, _encoder(store, video, encoder))


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """Tokens with their addresses: float32 vectors ``(n, D)``; `clip`, `slice`, `y`, `x` ``(n,)``; grid sides ``(n,)`` each."""

    vectors: Float32[np.ndarray, "n D"]
    clip_ids: tuple[str, ...]
    clip: Int[np.ndarray, " n"]  # numbers into clip_ids
    slice: Int[np.ndarray, " n"]
    y: Int[np.ndarray, " n"]
    x: Int[np.ndarray, " n"]
    height: Int[np.ndarray, " n"]
    width: Int[np.ndarray, " n"]

    def only(self, kept: Bool[np.ndarray, " n"]) -> "Tokens":
        """The tokens where `kept` ``(n,)`` is true."""
        names = ("vectors", "clip", "slice", "y", "x", "height", "width")
        return replace(self, **{name: getattr(self, name)[kept] for name in names})


def gather(store: Store, scope: Scope, slices: Sequence[int] | None = None) -> Tokens:
    """The tokens of a scope, in the order of their addresses; of some slices only, if named. Raises LatentError where there are none.

    A clip gives all its tokens. A video of more than 50,000 gives as many of each of at most 64 clips, drawn by the clip's id; the corpus
    gives rows of `token_samples`, about as many of each video (`quota`), of its regular windows, by a hash of their addresses.
    """
    if scope.kind == "corpus" or scope.id is None:
        found = _samples(store, scope.encoder_id, slices)
    elif scope.kind == "video":
        rows = clips.require_embeddings(
            clips.with_embeddings(store, scope.encoder_id, [scope.id]), scope.encoder_id
        )
        chosen = [rows[i] for i in clips.spread_evenly(len(rows), MAX_CLIPS)]
        found = _join([_of_clip(store, row, slices, MAX_TOKENS // len(chosen)) for row in chosen])
    else:
        found = _of_clip(store, clips.row(store, scope.id), slices)
    if not len(found.vectors):
        raise LatentError(
            f"no token is in the slices {list(slices or [])} of this {scope.kind}: name slices that its clips have"
        )
    return found


def _encoder(store: Store, video: str | None, wanted: str | None) -> str:
    sql = """SELECT DISTINCT encoder_id FROM clips JOIN encoders USING (encoder_id)
        WHERE ($video IS NULL OR video_id = $video) AND ($wanted IS NULL OR encoder_id = $wanted OR name = $wanted) ORDER BY encoder_id"""
    found = [row["encoder_id"] for row in store.rows(sql, {"video": video, "wanted": wanted})]
    if len(found) == 1:
        return found[0]
    where = f"video {video}" if video else f"{store.name}"
    if found:
        raise LatentError(
            f"{where} holds clips of {len(found)} encoders: name one of them with --encoder: {', '.join(found)}"
        )
    raise LatentError(
        f'{where} holds no clips{f" of encoder {wanted}" if wanted else ""}: list them with `tubelet sql "FROM clips" --store {store.shell_name}`'
    )


def _of_clip(
    store: Store, clip: ClipRow, slices: Sequence[int] | None, at_most: int | None = None
) -> Tokens:
    if wrong := [s for s in slices or () if not 0 <= s < clip.slices]:
        raise LatentError(
            f"clip {clip.clip_id} has slices 0 to {clip.slices - 1}, not {wrong[0]}: name slices that it has"
        )
    grid = clips.read(store, clip)
    address = np.indices(clip.positions, dtype=np.int16).reshape(3, -1)  # (3, n)
    kept = np.ones(address.shape[1], bool) if slices is None else np.isin(address[0], slices)
    if at_most is not None and kept.sum() > at_most:
        chosen = np.random.RandomState(int(clip.clip_id[:8], 16)).permutation(np.flatnonzero(kept))[
            :at_most
        ]
        kept = np.isin(np.arange(len(kept)), chosen)
    count = int(kept.sum())
    vectors = half.widen(grid.reshape(-1, clip.embed_dim)[kept])
    slice_, y, x = address[:, kept]
    return Tokens(
        vectors=vectors,
        clip_ids=(clip.clip_id,),
        clip=np.zeros(count, np.int32),
        slice=slice_,
        y=y,
        x=x,
        height=np.full(count, clip.grid_height, np.int16),
        width=np.full(count, clip.grid_width, np.int16),
    )


def _join(parts: list[Tokens]) -> Tokens:
    numbers = [np.full(len(part.vectors), i, np.int32) for i, part in enumerate(parts)]
    names = ("vectors", "slice", "y", "x", "height", "width")
    return Tokens(
        clip_ids=tuple(part.clip_ids[0] for part in parts),
        clip=np.concatenate(numbers),
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names},
    )


def _samples(store: Store, encoder_id: str, slices: Sequence[int] | None) -> Tokens:
    """Rows of `token_samples`; which ones of a video stay depends on their addresses alone."""
    table = store.query(
        f"""SELECT clip_id, s.slice, s.y, s.x, c.grid_height, c.grid_width, embedding {SAMPLED}
        ORDER BY clip_id, s.slice, s.y, s.x""",
        sampling(store, encoder_id, MAX_TOKENS, slices),
    )
    encoded = table["clip_id"].combine_chunks().dictionary_encode()
    return Tokens(
        vectors=vectors(table["embedding"]),
        clip_ids=tuple(encoded.dictionary.to_pylist()),
        clip=encoded.indices.to_numpy(),
        slice=table["slice"].to_numpy(),
        y=table["y"].to_numpy(),
        x=table["x"].to_numpy(),
        height=table["grid_height"].to_numpy(),
        width=table["grid_width"].to_numpy(),
    )


def sampling(store: Store, encoder_id: str, most: int, slices: Sequence[int] | None = None) -> dict:
    """The bound values of SAMPLED for at most about `most` tokens, of some slices only, if named."""
    wanted = {"encoder": encoder_id, "slices": None if slices is None else list(slices)}
    sql = f"SELECT count(*) AS n FROM token_samples s JOIN clips c USING (clip_id) WHERE {WANTED} GROUP BY c.video_id"
    return {**wanted, "each": quota(store.query(sql, wanted)["n"].to_numpy(), most)}


def quota(held: Int[np.ndarray, " V"], most: int) -> int:
    """The number of tokens taken per video, given the numbers that videos hold ``(V,)``: as many as the one that holds the fewest, so that
    a long video does not outweigh others; more where a corpus is so small that this leaves fewer than 1,024 in all; never more than `most` in all.
    """
    if not len(held):
        return 0
    return min(max(int(held.min()), -(-ENOUGH // len(held))), max(1, most // len(held)))


def vectors(column: pa.ChunkedArray) -> Float[np.ndarray, "n D"]:
    """A column of lists of equal length as an array ``(n, length)``."""
    values = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return values.reshape(len(column), -1) if len(column) else np.empty((0, 1), np.float32)
