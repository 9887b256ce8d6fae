"""Which roll-ups are reported on: one encoder and window length, one layer or all that are stored, all videos or those of a condition."""

from collections.abc import Mapping
from dataclasses import dataclass

from tubelet.reports.errors import OtherEncoders, ReportError
from tubelet.reports.scope_options import describe_scope, encoder_option, frames_option
from tubelet.store import Store
from tubelet.store.encoder_names import name_encoders
from tubelet.store.errors import NoVideos
from tubelet.store.options import check_options, option
from tubelet.store.questions.dimensions import StateScope, state_scopes
from tubelet.store.sandbox import conditions

LISTED = 8


@dataclass(frozen=True, kw_only=True)
class DimensionsOptions:
    """None: the value with the most videos in the store, and all layers."""

    encoder: str | None = encoder_option()
    frames: int | None = frames_option()
    layer: str | None = option(
        None, help="One layer of those that are stored.", unset="all that are stored"
    )
    where: str | None = option(
        None,
        help="Only videos that meet a condition, such as \"label = 'cooking'\".",
        metavar="SQL",
    )

    def __post_init__(self) -> None:
        check_options(self, ReportError)


@dataclass(frozen=True)
class Subject:
    """The layers of one encoder that are reported on; `is_image`: it encodes each frame alone."""

    encoder: str
    is_image: bool
    scopes: tuple[StateScope, ...]


def choose_subject(store: Store, options: DimensionsOptions) -> Subject:
    """What the options select. Raises ReportError where nothing is stored at all, OtherEncoders where nothing of that is, NoVideos and QueryError for the condition."""
    held = state_scopes().answer(store).to_pylist()
    if not held:
        raise ReportError(
            f"{store.name} holds no statistics by slice: compute them with `tubelet backfill --store {store.shell_name}` where embeddings "
            f"are stored, or ingest videos with `tubelet ingest PATH... --store {store.shell_name} --encoder NAME --keep statistics`"
        )
    wanted = [row for row in held if _fits(row, options)]
    if not wanted:
        names = name_encoders(store)
        asked = describe_scope(store, options, "encoder", "frames", "layer")
        raise OtherEncoders(
            f"no statistics by slice of {asked} are in {store.name}; there are those of: {_list(held, names)}",
            (row["encoder_id"] for row in held),
        )
    key = ("encoder_id", "frame_count", "slices")
    rows = [row for row in wanted if all(row[name] == wanted[0][name] for name in key)]
    videos = None if options.where is None else conditions.videos(store, options.where)
    rows = [row for row in rows if not _is_joined(row, rows)]
    scopes = {}  # of a layer that both tables hold, the statistics: they are not rounded
    for row in rows:
        scope = StateScope(encoder_id=row["encoder_id"], frames=row["frame_count"], slices=row["slices"], layer=row["layer"], pooled=row["pooled"], videos=videos)  # fmt: skip
        if row["layer"] not in scopes or not row["pooled"]:
            scopes[row["layer"]] = scope
    return Subject(rows[0]["encoder"], rows[0]["tubelet"] == 1, tuple(scopes.values()))


def refuse_nothing(store: Store, options: DimensionsOptions, videos: int) -> None:
    """Raise NoVideos where the condition leaves no video with statistics."""
    if not videos:
        asked = describe_scope(store, options, "encoder", "frames", "layer")
        raise NoVideos(
            f"no video that meets the condition {options.where!r} has statistics of {asked}: "
            "choose other videos, or leave --where out"
        )


def _is_joined(row: dict, rows: list[dict]) -> bool:
    """Whether a row is an embedding of several layers that are each stored, of as many videos: its dimensions would count twice."""
    parts = [other for other in rows if other["pooled"] and other["layer"] != row["layer"]]
    covered = sum(other["videos"] >= row["videos"] for other in parts)
    same = any(other["pooled"] and other["layer"] == row["layer"] for other in rows)
    return not row["pooled"] and not same and covered > 1


def _fits(row: dict, options: DimensionsOptions) -> bool:
    return (
        options.encoder in (None, row["encoder_id"], row["encoder"])
        and options.frames in (None, row["frame_count"])
        and options.layer in (None, row["layer"])
    )


def _list(held: list[dict], names: Mapping[str, str]) -> str:
    """What the store holds, in a line."""
    listed = [f"{names[row['encoder_id']]}, {row['frame_count']} frames, layer {row['layer']}" for row in held]  # fmt: skip
    return "; ".join(dict.fromkeys(listed[:LISTED]))
