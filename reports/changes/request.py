"""Which changed windows are reported: one encoder, window length and setting."""

from dataclasses import dataclass

from tubelet.reports.errors import NoPairs, OtherEncoders, ReportError
from tubelet.reports.scope_options import describe_scope, encoder_option, frames_option
from tubelet.store import Store
from tubelet.store.encoder_names import name_encoders
from tubelet.store.options import check_options, option
from tubelet.store.questions.changes import change_scopes
from tubelet.store.questions.rows import ChangeScope

LISTED = 8  # alternatives that an error names


@dataclass(frozen=True, kw_only=True)
class ChangesOptions:
    """None: what most videos have."""

    encoder: str | None = encoder_option()
    frames: int | None = frames_option()
    setting: str | None = option(
        None,
        help="Only pairs with this setting: step, picture, precision and source, as the report names them.",
        unset="the one with the most videos",
        metavar="TEXT",
    )

    def __post_init__(self) -> None:
        check_options(self, ReportError)


def choose_scope(store: Store, options: ChangesOptions) -> ChangeScope:
    """The pairs that are asked for. Raises NoPairs and OtherEncoders."""
    held = change_scopes().read(store, ChangeScope)
    if not held:
        raise NoPairs(
            f"{store.name} holds no changed windows: measure some with `tubelet ingest PATH... --store {store.shell_name} --encoder NAME --change flip,noise:0.1`"
        )
    for scope in held:
        if (
            options.encoder in (None, scope.encoder_id, scope.encoder)
            and options.frames in (None, scope.frame_count)
            and options.setting in (None, scope.setting)
        ):
            return scope
    names = name_encoders(store)
    listed = "; ".join(
        f"{names[scope.encoder_id]}, {scope.frame_count} frames, {scope.setting}"
        for scope in held[:LISTED]
    )
    asked = describe_scope(store, options, "encoder", "frames", "setting")
    raise OtherEncoders(
        f"no changed windows of {asked} are in {store.name}; there are those of: {listed}",
        (scope.encoder_id for scope in held),
    )
