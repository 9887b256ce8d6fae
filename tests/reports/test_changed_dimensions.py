"""Of an encoder made by hand, the dimension that a mirrored window turns and the one that sums later frames are named, by the report and on the page; without them nothing is."""

import numpy as np
import pytest

from tests.dashboard.test_dashboard import open_page, text
from tests.planted_changes import plant_reactions
from tests.planted_directions import direction_store, draw_tokens
from tests.planted_reactions import CHANGES, COLUMN, DIMS, FUTURE, MIRROR, measure_reactions
from tubelet.dashboard.dimension.reactions import summarize_reactions
from tubelet.reports.blocks import Text
from tubelet.reports.changes.request import ChangesOptions
from tubelet.reports.changes.sections import changes_report
from tubelet.reports.changes.specialists import find_specialists
from tubelet.store.questions.changes import ReactionScope, reactions_of_dimension
from tubelet.store.questions.rows import DimensionReaction

VIDEOS, SEEDS = 18, 20
NAMES = tuple(change.name for change in CHANGES)
ALWAYS = {("flip", COLUMN)}  # a position is not mirrored with the picture
EXPECTED = ALWAYS | {("flip", MIRROR), ("prefix", FUTURE)}


def name_cells(values: np.ndarray) -> set[tuple[str, int]]:
    named = find_specialists(values, NAMES).named
    return {(NAMES[change], int(dim)) for change, dim in zip(*np.nonzero(named))}


@pytest.mark.long
def test_what_was_planted_is_named_and_without_it_nothing_is() -> None:
    for seed in range(SEEDS):
        assert name_cells(measure_reactions(seed, VIDEOS)) == EXPECTED
        assert name_cells(measure_reactions(seed, VIDEOS, planted=False)) == ALWAYS


def test_report_and_page_name_it(tmp_path) -> None:
    values = measure_reactions(100, VIDEOS)
    store = direction_store(tmp_path / "store", draw_tokens(VIDEOS, 1, dims=DIMS))
    plant_reactions(store, [(change.name, change.strength) for change in CHANGES], values)
    said = "\n".join(
        block.markdown
        for block in changes_report(store, ChangesOptions())
        if isinstance(block, Text)
    )
    plain = said.replace("`", "").replace("\\", "")
    assert f"**flip**: {MIRROR}, {COLUMN}; **prefix 0.5**: {FUTURE}." in plain
    page = open_page("dimension", store, dimension=str(MIRROR))
    assert not page.exception and "in standard deviations of the dimension" in text(page)
    setting = next(c.value for c in page.caption if c.value.startswith("Windows of")).split(", ", 1)[1].split("; ")[0].strip("`")  # fmt: skip
    (clip,) = store.rows("SELECT DISTINCT encoder_id, frame_count FROM clips")
    scope = ReactionScope(encoder_id=clip["encoder_id"], frames=clip["frame_count"], setting=setting)  # fmt: skip
    for dim, change in ((MIRROR, "flip"), (FUTURE, "prefix 0.5")):
        asked = reactions_of_dimension(scope, dim).answer(store).to_pylist()
        rows = {row["what"]: row for row in summarize_reactions([DimensionReaction.of(row) for row in asked]).to_pylist()}  # fmt: skip
        times = {what: row["reaction"] / row["mean_dimension"] for what, row in rows.items()}
        assert max(times, key=lambda what: times[what]) == change and times[change] > 1.5
        assert rows[change]["low"] == pytest.approx(rows[change]["reaction"], rel=0.3)
    store.close()
