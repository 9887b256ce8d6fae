"""Stores in a bucket, read over HTTP from a real S3 server: SQL in its sandbox, reports, `check`, the cache, and what must never be said."""

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests import buckets
from tests.buckets import URL
from tests.commands import tubelet
from tests.contents import contents
from tests.stores import Recipe, add_videos, synthetic_store
from tubelet.store import Store, StoreError
from tubelet.store.errors import QueryError
from tubelet.store.remote.address import read_address
from tubelet.store.remote.bucket import _describe
from tubelet.store.remote.services import S3
from tubelet.store.sandbox.untrusted import ask
from tubelet.store.schema import TABLES


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with buckets.serve_bucket() as address:
        yield address


@pytest.fixture(scope="module")
def local(tmp_path_factory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("local") / "store", videos=3, clips=2)
    yield made
    made.close()


@pytest.fixture
def opened(server, local, tmp_path) -> Iterator[Store]:
    """The store in the bucket, as a machine opens it that has read nothing of it before."""
    buckets.upload(local.root)
    store = Store(URL, options={"cache": str(tmp_path / "cache")})
    yield store
    store.close()


def look_again(store: Store) -> Store:
    """Let the time pass for which the newest snapshot is taken to be the newest."""
    store.layout.home._looked = float("-inf")
    return store


def cached(store: Store) -> list[Path]:
    return sorted(path for path in (store.root / "embeddings").rglob("*") if path.is_file())


def test_a_store_in_a_bucket_answers_as_the_folder_does(opened, local):
    for name in contents(local.root):
        sql = f"FROM {name} ORDER BY ALL"
        assert opened.query(sql) == local.query(sql), name
    assert cached(opened) == []  # nothing so far has asked for tokens
    (clip, *_) = local.rows("SELECT clip_id FROM clips ORDER BY ALL")
    assert np.array_equal(opened.grid(clip["clip_id"]), local.grid(clip["clip_id"]))
    assert len(cached(opened)) == 1
    assert repr(opened) == f"Store({URL!r})" and opened.shell_name == URL


def test_sql_sees_the_store_and_nothing_else_and_reads_the_tokens_it_names(opened, local):
    (clip, other) = local.query("SELECT clip_id FROM clips ORDER BY ALL LIMIT 2")[
        "clip_id"
    ].to_pylist()
    sql = f"SELECT slice, y, x, embedding FROM tokens WHERE clip_id = '{clip}' ORDER BY ALL"
    assert ask(opened, sql).table == ask(local, sql).table
    assert [path.stem for path in cached(opened)] == [clip]
    both = f"SELECT clip_id, sum(embedding[1]) AS s FROM tokens WHERE clip_id IN ('{clip}', '{other}') GROUP BY ALL ORDER BY ALL"
    assert opened.query(both) == local.query(both) and len(cached(opened)) == 2
    whole = "SELECT count(*) AS n, sum(embedding[1])::FLOAT AS s FROM tokens"
    assert ask(opened, whole).table == ask(local, whole).table and len(cached(opened)) == 6
    for secret in (
        "FROM read_text('/etc/hostname')",
        f"FROM read_text('{URL}/tubelet.json')",
        "FROM duckdb_secrets()",
    ):
        with suppress(QueryError):
            assert len(ask(opened, secret).table) == 0


@pytest.mark.long
def test_a_commit_is_seen_and_what_it_replaced_is_read_again(server, tmp_path):
    made = synthetic_store(tmp_path / "store", videos=2, clips=2)
    buckets.upload(made.root)
    store = Store(URL, options={"cache": str(tmp_path / "cache")})
    ids = made.query("SELECT clip_id FROM clips ORDER BY ALL")["clip_id"].to_pylist()
    before = {clip: store.grid(clip) for clip in ids}
    row, files = made.clip(ids[0]).columns, len(list(store.root.rglob("*.parquet")))
    written = made.write_embedding(row, before[ids[0]] + np.float16(1))  # as another GPU rounds it
    row |= {"embedding_bytes": written.bytes, "embedding_sha256": written.sha256}
    made.commit({"clips": row_table(row)}, {"clips": [ids[0]]})
    add_videos(made, Recipe(videos=1, clips=2), first=2)
    made.compact(whole=True)
    buckets.upload(made.root)
    look_again(store)
    assert store.rows("SELECT count(*) AS n FROM clips") == [{"n": 6}]
    assert {path.stem for path in cached(store)} == set(ids[1:])
    assert np.array_equal(store.grid(ids[0]), before[ids[0]] + np.float16(1))
    assert contents(made.root)["token_stats"] == sorted(
        tuple(map(str, found.values())) for found in store.rows("FROM token_stats")
    )
    assert len(list(store.root.rglob("*.parquet"))) <= files + 3, "what the bucket has no more went"
    store.close()
    made.close()


@pytest.mark.long
def test_another_store_in_the_same_place_takes_nothing_from_the_one_before(opened, local, tmp_path):
    opened.grid(local.rows("SELECT clip_id FROM clips")[0]["clip_id"])
    other = synthetic_store(tmp_path / "other", videos=2, clips=1, seed=5)
    buckets.upload(other.root)
    for folder in ("embeddings/", "clips/_delta_log/", ""):  # as the console of AWS leaves them
        buckets.put(folder, b"")
    look_again(opened)
    for name, rows in contents(other.root).items():
        assert len(opened.query(f"FROM {name}")) == len(rows), name
    assert opened.query("FROM clips ORDER BY ALL") == other.query("FROM clips ORDER BY ALL")
    assert cached(opened) == []
    other.close()


@pytest.mark.long
def test_an_older_state_that_was_put_back_is_what_is_read(server, tmp_path):
    made = synthetic_store(tmp_path / "store", videos=1, clips=1)
    shutil.copytree(made.root, tmp_path / "backup")
    add_videos(made, Recipe(videos=1, clips=1), first=1)
    buckets.upload(made.root)
    store = Store(URL, options={"cache": str(tmp_path / "cache")})
    assert store.rows("SELECT count(*) AS n FROM clips") == [{"n": 2}]
    buckets.upload(tmp_path / "backup")
    look_again(store)
    assert store.rows("SELECT count(*) AS n FROM clips") == [{"n": 1}]
    store.close()
    made.close()


def row_table(row: dict) -> pa.Table:
    return pa.Table.from_pylist([row], TABLES["clips"].arrow)


def test_the_cache_of_embedding_files_is_bounded_and_keeps_what_was_used_last(
    opened, local, tmp_path
):
    ids = local.query("SELECT clip_id FROM clips ORDER BY ALL")["clip_id"].to_pylist()
    opened.grid(ids[0])
    size = cached(opened)[0].stat().st_size
    small = Store(
        URL, options={"cache": str(tmp_path / "cache"), "cache_gb": f"{2.5 * size / 1e9}"}
    )
    for clip in (ids[1], ids[0], ids[2]):
        small.grid(clip)
    assert {path.stem for path in cached(small)} == {ids[0], ids[2]}
    with pytest.raises(StoreError, match="cache_gb"):
        small.query("SELECT count(embedding) FROM tokens")
    with pytest.raises(QueryError, match="cache_gb"):  # as a page shows it
        ask(small, "SELECT count(embedding) FROM tokens")
    assert small.rows(f"SELECT count(embedding) AS n FROM tokens WHERE clip_id = '{ids[3]}'") == [
        {"n": 100}
    ]
    small.close()


@pytest.mark.long
def test_check_reads_the_bucket_itself(opened, local):
    given = f"--store-option=cache={opened.root.parent}"
    assert run("check", given).stdout == f"{URL} is whole\n"
    path = local.clip(
        local.rows("SELECT clip_id FROM clips ORDER BY ALL")[0]["clip_id"]
    ).embedding_path
    opened.grid(Path(path).stem)  # whose copy here stays sound
    table = next(name for name in sorted(buckets.held()) if name.startswith("slice_stats/part"))
    for name in (path, table):
        data = bytearray(buckets.read(name))
        data[len(data) // 2] ^= 1
        buckets.put(name, bytes(data))
    buckets.put("embeddings/toy/left/over.parquet", b"x")
    found = run("check", given)
    assert found.returncode == 1
    assert "its embedding file has changed" in found.stdout and "slice_stats" in found.stdout
    assert "over.parquet" in found.stdout and "no clip refers to" in found.stdout
    repair = run("check", "--repair")
    assert repair.returncode == 0 and "repaired" in repair.stdout, repair.stderr
    assert "embeddings/toy/left/over.parquet" not in buckets.held()
    assert path not in buckets.held(), "ingesting again writes it"
    assert run("check", given).stdout == f"{URL} is whole\n"


def run(*arguments: str):
    return tubelet(arguments[0], "--store", URL, *arguments[1:])


@pytest.mark.long
def test_a_report_and_an_answer_are_written_from_a_bucket(opened, local, tmp_path):
    asked = "SELECT name, label FROM videos ORDER BY ALL"
    outputs = [tmp_path / f"{place}.csv" for place in ("there", "here")]
    for place, output in zip((URL, local.root), outputs):
        done = tubelet(
            "sql", asked, "--store", place, "--store-option", f"cache={tmp_path}/c", "-o", output
        )
        assert done.returncode == 0, done.stderr
    assert outputs[0].read_text() == outputs[1].read_text() != ""
    done = tubelet(
        "report",
        "sensitivity",
        "--store",
        URL,
        "--store-option",
        f"cache={tmp_path}/c",
        "-o",
        tmp_path / "r.md",
    )
    assert done.returncode == 0 and URL in (tmp_path / "r.md").read_text(), done.stderr


def test_credentials_are_nowhere_but_where_they_were_given(opened, tmp_path):
    given = [
        f"--store-option=secret_access_key={buckets.SECRET}",
        f"--store-option=cache={tmp_path}/c",
    ]
    done = tubelet(
        "sql", "FROM videos", "--store", URL, *given, "--store-option=endpoint=http://127.0.0.1:9"
    )
    assert done.returncode == 2 and "cannot be reached" in done.stderr
    again = tubelet("sql", "SELECT 1 AS one", "--store", URL, *given)
    assert again.returncode == 0, again.stderr
    opened.query("SELECT count(*) FROM tokens")
    texts = [done.stdout, done.stderr, again.stdout, again.stderr]
    texts += [
        path.read_bytes().decode(errors="replace") for path in tmp_path.rglob("*") if path.is_file()
    ]
    texts += [buckets.read(name).decode(errors="replace") for name in buckets.held()]
    assert not any(secret in text for text in texts for secret in (buckets.SECRET, buckets.KEY))


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda: buckets.delete("tubelet.json"), "is not a Tubelet store"),
        (lambda: buckets.put("tubelet.json", b"{"), "is damaged"),
        (lambda: buckets.put("tubelet.json", buckets.read("tubelet.json").replace(b'"serial"', b'"serjal"')), "is damaged"),
        (lambda: buckets.put("tubelet.json", json.dumps({"format": 99, "serial": 1, "versions": {}}).encode()), "upgrade"),
        (lambda: buckets.put("tubelet.json", json.dumps({"format": 1, "serial": 1, "versions": {"../x": 1}}).encode()), "is damaged"),
    ],
)  # fmt: skip
def test_what_is_no_store_is_named(server, local, tmp_path, spoil, said):
    buckets.upload(local.root)
    spoil()
    with pytest.raises(StoreError, match=said):
        Store(URL, options={"cache": str(tmp_path)})


def test_a_file_that_the_bucket_lost_is_named(opened, local):
    (clip, *_) = local.rows("SELECT clip_id FROM clips ORDER BY ALL")
    buckets.delete(local.clip(clip["clip_id"]).embedding_path)
    with pytest.raises(StoreError, match="No such file"):
        opened.grid(clip["clip_id"])


@pytest.mark.parametrize(
    "url, options, said",
    [
        ("s3://no-such-bucket/x", {}, "not a Tubelet store"),
        (URL, {"colour": "red"}, "no store option 'colour'"),
        (URL, {"cache_gb": "-1"}, "cache_gb=-1 is not a size"),
        (URL, {"allow_http": "false"}, "allow_http=true"),
        (URL, {"endpoint": "nonsense"}, "its endpoint is not an address"),
        (URL, {"endpoint": "http://key:pass-word@127.0.0.1"}, "its endpoint is not an address"),
        (URL, {"region": "a\nb"}, "region is empty or holds"),
    ],
)
def test_wrong_options_end_in_a_sentence(server, tmp_path, url, options, said):
    with pytest.raises(StoreError, match=said) as refused:
        Store(url, options={"cache": str(tmp_path), **options})
    assert "pass-word" not in str(refused.value)


def test_without_credentials_nothing_is_asked(server, tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(StoreError, match="is an object store, and there are no credentials for it"):
        Store(URL, options={"cache": str(tmp_path)})
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    with pytest.raises(StoreError, match="not a Tubelet store"):
        Store(f"{URL}/elsewhere", options={"cache": str(tmp_path)})


@pytest.mark.parametrize(
    "answer, said",
    [
        ("status code: 403 Forbidden: <AWSAccessKeyId>AKIA0</AWSAccessKeyId>", "refuses access"),
        ("status code: 301 Moved: AKIA0", "check the region"),
        ("status code: 503 SlowDown AKIA0", "answered 503"),
        ("error sending request: AKIA0", "cannot be reached"),
    ],
)
def test_what_a_server_answers_is_explained_and_never_repeated(answer, said):
    described = _describe(answer, S3)
    assert said in described and "AKIA0" not in described


@pytest.mark.parametrize(
    "text, said",
    [
        ("s3://key:pass-word@bucket/store", "credentials"),
        ("s3://bucket/store?X-Amz-Signature=pass-word", "credentials"),
        ("s3://bucket/store#pass-word", "credentials"),
        ("az://Bucket/store", "not the address"),
        ("https://host/store", "https:// is not read"),
        ("s3://", "not the address"),
        ("s3://Bucket/store", "not the address"),
        ("s3://bucket/../store", "not the address"),
        ("s3://bucket/a'b", "not the address"),
        ("s3://bucket/a*", "not the address"),
    ],
)
def test_an_address_is_a_bucket_and_a_prefix_alone(text, said):
    with pytest.raises(StoreError, match=said) as refused:
        read_address(text)
    assert "pass-word" not in str(refused.value)
    assert str(read_address("s3://bucket/lab/store/")) == "s3://bucket/lab/store"
    assert str(read_address("AZ://bucket")) == "az://bucket"
    assert str(read_address("gs://bucket/store")) == "gs://bucket/store"
