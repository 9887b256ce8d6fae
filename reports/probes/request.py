"""Which run of probes is reported: one that is named, or the newest of a label."""

import difflib
from dataclasses import dataclass

from tubelet.reports.errors import ReportError
from tubelet.reports.scope_options import hardest_option, run_option
from tubelet.store import Store
from tubelet.store.options import check_options, option
from tubelet.store.questions.model_rows import ListedRun
from tubelet.store.questions.probes import probe_runs

LISTED = 8


@dataclass(frozen=True, kw_only=True)
class ProbesOptions:
    """The options of the report Probes; None: the newest."""

    label: str | None = option(
        None, help="Use the newest run that predicts this label.", unset="any label", metavar="NAME"
    )
    run: str | None = run_option("tubelet probe")
    hardest: int = hardest_option()

    def __post_init__(self) -> None:
        check_options(self, ReportError)


def choose_run(store: Store, options: ProbesOptions) -> ListedRun:
    """The run that is asked for. Raises ReportError where there is none."""
    runs = probe_runs().read(store, ListedRun)
    if not runs:
        raise ReportError(
            f"{store.name} holds no probes: train some with `tubelet probe --label NAME --store {store.shell_name}`"
        )
    found = [
        run
        for run in runs
        if options.label in (None, run.label_name) and options.run in (None, run.run_id)
    ]
    if found:
        return found[0]
    if options.run and options.run not in {run.run_id for run in runs}:
        newest = ", ".join(f"{run.run_id} ({run.label_name})" for run in runs[:LISTED])
        raise ReportError(f"there is no run {options.run!r}: the newest are {newest}")
    labels = list(dict.fromkeys(run.label_name for run in runs))
    near = difflib.get_close_matches(options.label or "", labels, 3) or labels[:LISTED]
    raise ReportError(
        f"no run {options.run or ''} learned the label {options.label!r}: there are runs of {', '.join(near)}".replace(
            "  ", " "
        )
    )
