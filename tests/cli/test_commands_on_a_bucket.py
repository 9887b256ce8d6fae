"""Every command on a store in a bucket: it works there, or a sentence says what to do instead."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click
import pytest

from tests import buckets
from tests.buckets import URL
from tests.commands import run_here
from tests.tiers import thin
from tests.videos import make_folder
from tubelet.cli import main
from tubelet.cli.forms import walk_commands
from tubelet.store import Store

TINY = ("--encoder", "vjepa2.1-tiny", "--size", 64, "--frames", 8, "--stride", 4, "--device", "cpu")
FIT = ("--device", "cpu", "--width", 8, "--steps", 2)


class Try(NamedTuple):
    """A command as it is tried: what follows its name, and the table that it fills, where it fills one."""

    arguments: tuple[object, ...]
    fills: str = ""


class Refusal(NamedTuple):
    """A command that is refused, and a part of the sentence."""

    arguments: tuple[object, ...]
    said: str


TRIES: dict[str, Try | Refusal] = {
    "ingest": Try(("videos", *TINY, "--pairs", 0, "--quiet"), "clips"),
    "annotate": Try(("labels.csv", "points.csv"), "labels"),
    "tag": Try(("odd", "--where", "label['kind'] = 'a'"), "tags"),
    "pairs": Try(("--shift", 2), "pairs"),
    "sql": Try(("SELECT count(*) FROM tokens",)),
    "queries save": Try(("all", "FROM videos"), "saved_queries"),
    "queries list": Try(()),
    "queries export": Try(("-o", "saved.toml")),
    "queries import": Try(("saved.toml",)),
    "queries remove": Try(("all",)),
    "basis fit": Try(("--corpus",), "bases"),
    "basis import": Refusal(("labels.csv",), "safetensors"),
    "basis list": Try(()),
    "index": Try(()),
    "search": Refusal(("a red cup",), "compared with texts"),
    "ask": Try(("label-first", "--count", 2)),
    "probe": Try(("--label", "kind", "--folds", 2), "probes"),
    "score": Try((), "scores"),
    "surprise": Try(("--device", "cpu", "--context", 2), "surprise"),
    "mask": Try(("--device", "cpu"), "maskings"),
    "transition fit": Try(FIT, "transitions"),
    "decoder fit": Try((*FIT, "--encoder", "vjepa2.1-tiny"), "decoders"),
    "decoder show": Try(("--clip", "CLIP", "-o", "drawn.png")),
    "export colors": Try(("--clip", "CLIP", "-o", "colors.npy")),
    "export mask": Try(
        ("--clip", "CLIP", "--patch", "0.0.0", "--background", "0.3.3", "-o", "mask.npz")
    ),
    "export mp4": Try(("--clip", "CLIP", "-o", "drawn.mp4")),
    "export tokens": Try(("-o", "tokens", "--to", "npy")),
    "export track": Try(("--clip", "CLIP", "--patch", "0.0.0", "-o", "track.csv")),
    **{
        f"report {name}": Try(("-o", f"{name}.md"))
        for name in ("sensitivity", "dimensions", "probes", "scores", "prediction", "transition")
    },
    "report encoders": Refusal(("-o", "encoders.md"), "nothing to compare it with"),
    "report changes": Refusal(("-o", "changes.md"), "ingest"),
    "backfill": Try(()),
    "compact": Try(()),
    "check": Try(()),
    "remove": Try(("videos", "--where", "tag('odd')", "--yes")),
    "jobs": Refusal((), "was started"),
    "dashboard": Refusal(("--allow-jobs",), "needs a store in a folder"),
    "demo": Refusal((), "makes its store in a folder"),
}
QUICK = ("ingest", "annotate", "tag", "sql", "queries save", "queries list", "queries export", "compact", "remove")  # fmt: skip
ENDLESS = {"mcp"}  # which answers until its input ends


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Iterator[Path]:
    """Where all commands run, one after the other, over one store."""
    made = tmp_path_factory.mktemp("commands")
    make_folder(made / "videos", 4, frames=16)
    names = sorted(path.name for path in (made / "videos").iterdir())
    rows = [f"{name},{'ab'[number % 2]}" for number, name in enumerate(names)]
    (made / "labels.csv").write_text("\n".join(["name,kind", *rows]))
    points = [f"{names[0]},p,{frame},20,20" for frame in range(8)]
    (made / "points.csv").write_text("\n".join(["name,point,frame,x,y", *points]))
    with buckets.serve_bucket(), pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        patch.setenv("XDG_CACHE_HOME", str(made / "cache"))
        yield made


def commands() -> dict[str, click.Command]:
    return {
        name: command
        for name, command in walk_commands(main)
        if any(parameter.name == "store" for parameter in command.params)
    }


def test_every_command_over_a_store_is_tried():
    assert commands().keys() == TRIES.keys() | ENDLESS


@pytest.mark.parametrize("name", thin(TRIES, QUICK))
def test_a_command_works_on_a_bucket_or_says_what_to_do(name, folder):
    asked = TRIES[name]
    clip = _first_clip() if "CLIP" in asked.arguments else ""
    arguments = [clip if one == "CLIP" else one for one in asked.arguments]
    done = run_here(*name.split(), *arguments, "--store", URL)
    if isinstance(asked, Refusal):
        assert done.returncode == 2 and asked.said in done.stderr, done.stderr
        return
    assert done.returncode == 0, done.stdout + done.stderr
    if asked.fills:
        store = Store(URL, fresh=True)
        assert len(store.query(f"FROM {asked.fills} LIMIT 1")) == 1
        store.close()


def _first_clip() -> str:
    store = Store(URL)
    (row,) = store.rows("SELECT clip_id FROM clips ORDER BY ALL LIMIT 1")
    store.close()
    return row["clip_id"]


@pytest.mark.parametrize("name", sorted(commands().keys() - {"demo"}))
def test_a_command_takes_the_options_of_a_bucket(name, folder):
    asked = TRIES.get(name, Try(()))
    done = run_here(*name.split(), *asked.arguments, "--store", URL, "--store-option", "colour=red")
    assert done.returncode == 2 and "no store option 'colour'" in done.stderr, done.stderr
