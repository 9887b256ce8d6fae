"""The Dimension page: what was planted stands on it, what is not there is said, and every place that names a dimension leads to it."""

from collections.abc import Iterator
from urllib.parse import parse_qsl

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from tests.dashboard.test_dashboard import open_page, text
from tests.planted_changes import draw_reactions, plant_reactions
from tests.planted_directions import direction_store, draw_tokens
from tests.planted_probes import label
from tubelet.dashboard.dimension.reactions import summarize_reactions
from tubelet.dashboard.video import colors
from tubelet.latent import bases, colorings, dictionary_fit, fitting
from tubelet.latent.colorings import Coloring
from tubelet.latent.dictionary_fit import DictionaryOptions, import_dictionary
from tubelet.latent.fitting import BasisSpec
from tubelet.latent.probes.keeping import save_run
from tubelet.latent.probes.options import ProbeOptions
from tubelet.latent.probes.run import run_probes
from tubelet.latent.scope import Scope
from tubelet.store import Store
from tubelet.store.questions.changes import ReactionScope, reactions_of_dimension
from tubelet.store.questions.rows import DimensionReaction
from tubelet.training.dictionaries.method import make_trainer

VIDEOS = 12


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = direction_store(tmp_path_factory.mktemp("dimension") / "films", draw_tokens(VIDEOS, 2))
    for name, spec in (("parts", BasisSpec(components=3)), ("equal", BasisSpec(components=3, unit=True))):  # fmt: skip
        bases.save_basis(made, fitting.fit_basis(made, Scope.of(made), spec), name)
    yield made
    made.close()


def pictures(test) -> list[str]:
    return [one.proto.body for one in test.get("html") if 'role="img"' in one.proto.body]


def test_the_page_shows_a_planted_dimension_and_leads_into_the_player(store: Store) -> None:
    test = open_page("dimension", store, dimension="3")
    assert not test.exception
    shown = text(test)
    assert "**`Dimension 3`**: mean" in shown or "**Dimension 3**: mean" in shown
    assert "correlates most with dimension 4 (correlation -0.9" in shown
    assert f"of {VIDEOS} videos" in shown and "the same ones at every visit" in shown
    rows = pictures(test)
    assert len(rows) == 3 and all(row.count('role="img"') == 8 for row in rows)
    assert "video?color=three+dimensions&amp;dimensions=3%2C3%2C3&amp;video=" in rows[0]
    assert max(rows[0].count(f"{name}.mp4, ") for name in ("video-00000", "video-00001")) <= 4
    frames = [frame.value for frame in test.dataframe]
    assert frames[-1]["dim"].tolist()[0] == 4
    assert frames[-1]["page"].tolist()[0].startswith("dimension?encoder=toy-")
    assert "No pair of windows of this encoder was measured" in shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ({"dimension": "99"}, "no dimension 99: this encoder has dimensions 0 to 11"),
        ({"direction": "basis:parts:9"}, "no component 9: it has components 1 to 3"),
        ({"direction": "basis:gone:1"}, "no basis gone of components; there are: equal, parts"),
        ({"direction": "up"}, "no direction is called up: pass a dimension from 0 to 11"),
    ],
)
def test_what_is_not_there_says_what_is(store: Store, url: dict[str, str], said: str) -> None:
    test = open_page("dimension", store, **url)
    assert not test.exception
    assert said in "\n".join(warning.value for warning in test.warning).replace("`", "").replace("\\", "")  # fmt: skip


def test_a_component_of_a_basis_is_shown_by_the_same_page(store: Store) -> None:
    test = open_page("dimension", store, direction="basis:parts:2")
    assert not test.exception
    assert "omponent 2 of parts" in text(test) and "this direction is not one" in text(test)
    assert [title.value for title in test.title] == ["What does this direction encode?"]
    assert len(pictures(test)) == 3
    assert "color=a+direction&amp;color-direction=basis%3A" in pictures(test)[0]
    other = open_page("dimension", store, direction="basis:equal:1")
    assert not other.exception and "roll-ups do not hold its mean" in text(other)


def train_features(store: Store, scope: Scope) -> int:
    """A sparse autoencoder, as `basis fit --kind sae` trains it; the number of the feature whose weights lean most on dimension 0."""
    wish = BasisSpec(kind="sae"), DictionaryOptions(features=24, active=4, steps=150, batch=128)
    own = dictionary_fit.fit_dictionary(store, scope, wish, make_trainer("cpu", lambda _: None))
    bases.save_basis(store, own, "own")
    weights = np.abs(own.model.arrays["encoder"])
    return int(np.argmax(weights[:, 0] / np.linalg.norm(weights, axis=1)))


@pytest.fixture(scope="module")
def directions(store: Store, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The name of one direction of each kind that is neither a dimension nor a component."""
    scope = Scope.of(store)
    groups = fitting.fit_basis(store, scope, BasisSpec(kind="kmeans", clusters=3))
    bases.save_basis(store, groups, "groups")
    path = tmp_path_factory.mktemp("dictionary") / "theirs.safetensors"
    features = np.zeros((5, 12), np.float32)
    features[2, 3] = 1
    save_file({"W": features, "b": np.zeros(5, np.float32)}, path)
    bases.save_basis(store, import_dictionary(store, scope, path), "theirs")
    means = store.rows("SELECT video_id, avg(dim_mean) AS mean FROM dim_stats JOIN clips USING (clip_id) WHERE dim = 2 GROUP BY ALL ORDER BY mean, video_id")  # fmt: skip
    label(store, "level", {row["video_id"]: "low" if n < VIDEOS / 2 else "high" for n, row in enumerate(means)})  # fmt: skip
    save_run(store, run_probes(store, "level", (), ProbeOptions()))
    probe = store.rows("SELECT DISTINCT probe_id FROM probe_weights")[0]["probe_id"]
    clip = store.rows("SELECT min(clip_id) AS id FROM clips")[0]["id"]
    return {
        "cluster": "cluster:groups:0",
        "feature": "feature:theirs:2",
        "trained": f"feature:own:{train_features(store, scope)}",
        "probe": f"probe:{probe}:high",
        "patches": f"patches:{clip}-0.0.3,0.0.0",
    }


@pytest.mark.parametrize(
    ("kind", "dimension"),
    [("cluster", None), ("feature", 3), ("trained", None), ("probe", None), ("patches", 1)],
)
def test_every_kind_of_direction_has_the_whole_page(store: Store, directions: dict, kind: str, dimension: int | None) -> None:  # fmt: skip
    """Patches with the largest, middling and smallest values, curve, places and correlations; those of a known direction name its dimension first."""
    test = open_page("dimension", store, direction=directions[kind])
    assert not test.exception
    assert [title.value for title in test.title] == ["What does this direction encode?"]
    assert len(pictures(test)) == 3 and "color=a+direction" in pictures(test)[0]
    sections = ["Distribution", "Which tokens?", "Where in the frame, and when in the window?", "Over a video", "What does it react to?", "Which dimensions go along?"]  # fmt: skip
    assert [heading.value for heading in test.header] == sections
    first = test.dataframe[-1].value["dim"].tolist()[0]
    assert dimension is None or first == dimension


def test_a_direction_as_color_has_one_swatch_and_says_what_it_is(store: Store) -> None:
    encoder_id = Scope.of(store).encoder_id
    coloring = Coloring.along("basis:parts:2")
    basis = colorings.fit_basis(store, encoder_id, coloring)
    (swatch,) = colors.legend(basis)
    assert swatch.text.startswith("brightness: component 2 of parts, -")
    assert colors.sentence(basis, coloring).startswith("Brightness is the value along ")


def test_a_constant_dimension_says_so(store: Store) -> None:
    test = open_page("dimension", store, dimension="5")
    assert not test.exception and "It has the same value everywhere" in text(test)
    assert not pictures(test)


def test_the_row_of_the_matrix_equals_the_planted_reactions(tmp_path) -> None:
    store = direction_store(tmp_path / "films", draw_tokens(6, 1))
    values = draw_reactions(np.random.default_rng(0), 3, 6, 12)
    changes = [("noise", 0.1), ("shift", 1.0), ("disjoint", None)]
    plant_reactions(store, changes, values)
    (encoder,) = store.rows("SELECT encoder_id FROM encoders")
    (scope,) = store.rows(
        "SELECT DISTINCT a.frame_count, p.encoder_id FROM pairs p JOIN clips a ON a.clip_id = p.clip_a"
    )
    test = open_page("dimension", store, dimension="2")
    assert not test.exception and "in standard deviations of the dimension" in text(test)
    setting = next(c.value for c in test.caption if c.value.startswith("Windows of")).split(", ", 1)[1].split("; ")[0].strip("`")  # fmt: skip
    asked = ReactionScope(encoder_id=encoder["encoder_id"], frames=scope["frame_count"], setting=setting)  # fmt: skip
    rows = [DimensionReaction.of(row) for row in reactions_of_dimension(asked, 2).answer(store).to_pylist()]  # fmt: skip
    found = {row["what"]: row for row in summarize_reactions(rows).to_pylist()}
    for (change, strength), own in zip(changes, values):
        row = found[change if strength is None else f"{change} {strength:g}"]
        assert row["reaction"] == pytest.approx(own[:, 2].mean(), rel=1e-4) and row["videos"] == 6
        assert row["mean_dimension"] == pytest.approx(own.mean(), rel=1e-4)
        assert row["low"] < row["reaction"] < row["high"]
    store.close()


def report_script(name: str, path: str) -> None:
    from tubelet.dashboard import caching, report_page, selection

    store = caching.open_store(path)
    report_page.make_pages(())[name].show(store, selection.choose(store))


@pytest.mark.long
@pytest.mark.parametrize("name", ["dimensions", "changes"])
def test_the_tables_of_reports_lead_to_the_page_of_each_dimension(
    name: str, store: Store, planted_everything: Store
) -> None:
    held = store if name == "dimensions" else planted_everything
    (encoder,) = held.rows("SELECT encoder_id FROM encoders")
    test = AppTest.from_function(
        report_script, args=(name, str(held.root)), default_timeout=60
    ).run()
    assert not test.exception
    frames = [frame.value for frame in test.dataframe if "page" in frame.value.columns]
    assert frames
    for frame in frames:
        expected = [f"dimension?encoder={encoder['encoder_id']}&dimension={dim}" for dim in frame["dim"]]  # fmt: skip
        assert frame["page"].tolist() == expected


def test_the_player_leads_to_what_its_colors_stand_for(store: Store) -> None:
    (row,) = store.rows("SELECT basis_id FROM bases WHERE name = 'parts'")
    colored = {"color": "three dimensions", "dimensions": "3,1,3"}
    assert lead(open_page("video", store, **colored)) == [("3", ""), ("1", "")]
    kept = open_page("video", store, color="parts (components of the corpus)")
    assert lead(kept) == [("", f"basis:{row['basis_id']}:1")]


def lead(test: AppTest) -> list[tuple[str, str]]:
    """Dimension and direction of every link to the Dimension page."""
    assert not test.exception
    found = [one.proto for one in test.get("page_link") if one.proto.page == "dimension"]
    asked = [dict(parse_qsl(one.query_string)) for one in found]
    return [(one.get("dimension", ""), one.get("direction", "")) for one in asked]
