"""Which level of an encoder is stored: `--layer`, its refusals, and the store and dashboard with all levels joined."""

import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest

from tests.commands import ROOT, run_here
from tests.stores import synthetic_store
from tests.videos import make_folder, make_video
from tubelet.ingest import encoders
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.encoders import ENCODERS
from tubelet.ingest.errors import UsageError
from tubelet.ingest.job import Job
from tubelet.ingest.layer import LAST, Layer
from tubelet.store import Store
from tubelet.store.disk import integrity

NAME = "vjepa2.1-untrained"
CPU = torch.device("cpu")


def loaded(layer: str, name: str = NAME) -> tuple:
    return encoders.load(
        name, LoadOptions(device=CPU, layer=Layer.parse(layer, name, ENCODERS[name].depth.levels))
    )


@pytest.mark.parametrize("frames", [4, 1])
def test_all_is_every_level_joined_in_order(frames: int) -> None:
    pictures = torch.randint(
        0,
        256,
        (1, frames, 3, 32, 48),
        dtype=torch.uint8,
        generator=torch.Generator().manual_seed(0),
    )
    with torch.inference_mode():
        grids = {
            layer: loaded(layer)[1].encode(pictures).embeddings
            for layer in ("0", "1", "2", "3", "last", "all")
        }
    assert torch.equal(grids["all"], torch.cat([grids[str(level)] for level in range(4)], dim=-1))
    ranged = {layer: loaded(layer)[1].encode(pictures).embeddings for layer in ("1-2", "0-3")}
    assert torch.equal(ranged["1-2"], torch.cat([grids["1"], grids["2"]], dim=-1)) and torch.equal(
        ranged["0-3"], grids["all"]
    )
    assert torch.equal(grids["3"], grids["last"]) and grids["last"].shape == (
        1,
        max(frames // 2, 1),
        2,
        3,
        192,
    )
    assert not any(torch.isclose(grids["last"], grids[level], atol=0.1).all() for level in "012")


def test_a_layer_is_part_of_the_encoder_s_id_and_the_last_has_one_name() -> None:
    facts = {layer: loaded(layer)[0] for layer in ("0", "1", "2", "3", "last", "all")}
    assert facts["3"] == facts["last"] and facts["last"].layer == "last"
    assert len({fact.encoder_id for fact in facts.values()}) == 5
    assert (
        facts["all"].encoder_id.startswith(f"{NAME}-all-")
        and len(facts["last"].encoder_id) == len(NAME) + 17
    )
    assert len({fact.weights_sha256 for fact in facts.values()}) == 1
    assert (facts["all"].layer, facts["all"].dim, facts["1"].layer, facts["1"].dim) == (
        "all",
        768,
        "1",
        192,
    )


@pytest.mark.parametrize(
    ("layer", "count", "told"),
    [
        ("4", 4, "levels 0 to 3: choose one of them, a range such as 0-1, last or all"),
        ("-1", 4, "levels 0 to 3"),
        ("2-1", 4, "levels 0 to 3"),
        ("1-1", 4, "levels 0 to 3"),
        ("2-4", 4, "levels 0 to 3"),
        ("first", 4, "levels 0 to 3"),
        ("all", 1, "has one level: leave --layer out"),
        ("0", 1, "has one level"),
    ],
)
def test_levels_that_are_not_there_are_refused(layer: str, count: int, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Layer.parse(layer, "resnet", count)
    assert Layer.parse("last", "resnet", count) is LAST


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_tells_how_many_levels_it_has(name: str) -> None:
    assert ENCODERS[name].depth.levels == (
        4 if name.startswith(("vjepa2.1", "efficientnet")) else 1
    )


def test_encoders_with_one_level_refuse_the_others_before_anything_is_read(tmp_path) -> None:
    video = make_video(tmp_path / "a.mp4", frames=4)
    for name, layer in (("toy", "all"), ("vjepa2-vitl", "0"), ("vjepa1-vith", "all")):
        with pytest.raises(UsageError, match="has one level"):
            Job.of(paths=[str(video)], encoder=name, layer=layer, weights=tmp_path / "absent.pt")


@pytest.fixture(scope="module")
def store_of_all(tmp_path_factory) -> tuple:
    """A store whose clips hold all four levels, and the summary and the plan of the ingest that made it."""
    folder = tmp_path_factory.mktemp("layers")
    videos = make_folder(folder / "videos", 2, frames=8)
    arguments = (
        videos,
        "--encoder",
        NAME,
        "--layer",
        "all",
        "--size",
        "48",
        "--frames",
        "4",
        "--pairs",
        "0",
        "--json",
    )
    plan = json.loads(run_here("plan", *arguments, check=True).stdout)
    summary = json.loads(
        run_here("ingest", *arguments, "--store", folder / "store", check=True).stdout
    )
    return folder / "store", summary, plan


def test_all_levels_go_through_store_statistics_and_sql(store_of_all) -> None:
    root, summary, plan = store_of_all
    assert (
        (plan["clips"], plan["tokens"]) == (summary["clips"], summary["tokens"]) == (4, 4 * 2 * 9)
    )
    store = Store(root)
    assert store.rows("SELECT name, layer, embed_dim FROM encoders") == [
        {"name": NAME, "layer": "all", "embed_dim": 768}
    ]
    clip = store.rows("FROM clips ORDER BY clip_id LIMIT 1")[0]
    grid = store.grid(clip["clip_id"]).astype(np.float32)
    assert grid.shape == (2, 3, 3, 768) and clip["embed_dim"] == 768
    rows = store.rows(
        "SELECT norm FROM token_stats WHERE clip_id = ? ORDER BY slice, y, x", [clip["clip_id"]]
    )
    np.testing.assert_allclose(
        [row["norm"] for row in rows], np.linalg.norm(grid, axis=-1).ravel(), rtol=2e-3
    )
    means = store.rows(
        "SELECT dim_mean FROM dim_stats WHERE clip_id = ? AND slice = 1 ORDER BY dim",
        [clip["clip_id"]],
    )
    np.testing.assert_allclose(
        [row["dim_mean"] for row in means], grid[1].mean(axis=(0, 1)), atol=2e-3
    )
    assert store.rows("SELECT DISTINCT len(embedding) AS dim FROM tokens") == [{"dim": 768}]
    assert list(integrity.check(store)) == []
    store.close()


def test_the_dashboard_shows_all_levels(store_of_all, monkeypatch) -> None:
    monkeypatch.setattr("sys.argv", ["app.py", str(store_of_all[0])])
    page = AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=60)
    page.query_params["section"] = "Encoders"
    page.run()
    assert not page.exception
    (shown,) = (frame.value for frame in page.dataframe)
    assert shown[["name", "layer", "embed_dim", "clips"]].to_dict("records") == [
        {"name": NAME, "layer": "all", "embed_dim": 768, "clips": 4}
    ]


@pytest.mark.long
def test_layers_of_one_encoder_stand_side_by_side(store_of_all, tmp_path) -> None:
    video = make_video(tmp_path / "a.mp4", frames=8)
    small = {"encoder": NAME, "size": "32", "frames": 4, "pairs": "0"}
    synthetic_store(tmp_path / "store", videos=1).close()
    for layer in ("1", "all", "last"):
        job = Job.of(paths=[str(video)], layer=layer, **small)
        run = job.run(str(tmp_path / "store"))
        assert run.execute(job.sources).clips == 2
        run.store.close()
    store = Store(tmp_path / "store")
    counts = "SELECT layer, e.embed_dim, count(*) AS clips FROM encoders e JOIN clips USING (encoder_id) WHERE name = ? GROUP BY ALL ORDER BY ALL"
    rows = store.rows(counts, [NAME])
    assert [tuple(row.values()) for row in rows] == [
        ("1", 192, 2),
        ("all", 768, 2),
        ("last", 192, 2),
    ]
    store.close()
