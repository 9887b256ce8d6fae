"""Files and functions stay small enough to be read at once: every Python file of the repository, tests included; and long tests begin early."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.commands import ROOT
from tests.conftest import LONGEST
from tests.test_architecture import ALLOWED, files

FILE, FUNCTION, MEDIAN = 400, 45, 10  # lines


def sources() -> list[Path]:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    return [path for room in ALLOWED for path in files(room)] + tests


def lengths(path: Path) -> Iterator[tuple[str, int]]:
    """Each function of a file and how many lines it has, from `def` to its end."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or 0) - node.lineno + 1


def test_no_file_is_longer_than_400_lines():
    long = {
        str(path.relative_to(ROOT)): count
        for path in sources()
        if (count := len(path.read_text().splitlines())) > FILE
    }
    assert not long, "split them by subject"


def test_no_function_is_longer_than_45_lines_and_half_have_fewer_than_10():
    found = [
        (f"{path.relative_to(ROOT)} {name}", count)
        for path in sources()
        for name, count in lengths(path)
    ]
    assert len(found) > 3000
    assert not {name: count for name, count in found if count > FUNCTION}, "cut them into parts"
    assert median(count for _, count in found) < MEDIAN


def test_the_longest_modules_of_tests_are_known_by_their_names_and_begin_first(request):
    assert [module for module in LONGEST if not (ROOT / "tests" / module).is_file()] == []
    order = list(dict.fromkeys(str(item.path) for item in request.session.items))
    long = [str(ROOT / "tests" / module) for module in LONGEST]
    begun = [path for path in long if path in order]
    assert order[: len(begun)] == begun


def test_modules_of_tests_have_names_of_their_own() -> None:
    """pytest imports them by their names alone: the second of one name is never collected."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))
