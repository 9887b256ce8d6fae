"""A comparison as tables, and the queries behind it."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace

import pyarrow as pa

from tubelet.latent.comparison.figures import CKA, Comparison, PairFigure
from tubelet.latent.comparison.options import TOKENS
from tubelet.latent.comparison.places import Place
from tubelet.latent.comparison.run import compare
from tubelet.latent.errors import LatentError
from tubelet.reports.encoders.request import EncodersOptions
from tubelet.reports.errors import ReportError
from tubelet.reports.formatting import shorten_encoders
from tubelet.store import Store, intervals
from tubelet.store.errors import StoreError
from tubelet.store.questions import comparison as queries
from tubelet.store.questions.corpus import Question

CLIPS = "Clips of "
TEXT, NUMBER = pa.string(), pa.float64()
ESTIMATE = [(name, NUMBER) for name in ("value", "low", "high", "chance", "chance_high")]
PLACES = [(name, TEXT) for name in ("encoder_a", "layer_a", "encoder_b", "layer_b")]
PAIRS = pa.schema([("measure", TEXT), *PLACES, *ESTIMATE])
ALONE = pa.schema([("measure", TEXT), ("encoder", TEXT), ("layer", TEXT), *ESTIMATE])
UNITS = pa.schema([("unit", TEXT), ("agreement", NUMBER), *PLACES, ("video_id", TEXT)])
SPANS = [(name, NUMBER) for name in ("start_s", "stop_s", "top", "bottom", "left", "right")]
MOMENTS = pa.schema([(name, TEXT) for name in ("unit", "video_id", "encoder", "clip_id")] + SPANS)


@dataclass(frozen=True, kw_only=True)
class EncoderFindings:
    """`pairs`, `alone`, `units` and `moments` are the rows that the report shows; `videos` the names of the sampled ones by id;
    `questions` the queries that its states are read with."""

    compared: Comparison
    pairs: pa.Table
    alone: pa.Table
    units: pa.Table
    moments: pa.Table
    videos: Mapping[str, str]
    questions: Mapping[str, Question]

    @property
    def clips(self) -> Mapping[str, Question]:
        """The queries that list clips."""
        return {name: one for name, one in self.questions.items() if name.startswith(CLIPS)}

    @property
    def states(self) -> Mapping[str, Question]:
        """The queries that read states."""
        return {name: one for name, one in self.questions.items() if not name.startswith(CLIPS)}

    @property
    def names(self) -> dict[str, str]:
        """What readers call the encoders, by id."""
        return shorten_encoders(place.encoder_id for place in self.compared.places)

    @property
    def several(self) -> bool:
        """Whether there are several encoders."""
        return len({place.encoder_id for place in self.compared.places}) > 1

    @property
    def candidates(self) -> list[PairFigure]:
        """The CKA of every two places: of two encoders, where there are several."""
        return [
            one
            for one in self.compared.of_measure(CKA)
            if one.found.value is not None
            and (not self.several or one.a.encoder_id != one.b.encoder_id)
        ]

    @property
    def closest(self) -> PairFigure | None:
        """The two places with the highest CKA, with an interval that knows that they were chosen among all candidates."""
        chosen = max(self.candidates, key=lambda one: one.found.value or 0, default=None)
        if chosen is None or chosen.found.value is None or chosen.found.low is None:
            return chosen
        own, units = (chosen.found.value, chosen.found.low), len(self.compared.sample.units)
        low = intervals.lower_for_choice(own, units, len(self.candidates))
        return replace(chosen, found=replace(chosen.found, low=low))

    def of_pair(self, a: Place, b: Place) -> dict[str, PairFigure]:
        """Every measure of two places."""
        return {one.measure: one for one in self.compared.pairs if (one.a, one.b) == (a, b)}


def find_encoders(store: Store, options: EncodersOptions) -> EncoderFindings:
    """Raises ReportError for what can give no number."""
    try:
        compared = compare(store, options.wanted)
    except (LatentError, StoreError) as error:
        raise ReportError(str(error)) from error
    return EncoderFindings(
        compared=compared,
        pairs=pa.Table.from_pylist(list(_pair_rows(compared)), PAIRS),
        alone=pa.Table.from_pylist(list(_place_rows(compared)), ALONE),
        units=pa.Table.from_pylist(list(_unit_rows(compared)), UNITS),
        moments=pa.Table.from_pylist(list(_moment_rows(compared)), MOMENTS),
        videos=_name_videos(store, compared),
        questions=dict(_questions(compared)),
    )


def _name_videos(store: Store, compared: Comparison) -> dict[str, str]:
    rows = queries.video_names(sorted(compared.sample.videos)).answer(store).to_pylist()
    return {row["video_id"]: row["name"] for row in rows}


def _ends(a: Place, b: Place) -> dict:
    return {"encoder_a": a.encoder_id, "layer_a": a.layer, "encoder_b": b.encoder_id, "layer_b": b.layer}  # fmt: skip


def _pair_rows(compared: Comparison) -> Iterator[dict]:
    for one in compared.pairs:
        yield {"measure": one.measure, **_ends(one.a, one.b), **asdict(one.found)}


def _place_rows(compared: Comparison) -> Iterator[dict]:
    for one in compared.alone:
        place = {"encoder": one.place.encoder_id, "layer": one.place.layer}
        yield {"measure": one.measure, **place, **asdict(one.found)}


def _unit_rows(compared: Comparison) -> Iterator[dict]:
    """With a video of each: itself, or the first of the group in the sample."""
    sample = compared.sample
    videos = {unit: cell.video_id for unit, cell in zip(sample.units, sample.cells[0])}
    for one in compared.units:
        yield {"unit": one.unit, "agreement": one.agreement, **_ends(one.a, one.b), "video_id": videos[one.unit]}  # fmt: skip


def _moment_rows(compared: Comparison) -> Iterator[dict]:
    sample = compared.sample
    for cells in sample.cells:
        for unit, cell in zip(sample.units, cells):
            numbers = (*cell.time, *cell.rows, *cell.columns)
            spans = dict(zip((name for name, _ in SPANS), numbers))
            for encoder, window in cell.windows.items():
                yield {"unit": unit, "video_id": cell.video_id, "encoder": encoder, "clip_id": window.clip_id, **spans}  # fmt: skip


def _questions(compared: Comparison) -> Iterator[tuple[str, Question]]:
    """Per encoder, the clips that the sample is drawn from, and the states that are read of those in it."""
    for encoder in dict.fromkeys(place.encoder_id for place in compared.places):
        own = [place for place in compared.places if place.encoder_id == encoder]
        source = own[0].source
        yield f"{CLIPS}{encoder}", queries.compared_clips(encoder, source)
        layers = [place.layer for place in own]
        tokens = "Tokens, the first 1,000," if source == TOKENS else "States"
        yield (
            f"{tokens} of {encoder}",
            queries.sampled_tokens(encoder)
            if source == TOKENS
            else queries.slice_states(encoder, source, layers),
        )
