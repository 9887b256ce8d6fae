"""The parameters of the dashboard's URLs: each has one meaning, one kind of value and the pages that read it.

    bind("search")              what a widget is called with whose value stands in the URL
    renew("video", given)       an address of an earlier version in today's names

A widget bound to a parameter has the parameter's name as its key, and Streamlit keeps a key's value from page to page: a name with two
meanings would hand one page's text to the other page's switch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CORPUS, VIDEO_PAGE, WINDOWS, SENSITIVITY, DIMENSION, MASKING, SQL, JOBS, HELP = (
    "corpus",
    "video",
    "windows",
    "sensitivity",
    "dimension",
    "masking",
    "sql",
    "jobs",
    "help",
)
PAGES = (
    CORPUS,
    VIDEO_PAGE,
    WINDOWS,
    SENSITIVITY,
    DIMENSION,
    MASKING,
    SQL,
    JOBS,
    HELP,
)  # folders, in the order of the menu
AREA, SECOND_VIDEO, SECOND_ENCODER, OTHERS = "area", "beside-video", "beside-encoder", "others"
ENCODER, VIDEO, SELECTED, CLIP, SLICE, PATCHES, SEGMENT, HIT, TOUR, PAIR = (
    "encoder",
    "video",
    "selected",
    "clip",
    "slice",
    "patches",
    "segment",
    "hit",
    "tour",
    "pair",
)
VALUES, SHORT, COMPARE = "values", "short", "compare"
CELL = (
    "dim",
    "y",
    "x",
    "shared-slice",
)  # the cell of a pair's matrix that was clicked, and the slice it was clicked on
SWITCH, NUMBER, TEXT, CHOICE, ID, MARKS, CONDITION = (
    "switch",
    "number",
    "text",
    "choice",
    "id",
    "marks",
    "SQL",
)  # kinds


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """What a name means, what kind of value it has, which pages read it, and whether a widget of its own carries it."""

    name: str
    meaning: str
    kind: str
    pages: tuple[str, ...]
    bound: bool = True


def _bound(page: str, *described: tuple[str, str, str]) -> list[Parameter]:
    return [
        Parameter(name=name, meaning=meaning, kind=kind, pages=(page,))
        for name, kind, meaning in described
    ]


def _free(*described: tuple[str, str, str, tuple[str, ...]]) -> list[Parameter]:
    return [
        Parameter(name=name, meaning=meaning, kind=kind, pages=pages, bound=False)
        for name, kind, meaning, pages in described
    ]


PARAMETERS = {
    parameter.name: parameter
    for parameter in (
        *_free(
            (ENCODER, ID, "the encoder whose clips are shown", PAGES),
            (VIDEO, ID, "the chosen video", PAGES),
            (SELECTED, CONDITION, "the videos that the pages are about", PAGES),
            (CLIP, ID, "the window at which the player stands", (VIDEO_PAGE, MASKING)),
            (SLICE, NUMBER, "the slice of that window", (VIDEO_PAGE, MASKING)),
            (PATCHES, MARKS, "the selected patches", (VIDEO_PAGE,)),
            (SEGMENT, MARKS, "the foreground and background marks", (VIDEO_PAGE,)),
            (
                HIT,
                MARKS,
                "the patch of a search that the player shows, while the selected ones stay",
                (VIDEO_PAGE,),
            ),
            (
                OTHERS,
                ID,
                "videos chosen in the table beside the first, joined by commas",
                (CORPUS,),
            ),
            (SECOND_VIDEO, ID, "the video of the second player", (VIDEO_PAGE,)),
            (SECOND_ENCODER, ID, "the encoder or layer of the second player", (VIDEO_PAGE,)),
            (AREA, MARKS, "the area that is drawn on the map", (CORPUS, VIDEO_PAGE)),
            (TOUR, SWITCH, "whether the page introduces itself: 1 for yes", (VIDEO_PAGE,)),
            (PAIR, ID, "the pair of windows that is compared", (WINDOWS,)),
            (
                COMPARE,
                ID,
                "the encoder, shift or frames per window that the result is compared with",
                (SENSITIVITY,),
            ),
            (VALUES, TEXT, "values of the query's parameters, as JSON", (SQL,)),
            (SHORT, ID, "the query that a short link leads to", (SQL,)),
            ("dim", NUMBER, "the dimension of the clicked cell", (WINDOWS,)),
            ("y", NUMBER, "the row of the clicked cell's patch", (WINDOWS,)),
            ("x", NUMBER, "the column of the clicked cell's patch", (WINDOWS,)),
            ("shared-slice", NUMBER, "the shared slice on which the cell was clicked", (WINDOWS,)),
            (
                "signed",
                TEXT,
                "proof that this server wrote the SQL beside it",
                (VIDEO_PAGE, SENSITIVITY, SQL),
            ),
        ),
        *_bound(
            CORPUS,
            ("section", CHOICE, "the part of the page that is shown"),
            ("view", CHOICE, "what the listed videos are shown as: a table, pictures or a map"),
            ("map-layout", CHOICE, "how the map of videos is laid out"),
            ("map-color", CHOICE, "the label or statistic that the map of videos shows as color"),
            ("search", TEXT, "part of the name or label of the listed videos"),
            ("label-name", CHOICE, "which label the listed videos are filtered by"),
            ("label", CHOICE, "the value of that label"),
            ("show", CHOICE, "the state of the listed videos"),
            ("order", CHOICE, "what the videos are ordered by"),
            ("statistic", CHOICE, "the statistic whose curves are drawn"),
            ("page", NUMBER, "the page of the table of videos"),
            ("question", CHOICE, "the ready question that is answered"),
            ("question-label", CHOICE, "the label that the question is about"),
            ("question-count", NUMBER, "how many videos the question asks for"),
            ("failures_page", NUMBER, "the page of the table of failures"),
        ),
        *_bound(
            VIDEO_PAGE,
            ("find-video", TEXT, "part of the name or label of the videos to choose from"),
            ("color", CHOICE, "what the colors are made from"),
            ("dimensions", TEXT, "three dimensions as red, green and blue"),
            ("color-direction", TEXT, "the direction that is shown as brightness, by its name"),
            ("attention", CHOICE, "the attentive probe whose attention is shown as brightness"),
            (
                "color-text",
                TEXT,
                "the text that patches are compared with; its similarity is shown as brightness",
            ),
            ("beside", SWITCH, "whether a second player stands beside the first"),
            ("beside-color", CHOICE, "what the colors of the second player are made from"),
            ("beside-basis", CHOICE, "whether both players are colored by one basis"),
            ("clusters", NUMBER, "how many clusters the colors show"),
            ("surprise-over", SWITCH, "whether the player shows surprise in place of the colors"),
            ("unit", SWITCH, "embeddings are divided by their lengths before the fit"),
            (
                "positions",
                SWITCH,
                "the mean embedding of each position is subtracted before the fit",
            ),
            ("foreground", SWITCH, "the fit is of the foreground alone"),
            ("search-corpus", SWITCH, "whether the corpus is searched for the selected patches"),
            ("exactly", SWITCH, "whether that search compares every embedding"),
            ("search-without", CHOICE, "which patches that search leaves out"),
            ("search-where", CONDITION, "which videos are searched"),
            ("track-of", CHOICE, "whether a patch is followed through its window or the video"),
            ("map", SWITCH, "whether the map of tokens is shown"),
            ("map-of", CHOICE, "whose tokens the map shows"),
            ("map-as", CHOICE, "whether the map is flat"),
            (
                "map-near",
                SWITCH,
                "whether the neighbors of the selected patches are ringed and listed",
            ),
            *(
                (f"map-{channel}", CHOICE, f"what the map shows as {channel}")
                for channel in ("x", "y", "z", "red", "green", "blue", "opacity")
            ),
            ("alike", SWITCH, "whether similar videos are listed"),
            ("alike-by", CHOICE, "what of its tokens stands for a window"),
        ),
        *_bound(
            WINDOWS, ("pair_search", TEXT, "part of the name or label of the videos to choose from")
        ),
        *_bound(
            SENSITIVITY,
            ("frames", NUMBER, "frames per window"),
            ("shift", NUMBER, "the shift between the windows, in slices"),
            ("setting", CHOICE, "how the pairs were made"),
            ("where", CONDITION, "which videos count"),
            ("resample", CHOICE, "what counts once"),
            ("compare-where", CONDITION, "which videos the result is compared with"),
        ),
        *_bound(
            DIMENSION,
            ("dimension", NUMBER, "the dimension that is shown"),
            (
                "direction",
                TEXT,
                "the direction that is shown in place of a dimension, by its name: basis:NAME:2, cluster:NAME:0, feature:NAME:17, probe:ID:CLASS or patches:...",
            ),
            ("curve-of", TEXT, "part of the name or label of the videos whose curve is offered"),
        ),
        *_bound(
            MASKING,
            ("mask-find", TEXT, "part of the name or label of the videos to choose from"),
            ("mask", CHOICE, "the kind of mask"),
            ("mask-percent", NUMBER, "how much of the tokens it hides, in percent"),
            ("mask-seed", NUMBER, "the seed of what is drawn by chance"),
            ("mask-paint", TEXT, "the patches of a painted mask: slice.row.column of each"),
            ("mask-until", NUMBER, "the last slice that a painted mask hides"),
            ("mask-compare", SWITCH, "whether tubes stand beside random tokens"),
        ),
        *_bound(
            SQL,
            ("query", CONDITION, "the query"),
            ("picture", CHOICE, "what the answer is shown as"),
            ("chart-mark", CHOICE, "the marks of the chart"),
            ("chart-x", CHOICE, "the column along the chart's x axis"),
            ("chart-y", CHOICE, "the column along the chart's y axis"),
            ("chart-color", CHOICE, "the column that the chart shows as color"),
            ("chart-facet", CHOICE, "the column of which each value gets a chart"),
            ("heat-of", CHOICE, "the column that is drawn over the frames"),
            ("gallery-page", NUMBER, "the page of patches, cards or frames"),
        ),
        *_bound(
            JOBS,
            ("jobs-section", CHOICE, "whether jobs are listed or one is started"),
            ("jobs-page", NUMBER, "the page of the list of jobs that have ended"),
            ("command", CHOICE, "the command whose form is shown"),
        ),
        *_bound(HELP, ("find-word", TEXT, "part of a word of the glossary or of its meaning")),
    )
}

RENAMED = (  # pages, the name before, the name today
    (PAGES, "colour", "color"),
    ((VIDEO_PAGE,), "search", "search-corpus"),
    ((WINDOWS,), "slice", "shared-slice"),
)
RENAMED_VALUES: dict[tuple[str, str], str] = {}  # (name today, value before) -> value today
RENAMED_ROUTES = {"/colours/": "/colors/"}  # where a browser fetched colors


def bind(name: str) -> dict[str, Any]:
    """Arguments of a widget that the URL carries. Raises KeyError for a name that is not registered as such."""
    if not PARAMETERS[name].bound:
        raise KeyError(f"{name} is carried by no widget: `address` writes it")
    return {"key": name, "bind": "query-params"}


def bind_option(key: str) -> dict[str, Any]:
    """The same for an option of a report, whose page has no module here. Raises KeyError where a page has a parameter of that name."""
    if key in PARAMETERS:
        raise KeyError(f"{key} is a parameter of {', '.join(PARAMETERS[key].pages)}")
    return {"key": key, "bind": "query-params"}


def renew(page: str, given: Mapping[str, str]) -> dict[str, str]:
    """The parameters of an address that an earlier version wrote, in today's names and values; today's own stay as they are."""
    renewed = dict(given)
    for pages, before, today in RENAMED:
        if page in pages and before in renewed:
            value = renewed.pop(before)
            renewed.setdefault(today, value)
    return {name: RENAMED_VALUES.get((name, value), value) for name, value in renewed.items()}
