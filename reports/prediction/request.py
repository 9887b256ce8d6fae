"""Which predictions are reported: one encoder, context and horizon, all videos or those of a condition."""

from dataclasses import dataclass

from tubelet.reports.errors import OtherEncoders, ReportError
from tubelet.reports.scope_options import describe_scope, encoder_option
from tubelet.store import Store
from tubelet.store.encoder_names import name_encoders
from tubelet.store.options import check_options, option
from tubelet.store.questions.rows import SurpriseScope
from tubelet.store.questions.surprise import surprise_scopes

LISTED, SLICES_MOST = 8, 32_767
L1, COSINE, OVER_COPY = "l1", "cosine", "l1-over-copy"
COLUMNS = {L1: "l1", COSINE: "angle", OVER_COPY: "l1_over_copy"}


@dataclass(frozen=True, kw_only=True)
class PredictionOptions:
    """None: what most videos have."""

    measure: str = option(
        L1,
        help="Measure of surprise: the error, 1 - cosine, or the error relative to copying the last slice seen.",
        choices=(L1, COSINE, OVER_COPY),
        words={L1: "error (L1)", COSINE: "1 - cosine", OVER_COPY: "error over copy"},
    )
    encoder: str | None = encoder_option()
    context: int | None = option(
        None,
        help="Slices that the predictor saw.",
        unset="the one with the most videos",
        least=1,
        most=SLICES_MOST,
    )
    horizon: int | None = option(
        None,
        help="Slices after the last one seen.",
        unset="the one with the most videos",
        least=1,
        most=SLICES_MOST,
    )
    moments: int = option(24, help="Most surprising moments to list.", least=1, most=10_000)
    match: str | None = option(
        None,
        help="Label whose value two videos of a matched pair share.",
        unset="no pairs",
        metavar="LABEL",
    )
    side: str | None = option(
        None,
        help="Label whose two values distinguish the videos of a matched pair, such as possible and impossible.",
        unset="no pairs",
        metavar="LABEL",
    )
    pairs: str | None = option(
        None,
        help="Matched pairs named by hand, by file name or id of their videos; several with commas.",
        unset="no pairs",
        metavar="FIRST=SECOND",
    )
    where: str | None = option(
        None,
        help="Only videos that meet a condition, such as \"label = 'cooking'\".",
        metavar="SQL",
    )

    def __post_init__(self) -> None:
        check_options(self, ReportError)
        if self.pairs is not None and (self.match or self.side):
            raise ReportError(
                "matched pairs come from labels or by hand: leave out --pairs, or --match and --side"
            )
        if (self.match is None) is not (self.side is None):
            lacking = "--side" if self.side is None else "--match"
            raise ReportError(
                f"matched pairs need both labels, and {lacking} is missing: --match names the label that two videos share, --side the one that tells them apart"
            )

    @property
    def column(self) -> str:
        return COLUMNS[self.measure]


def choose_scope(store: Store, options: PredictionOptions) -> SurpriseScope:
    """What the options select. Raises ReportError where nothing was predicted at all, and OtherEncoders where nothing of that was."""
    held = [SurpriseScope.of(row) for row in surprise_scopes().answer(store).to_pylist()]
    if not held:
        raise ReportError(
            f"{store.name} holds no predictions: make some with `tubelet surprise --store {store.shell_name}`"
        )
    for scope in held:
        if (
            options.encoder in (None, scope.encoder_id, scope.encoder)
            and options.context in (None, scope.context)
            and options.horizon in (None, scope.horizon)
        ):
            return scope
    names = name_encoders(store)
    listed = "; ".join(
        f"{names[scope.encoder_id]}, context {scope.context}, horizon {scope.horizon}"
        for scope in held[:LISTED]
    )
    asked = describe_scope(store, options, "encoder", "context", "horizon")
    raise OtherEncoders(
        f"no predictions of {asked} are in {store.name}; there are those of: {listed}",
        (scope.encoder_id for scope in held),
    )
