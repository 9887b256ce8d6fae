"""A request for a report, and the pairs it selects: one encoder, window length, shift and setting, or an error that says why not."""

from dataclasses import dataclass, fields, replace
from typing import Any

import pyarrow as pa

from tubelet.reports.command_line import report_command
from tubelet.reports.errors import ManySettings, NoPairs, ReportError
from tubelet.reports.scope_options import describe_scope, encoder_option, frames_option
from tubelet.store import Store
from tubelet.store.encoder_names import name_encoders
from tubelet.store.errors import NoVideos
from tubelet.store.options import check_options, option
from tubelet.store.questions import sensitivity as queries
from tubelet.store.questions.sensitivity import PairScope
from tubelet.store.sandbox import conditions
from tubelet.store.wording import count

COMPARABLE = ("encoder", "frames", "shift", "setting", "where")
COUNT_MOST, DIMENSIONS_MOST = 1_000_000, 65_536
UNITS = {
    "video": "video",
    "label": "label",
    "name": "group",
    "group": "group",
}  # what counts once, and what a sentence calls it
LISTED = 8  # alternatives that an error names


@dataclass(frozen=True, kw_only=True)
class SensitivityRequest:
    """None: the value with the most videos in the store. `where`: a condition in SQL on `videos`; `mix`: settings may differ."""

    encoder: str | None = encoder_option()
    frames: int | None = frames_option()
    shift: int | None = option(
        None,
        help="Slices between the windows of a pair.",
        unset="the shift with the most videos",
        least=0,
        most=COUNT_MOST,
    )
    setting: str | None = option(
        None,
        help="Only pairs with this setting: step, picture, precision and source, as the report names them.",
        metavar="TEXT",
    )
    where: str | None = option(
        None,
        help="Only videos that meet a condition, such as \"label = 'cooking'\", \"label['split'] = 'test'\" or \"tag('odd')\".",
        metavar="SQL",
    )
    mix: bool = option(False, help="Average over pairs measured with different settings.")
    top: int | None = option(
        None,
        help="Number of dimensions that count as a video's strongest.",
        unset="20, at most one in eight",
        least=1,
        most=DIMENSIONS_MOST,
    )
    unit: str = option(
        "video",
        choices=tuple(UNITS),
        help="The unit of the statistics: each video, all videos of a label (folder), of a name (scene1_001.mp4, scene1_002.mp4), or of a group: the label `group` where videos have it, else name or content.",
    )

    def __post_init__(self) -> None:
        check_options(self, ReportError)

    def other(self, difference: str) -> "SensitivityRequest":
        """The same request with one field changed, written as `shift=2`. Raises ReportError for anything else."""
        name, _, value = difference.partition("=")
        if name not in COMPARABLE or not value.strip():
            raise ReportError(
                f"{difference!r} cannot be compared: write one of {', '.join(f'{known}=VALUE' for known in COMPARABLE)}"
            )
        if name in ("frames", "shift") and not value.strip().isdigit():
            raise ReportError(
                f"{name} is a whole number: write for example {name}=2, not {difference!r}"
            )
        changed: dict[str, Any] = {  # of the type of the field that is named
            name: int(value) if name in ("frames", "shift") else value.strip()
        }
        if name in ("encoder", "frames"):
            changed["setting"] = None  # which is the other one's own
        return replace(self, **changed)

    def command(self, store: Store, compare: str | None = None) -> str:
        """The command that makes this report."""
        return report_command(
            "sensitivity", store, SensitivityOptions(**vars(self), compare=compare)
        )


@dataclass(frozen=True)
class SensitivityOptions(SensitivityRequest):
    """All that the report can be asked for: a request, and one thing to change in a second request beside it."""

    compare: str | None = option(
        None,
        help="Compare with another encoder, frames, shift, setting or where, as in shift=2.",
        metavar="KEY=VALUE",
    )

    @property
    def request(self) -> SensitivityRequest:
        return SensitivityRequest(
            **{field.name: getattr(self, field.name) for field in fields(SensitivityRequest)}
        )


def resolve_request(
    store: Store, request: SensitivityRequest, scopes: pa.Table | None = None
) -> SensitivityRequest:
    """The request with encoder, window length and shift filled in; `scopes`: the answer to that question, where it is known.

    Raises NoPairs and ReportError.
    """
    held = (queries.scopes().answer(store) if scopes is None else scopes).to_pylist()
    if not held:
        raise NoPairs(
            f"{store.name} holds no pairs of clips: measure them with "
            f"`tubelet ingest PATH... --store {store.shell_name} --encoder NAME --pairs 1 --shift 1`, "
            f"or, where embeddings are stored, with `tubelet pairs --store {store.shell_name} --shift 1`"
        )
    wanted = [row for row in held if _fits(row, request)]
    if not wanted:
        names = name_encoders(store)
        listed = "; ".join(
            dict.fromkeys(
                f"{names[row['encoder_id']]}, {row['frame_count']} frames, shift {row['shift']}"
                for row in held[:LISTED]
            )
        )
        asked = _describe(store, request)
        raise ReportError(f"no pairs of {asked} are in {store.name}; there are pairs of: {listed}")
    first = wanted[0]
    return replace(
        request, encoder=first["encoder_id"], frames=first["frame_count"], shift=first["shift"]
    )


def scope(store: Store, request: SensitivityRequest) -> PairScope:
    """Which pairs a resolved request is about. Raises what `find_pairs` does."""
    return replace(find_pairs(store, request)[0], held=None)


def find_pairs(store: Store, request: SensitivityRequest) -> tuple[PairScope, pa.Table]:
    """The pairs of a resolved request, held, and their settings. Raises NoVideos, ManySettings, and QueryError for a mistake in its condition."""
    if request.encoder is None or request.frames is None or request.shift is None:
        raise ValueError(
            f"{request} names no encoder, frames and shift: pass it to resolve_request"
        )
    found = PairScope(
        encoder_id=request.encoder,
        frames=request.frames,
        shift=request.shift,
        setting=request.setting,
        videos=None if request.where is None else conditions.videos(store, request.where),
    )
    found = hold_pairs(store, found)
    answer = queries.settings(found).answer(store)
    held = answer.to_pylist()
    if not held:
        what = (
            f"; the condition {request.where!r} matches {count(len(found.videos), 'video')}"
            if found.videos is not None
            else ""
        )
        raise NoVideos(f"no video has a pair of {_describe(store, request)}{what}")
    if len(held) > 1 and not request.mix:
        raise ManySettings([row["setting"] for row in held], [row["videos"] for row in held])
    return found, answer


def hold_pairs(store: Store, within: PairScope) -> PairScope:
    """The scope with its pairs, so that they are found once for all questions about them."""
    return replace(within, held=queries.chosen_pairs(within).answer(store))


def _fits(row: dict, request: SensitivityRequest) -> bool:
    return (
        request.encoder in (None, row["encoder_id"], row["encoder"])
        and request.frames in (None, row["frame_count"])
        and request.shift in (None, row["shift"])
        and request.setting in (None, row["setting"])
    )


def _describe(store: Store, request: SensitivityRequest) -> str:
    return describe_scope(store, request, "encoder", "frames", "shift", "setting")
