"""The report: every array of a folder compared, a line a case, and what was not compared with the reason."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tests.golden import loose
from tests.golden.cards import Unchecked
from tests.golden.outputs import output
from tests.golden.sets import Set
from tubelet.store.errors import TubeletError

TOLERANCE = (
    5e-5  # largest absolute difference, float32 on a CPU; outputs have a standard deviation near 1
)
GREY_LEVELS = 1  # of 255: pictures are resized in 8 bits
AGREES, TOO_FAR, NOTHING, UNCHECKED = range(4)  # exit codes
REFUSALS = (
    Unchecked,
    TubeletError,
    ValueError,
    RuntimeError,
    KeyError,
    OSError,
)  # what a set that we cannot run raises


@dataclass
class Findings:
    """What a folder held: cases within the limit, cases past it, and what could not be compared."""

    near: int = 0
    far: int = 0
    unchecked: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        if self.far:
            return TOO_FAR
        if self.unchecked:
            return UNCHECKED
        return AGREES if self.near else NOTHING

    def case(self, name: str, differences: dict[str, float], limit: float, unit: str = "") -> None:
        """One case: prints the largest difference of its outputs, and which are past the limit."""
        far = [output for output, value in differences.items() if not value <= limit]
        self.far += bool(far)
        self.near += not far
        told = f"TOO FAR in {', '.join(far)}" if far else f"in {', '.join(differences)}"
        print(f"{name}: {max(differences.values()):.1e}{unit} {told}")

    def skip(self, name: str, why: object) -> None:
        """Something that should have been compared and was not."""
        self.unchecked.append(name)
        print(f"{name}: NOT CHECKED, {why}")


def difference(got: np.ndarray, expected: np.ndarray) -> float:
    """The largest absolute difference; infinite for another shape or a value that is not finite."""
    if got.shape != expected.shape or not np.isfinite(got).all():
        return float("inf")
    return float(np.abs(got - expected).max())


def compare(folder: Path) -> Findings:
    """Every set of a folder, then its arrays without networks."""
    findings = Findings()
    cards = {path.stem for path in folder.glob("*.json") if _is_card(path)}
    for name in sorted(cards):
        _set(findings, folder, name)
    for path in sorted(folder.glob("*.npz")):
        if path.stem not in cards:
            _arrays(findings, path)
    print(
        f"{findings.near + findings.far} cases compared, {findings.far} too far; {len(findings.unchecked)} outputs or files not checked"
    )
    return findings


def _is_card(path: Path) -> bool:
    fields = json.loads(path.read_text())
    return isinstance(fields, dict) and "encoder" in fields


def _set(findings: Findings, folder: Path, name: str) -> None:
    try:
        found = Set(folder, name)
        if not found.expected:
            raise Unchecked("its .npz has no outputs")
        found.encoder(True)
    except REFUSALS as error:
        findings.skip(name, error)
        return
    cases: dict[str, dict[str, float]] = defaultdict(dict)
    for key in found.expected:
        case, _, what = key.rpartition("/")
        try:
            cases[case][what] = difference(output(found, key).numpy(), found.arrays[key])
        except REFUSALS as error:
            findings.skip(f"{name} {key}", error)
    for case, differences in cases.items():
        findings.case(f"{name} {case}", differences, TOLERANCE)


def _arrays(findings: Findings, path: Path) -> None:
    """A file of arrays without a network: told apart by what it holds."""
    with np.load(path) as held:
        arrays = dict(held)
    ends = {key.rpartition("/")[2] for key in arrays}
    try:
        if loose.is_rotations(arrays):
            _rotations(findings, path.stem, arrays)
        elif "in_uint8_THWC" in ends:
            for case, levels in loose.picture_differences(path):
                findings.case(
                    f"{path.stem} {case.rpartition('/')[0]}",
                    {case.rpartition("/")[2]: levels},
                    GREY_LEVELS,
                    " gray levels",
                )
            print(
                f"{path.stem}: frames resized by OpenCV without antialiasing are left out, Tubelet has no such path"
            )
        elif ends == {"enc", "pred"}:
            print(f"{path.stem}: masks of training are left out, no network made them")
        else:
            findings.skip(
                path.stem,
                "there is no card (NAME.json with an encoder) beside it, and its arrays are of no kind known here",
            )
    except REFUSALS as error:
        findings.skip(path.stem, error)


def _rotations(findings: Findings, name: str, arrays: dict[str, np.ndarray]) -> None:
    for key, ours in loose.rotation_outputs(arrays):
        if isinstance(ours, Unchecked):
            findings.skip(f"{name} {key}", ours)
        else:
            head, _, what = key.rpartition("/")
            findings.case(f"{name} {head}", {what: difference(ours, arrays[key])}, TOLERANCE)


def outputs(folder: Path) -> Iterator[tuple[str, str]]:
    """(set, output) of every array that a network has to reproduce."""
    for path in sorted(folder.glob("*.json")):
        if _is_card(path):
            yield from ((path.stem, key) for key in Set(folder, path.stem).expected)
