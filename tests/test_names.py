"""Names: a class has a name of its own, functions are verbs, and dataclasses of more than four fields take their values by name."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.test_architecture import ALLOWED, files

POSITIONAL = 4  # fields that may be passed by position
# Names of two classes each: a table and a column of the store, and of a report
SHARED = {"Table", "Column"}
# Participles that are no verbs; a question, a chart and a block are named by what they show, so these alone are refused
PARTICIPLES = {"told", "taught", "asked", "known", "held", "drawn", "said", "given", "brought", "foretell", "unlike"}  # fmt: skip


@pytest.fixture(scope="module")
def trees() -> dict[Path, ast.Module]:
    """Every file of the product, parsed once for the tests of this module."""
    return {path: ast.parse(path.read_text()) for room in ALLOWED for path in files(room)}


def classes(trees: dict[Path, ast.Module]) -> Iterator[tuple[Path, ast.ClassDef]]:
    for path, tree in trees.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                yield path, node


def describe_dataclass(node: ast.ClassDef) -> str:
    """The decorator that makes the class a dataclass; empty for any other."""
    decorators = map(ast.unparse, node.decorator_list)
    return next((text for text in decorators if text.partition("(")[0] == "dataclass"), "")


def count_fields(node: ast.ClassDef) -> int:
    """Fields of its own that a call may give."""
    stated = (part for part in node.body if isinstance(part, ast.AnnAssign))
    return sum("ClassVar" not in ast.unparse(part.annotation) for part in stated)


def test_dataclasses_of_more_than_four_fields_take_their_values_by_name(trees) -> None:
    found = [
        (path, node) for path, node in classes(trees) if describe_dataclass(node) and count_fields(node) > POSITIONAL
    ]  # fmt: skip
    assert len(found) > 200
    positional = [
        f"{path.relative_to(ROOT)} {node.name}"
        for path, node in found
        if "kw_only=True" not in describe_dataclass(node)
    ]
    assert not positional, "add kw_only=True"


def test_a_class_has_a_name_of_its_own(trees) -> None:
    places = defaultdict(set)
    for path, node in classes(trees):
        places[node.name].add(str(path.relative_to(ROOT)))
    assert len(places) > 600
    twice = {name: sorted(found) for name, found in places.items() if len(found) > 1}
    assert twice.keys() == SHARED, "name each by its subject"


def test_functions_are_verbs(trees) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and not any("property" in ast.unparse(each) for each in node.decorator_list)
        and node.name.strip("_").split("_")[0] in PARTICIPLES
    ]
    assert not found, "name what it does"
