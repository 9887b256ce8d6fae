"""What lets somebody in is neither kept nor shown: passwords, signatures and tokens, in words, in what is said, and in logs."""

import json
import time
from pathlib import Path

import pytest

from tests.stores import synthetic_store
from tubelet.store.jobs import logs, state
from tubelet.store.jobs.listing import list_jobs
from tubelet.store.jobs.recording import Recording
from tubelet.store.jobs.redaction import is_redacted, redact, redact_words
from tubelet.store.jobs.state import JobProgress

SECRET = "9fQ-pw~S3cr3t"
HOLDING = [
    f"https://ann:{SECRET}@host/a.mp4", f"https://{SECRET}@host/a.mp4", f"https://ann:p@{SECRET}@host/a.mp4", f"s3://AKIA:{SECRET}@bucket/films",
    f"https://host/a.mp4?X-Amz-Credential=AKIA&X-Amz-Signature={SECRET}", f"https://host/a?v=1&sig={SECRET}#t=3", f"https://host/a#access_token={SECRET}",
    f"--encoder=https://ann:{SECRET}@host/m", f"secret_access_key={SECRET}", f"AWS_SECRET_ACCESS_KEY={SECRET}", f"--store-option=aws_session_token={SECRET}",
    f"account_key={SECRET}", f"api-key={SECRET}", f"client_secret={SECRET}", f"sas_token={SECRET}", f"Authorization: Bearer {SECRET}", f"--token={SECRET}", f"password={SECRET}",
    f"failed: https://host/a?sig={SECRET} and https://ann:{SECRET}@host/b",
]  # fmt: skip
PLAIN = [
    "--weights-key=encoder", "films/a@2x.mp4", "s3://bucket/a@2x.mp4", "tokens=300", "12,000 tokens: 300 tokens/s", "https://host/a.mp4", "label['token'] = 'x'",
    "user@host", "--where=name = 'what?'", "a basic test of it", "--key=stem", "keyboard=1",
]  # fmt: skip


@pytest.mark.parametrize("text", HOLDING)
def test_no_secret_is_left(text: str) -> None:
    assert SECRET not in redact(text) and SECRET not in " ".join(redact_words([text]))
    assert is_redacted(redact_words([text])) and redact(redact(text)) == redact(text)


@pytest.mark.parametrize("text", PLAIN)
def test_what_holds_no_secret_stays(text: str) -> None:
    assert redact(text) == text and redact_words([text]) == (text,)


def test_the_value_of_an_option_that_holds_secrets_is_hidden_as_a_word_of_its_own() -> None:
    words = ["ingest", "--store-option", f"endpoint={SECRET}", "--limit", "3"]
    assert redact_words(words) == ("ingest", "--store-option", "***", "--limit", "3")


@pytest.mark.parametrize("piece", ["x", "://", "://a@", "bearer ", "secret_access_key", "://a?"])
def test_a_long_text_costs_time_in_proportion(piece: str) -> None:
    before = time.process_time()
    redact(piece * (200_000 // len(piece)))
    assert time.process_time() - before < 1  # 0.1 s; a quadratic rule takes a minute


def test_no_file_of_a_job_holds_a_secret(tmp_path: Path) -> None:
    """Words, failures and the last sentence as the command writes them; the log as it is read."""
    store = synthetic_store(tmp_path / "store", videos=0)
    recording = Recording(store.root, ["ingest", HOLDING[0], "--encoder", "toy"])
    assert recording.begin() and recording.folder
    folder = recording.folder
    recording.report(JobProgress(total=1, failed=1, failures=(HOLDING[4],)))
    recording.end(2, HOLDING[-1])
    (folder / state.LOG).write_text("\n".join(HOLDING))
    names = [state.JOB, state.PROGRESS, state.END]
    assert SECRET not in "".join((folder / name).read_text() for name in names)
    (job,) = list_jobs(store)
    assert job.words == ("ingest", "https://***@host/a.mp4", "--encoder", "toy")
    assert SECRET not in json.dumps(job.as_json()) + logs.read_log(folder)
    assert logs.read_log(folder).count("***") >= len(HOLDING)
    store.close()
