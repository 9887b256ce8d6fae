"""The menu: which section each page belongs to. A page or report that no section names stands in Measure."""

from collections.abc import Iterable

from tubelet.dashboard.parameters import (
    CORPUS,
    DIMENSION,
    HELP,
    JOBS,
    MASKING,
    PAGES,
    SENSITIVITY,
    SQL,
    VIDEO_PAGE,
    WINDOWS,
)

EXPLORE, MEASURE, PREDICT = "Explore", "Measure", "Predict"
EVALUATE, MORE = "Evaluate", "More"
SECTIONS = {
    EXPLORE: (CORPUS, VIDEO_PAGE, SQL),
    MEASURE: (WINDOWS, SENSITIVITY, "changes", "dimensions", DIMENSION),
    PREDICT: ("prediction", MASKING, "transition"),
    EVALUATE: ("probes", "scores", "encoders"),
    MORE: (JOBS, HELP),
}
COUNT = len({*PAGES, *(name for pages in SECTIONS.values() for name in pages)})


def group_pages(names: Iterable[str]) -> dict[str, list[str]]:
    """These pages by section, in its order; those that no section names are among those that measure."""
    given = list(names)
    named = {name for pages in SECTIONS.values() for name in pages}
    found = {
        section: [name for name in pages if name in given] for section, pages in SECTIONS.items()
    }
    found[MEASURE] += [name for name in given if name not in named]
    return found
