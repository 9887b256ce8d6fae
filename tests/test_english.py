"""The text of the project is plain English: none of the listed phrases occurs, and the list finds them where they do."""

import re

import pytest

from tests.documentation import ROOMS, ROOT
from tests.english import PHRASES, find_phrases, lines

EXAMPLES = (
    "One row a clip of a video", "one Parquet row a token", "by name, one a token",
    "one row a encoder", "width 100 is no multiple", "4 were there", "the predictor foretells the rest", "run the same command again to go on", "names tell case apart",
    "This query has no answer", "Take patches", "32 tokens a clip", "a cursor a query", "the clip under way", "search by sketch", "95 % of the videos", "a studentised bootstrap", "its colour", "like colours.",
    "read once a run", "files with other endings", "whatever its ending", "the ending of the file", "points to be had", "SQL from people", "the frames that a window tells",
    "`show` is told how many clips are done", "what was imported is taken away", "from 1 per cent of the labels", "raised as ever", "what the encoder says of the slice",
    "a mask that a person brings", "an error for what is none",
)  # fmt: skip
ALLOWED = (
    "there is no dimension 3",
    "it is no longer there",
    "one row per encoder",
    "a clip of a video",
    "ending the dashboard by Ctrl-C",
    "once a page is open",
    "95% of the videos",
    "the licence = None field",
    'the parameter "colour" of earlier links',
    "the route `/colours/` of earlier links",
)


def test_no_room_but_the_tests_is_left_out():
    searched = {path.relative_to(ROOT).parts[0] for path, _, _ in lines()}
    assert set(ROOMS) - {"tests"} <= searched
    assert any(path.suffix == ".js" for path, _, _ in lines())


def test_the_text_uses_none_of_the_listed_phrases():
    found = [
        f"{finding.place}: {finding.phrase!r}, write {finding.instead!r}"
        for finding in find_phrases()
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_list_finds_its_phrases(text):
    assert any(re.search(pattern, text) for pattern in PHRASES), text


@pytest.mark.parametrize("text", ALLOWED)
def test_plain_text_passes(text):
    assert not any(re.search(pattern, text) for pattern in PHRASES), text
