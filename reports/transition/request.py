"""Which run of transition models is reported: one that is named, or the newest."""

from dataclasses import dataclass

from tubelet.reports.errors import ReportError
from tubelet.reports.scope_options import hardest_option, run_option
from tubelet.store import Store
from tubelet.store.options import check_options
from tubelet.store.questions.model_rows import TransitionRunRow
from tubelet.store.questions.transitions import transition_runs

LISTED = 8


@dataclass(frozen=True, kw_only=True)
class TransitionReportOptions:
    """The options of the report Transition; None: the newest."""

    run: str | None = run_option("tubelet transition fit")
    hardest: int = hardest_option()

    def __post_init__(self) -> None:
        check_options(self, ReportError)


def choose_run(store: Store, options: TransitionReportOptions) -> TransitionRunRow:
    """The run that is asked for. Raises ReportError where there is none."""
    runs = transition_runs().read(store, TransitionRunRow)
    if not runs:
        raise ReportError(
            f"{store.name} holds no transition models: fit some with `tubelet transition fit --store {store.shell_name}`"
        )
    found = [run for run in runs if options.run in (None, run.run_id)]
    if found:
        return found[0]
    newest = ", ".join(run.run_id for run in runs[:LISTED])
    raise ReportError(f"there is no run {options.run!r}: the newest are {newest}")
