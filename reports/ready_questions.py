"""Ready questions over a corpus, for the page and the command: near-duplicates, leaks, outliers, and what to label first."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from tubelet.latent.corpus_questions import (
    CorpusQuestion,
    ask_centers,
    ask_duplicates,
    ask_leaks,
    ask_outliers,
)
from tubelet.latent.coverage import Centers
from tubelet.latent.duplicates import Duplicates
from tubelet.latent.outliers import Outliers
from tubelet.latent.workspace import Workspace
from tubelet.reports.errors import ReportError
from tubelet.reports.literal import Markdown
from tubelet.store import Store
from tubelet.store.questions.annotations import label_names
from tubelet.store.schema.annotations import FOLDER
from tubelet.store.wording import count, escape_controls

HIDDEN = ("video_id", "video_a", "video_b")  # columns for programs


@dataclass(frozen=True, kw_only=True)
class ReadyQuestion:
    """A question: its title, what it means, who answers it and in which words, and whether it needs a label or a number."""

    title: Markdown
    meaning: Markdown
    ask: Callable[[Workspace, CorpusQuestion], Any]
    describe: Callable[[Any], Markdown]
    label: bool = False
    count: bool = False


@dataclass(frozen=True)
class ReadyAnswer:
    """An answer as a command prints it."""

    sentence: str
    rows: pa.Table

    def lines(self) -> list[str]:
        names = [name for name in self.rows.column_names if name not in HIDDEN]
        cells = [names] + [[_show(row[name]) for name in names] for row in self.rows.to_pylist()]
        widths = [max(map(len, column)) for column in zip(*cells)]
        rows = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
        return [self.sentence, *(rows if len(self.rows) else [])]

    def as_json(self) -> dict:
        return {"answer": self.sentence, "rows": self.rows.to_pylist()}


def answer_question(
    store: Store, name: str, asked: CorpusQuestion
) -> tuple[ReadyAnswer, tuple[str, ...]]:
    """The answer, and the videos in it. Raises LatentError where the videos give none, ReportError for a label that is missing."""
    ready = QUESTIONS[name]
    brought = label_names().answer(store)["name"].to_pylist()
    known = [*(name for name in brought if name != FOLDER), FOLDER]
    if ready.label and not ready.count and not asked.label:
        raise ReportError(f"{name} needs a label: pass --label, one of {', '.join(known)}")
    if asked.label and asked.label not in known:
        raise ReportError(
            f"{store.name} has no label {asked.label!r}: its labels are {', '.join(known)}"
        )
    found = ready.ask(Workspace(store), asked)
    sentence = ready.describe(found).replace("**", "")
    return ReadyAnswer(sentence, tabulate(found)), tuple(found.video_ids)


def _show(value: Any) -> str:
    return (
        ""
        if value is None
        else f"{value:.4g}"
        if isinstance(value, float)
        else escape_controls(str(value))
    )


def tabulate(answer: Duplicates | Outliers | Centers) -> pa.Table:
    """The rows of an answer; columns in which no row has anything are left out."""
    rows: Sequence[Any] = (
        answer.pairs
        if isinstance(answer, Duplicates)
        else answer.found
        if isinstance(answer, Outliers)
        else answer.chosen
    )
    table = pa.Table.from_pylist([asdict(row) for row in rows])
    return table.select(
        [name for name in table.column_names if table[name].null_count < len(table)]
    )


def describe_pairs(found: Duplicates) -> Markdown:
    """How many pairs, and what chance would give."""
    compared = f"{count(found.moments, 'moment')} of {count(found.videos, 'video')} were compared, beside {found.draws:,} corpora drawn without duplicates"
    chance = f"At most 5% of corpora without duplicates have a pair closer than {found.level:.3g}; {compared}."
    of = "of videos with different values of the label" if found.by_split else "of videos"
    if not found.pairs:
        return f"**No pair** {of} is closer than chance. {chance}"
    closest, listed = found.pairs[0], len(found.pairs)
    few = "the closest one is" if listed == 1 else f"the {listed:,} closest are"
    cut = f"; {few} listed" if listed < found.count else ""
    return f"**{count(found.count, 'pair')}** {of} {'is' if found.count == 1 else 'are'} closer than chance, the closest {closest.distance:.3g} apart (p = {closest.p:.2g}){cut}. {chance}"


def describe_outliers(found: Outliers) -> Markdown:
    """How many videos stand out, of how many, and what chance would give."""
    skipped = (
        f" {count(found.skipped, 'value')} with fewer than 8 videos {'was' if found.skipped == 1 else 'were'} left out."
        if found.skipped
        else ""
    )
    tested = f"{count(found.tested, 'video')} of {count(found.values, 'value')} were tested; p is corrected for that many, so labels without outliers have one reported in 5% of cases.{skipped}"
    if not found.found:
        return f"**No video** stands out among those of its value. {tested}"
    return f"**{count(len(found.found), 'video')}** stand out among those of their value. {tested}"


def describe_centers(found: Centers) -> Markdown:
    """How well the choice covers the corpus, beside choices at random."""
    mean, low, high = found.chance
    labeled = (
        f" or one of the {count(found.labeled, 'video')} with the label" if found.labeled else ""
    )
    return f"**{count(len(found.chosen), 'video')}**: no video is farther than {found.radius:.3g} from one of them{labeled}. As many videos at random: {mean:.3g} (95%: {low:.3g} to {high:.3g})."


QUESTIONS = {
    "duplicates": ReadyQuestion(
        title="Near-duplicate moments",
        meaning="Moments of two videos that are more alike than chance: copies, cuts of one recording, the same scene again.",
        ask=ask_duplicates,
        describe=describe_pairs,
    ),
    "leaks": ReadyQuestion(
        title="Leaks between splits",
        meaning="Near-duplicate moments of two videos that have different values of a label, such as train and test.",
        ask=ask_leaks,
        describe=describe_pairs,
        label=True,
    ),
    "outliers": ReadyQuestion(
        title="Outliers of a label",
        meaning="Videos far from the others that have the same value of a label: odd ones, or wrongly labeled.",
        ask=ask_outliers,
        describe=describe_outliers,
        label=True,
    ),
    "label-first": ReadyQuestion(
        title="Videos to label first",
        meaning="Videos that leave no other far from all chosen ones (k-center, the farthest first); those that have the label already count as chosen.",
        ask=ask_centers,
        describe=describe_centers,
        label=True,
        count=True,
    ),
}
