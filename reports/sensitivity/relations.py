"""Which videos belong together, so that they are not independent: parts of one recording, copies, or videos of one label that react alike.

    names     file names that differ in the number at their end alone (scene1_001.mp4, scene1_002.mp4) and do not cover the whole corpus
    copies    videos whose dimensions deviate from the corpus in nearly the same way: the same content under another name or encoding
    labels    labels whose videos react more alike than videos of different labels do

A number at the end of every file of a corpus (video_000.mp4, video_001.mp4) only numbers the files: one name for all says nothing.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

LOOKED_AT = 2000  # videos compared with each other
COPY = 0.7  # correlation of two videos' deviations: re-encoded and smaller copies reach 0.80 to 0.99, unrelated videos 0.25 at most
FAR = 6  # standard deviations by which it exceeds what unrelated videos of so few dimensions reach
FEWEST_DIMS = 16
LARGEST_SHARE = 0.5  # of all videos that one name may cover, unless it holds a number of its own
SHUFFLES, RARE = 199, 0.01
SEED = 11
NUMBERED = re.compile(
    r"[\s_\-.]*(?:part|clip|seg|segment|copy|take|shot)?[\s_\-.(]*\d+\)?$|[\s_\-.(]*copy\)?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Likeness:
    """How similar videos of one label are: intra-class correlation of their deviations (0 not at all, 1 the same), and its p-value."""

    labels: int
    correlation: float
    p: float

    @property
    def related(self) -> bool:
        return self.p <= RARE and self.correlation > 0


@dataclass(frozen=True)
class Relations:
    """Groups by name and by content, a number per video ``(V,)`` each: videos of one number belong together."""

    names: np.ndarray
    copies: np.ndarray
    labels: Likeness | None

    @property
    def groups(self) -> np.ndarray:
        """Numbers of the groups that names and content make together."""
        return join(self.names, self.copies)


def relations(
    names: Sequence[str], labels: Sequence[str | None], relative: np.ndarray
) -> Relations:
    """The relations of videos, from file names, labels, and relative edge sensitivities ``(V, D)``."""
    unlike = deviations(relative)
    return Relations(by_name(names, labels), copies(unlike), likeness(unlike, labels))


def stem(name: str) -> str:
    """A file's name without its extension and the number of its part: `scene1_001.mp4` is `scene1`, `g03_c02.avi` is `g03_c`."""
    whole = name.rpartition(".")[0] or name
    return NUMBERED.sub("", whole).strip(" _-.(")


def by_name(names: Sequence[str], labels: Sequence[str | None]) -> np.ndarray:
    """A number per video; files of one folder whose stems agree share it."""
    stems = [(label, stem(name)) for name, label in zip(names, labels)]
    count, many = Counter(stems), LARGEST_SHARE * len(stems)
    telling = {
        key
        for key, number in count.items()
        if key[1] and number > 1 and (number <= many or re.search(r"\d", key[1]))
    }
    numbers: dict = {}
    return np.array(
        [
            numbers.setdefault(key if key in telling else at, len(numbers))
            for at, key in enumerate(stems)
        ],
        int,
    )


def deviations(relative: np.ndarray) -> np.ndarray:
    """How the logarithms of each video's sensitivities deviate from its own level and from those of all videos, rows of length 1.

    Over dimensions that react in every one of the first 2,000 videos; no column where there are fewer than 16 of them.
    """
    values = relative[:LOOKED_AT]
    kept = (np.nan_to_num(values) > 0).all(0) if len(values) else np.zeros(values.shape[1], bool)
    if kept.sum() < FEWEST_DIMS:
        return np.zeros((len(values), 0), np.float32)
    logarithms = np.log(values[:, kept])
    deviating = (
        logarithms - logarithms.mean(0) - logarithms.mean(1, keepdims=True) + logarithms.mean()
    )
    length = np.linalg.norm(deviating, axis=1, keepdims=True)
    return np.divide(deviating, length, out=np.zeros_like(deviating), where=length > 1e-9)


def copies(unlike: np.ndarray) -> np.ndarray:
    """A number per video, shared by those whose deviations ``(V, D)`` are nearly the same. Two videos always deviate from their mean in
    opposite ways, so three are needed.
    """
    if len(unlike) < 3 or not unlike.shape[1]:
        return np.arange(len(unlike))
    border = max(COPY, np.tanh(FAR / np.sqrt(unlike.shape[1] - 3)))
    return number_connected(unlike @ unlike.T > border)


def number_connected(near: np.ndarray) -> np.ndarray:
    """A number per row of a symmetric matrix of truths ``(V, V)``, shared by the rows that a chain of them connects."""
    numbers, number = np.full(len(near), -1), 0
    for first in range(len(near)):
        fresh = np.array([first]) if numbers[first] < 0 else np.array([], int)
        while len(fresh):
            numbers[fresh] = number
            fresh = np.flatnonzero(near[fresh].any(0) & (numbers < 0))
        number = numbers.max() + 1
    return numbers


def likeness(unlike: np.ndarray, labels: Sequence[str | None]) -> Likeness | None:
    """How similar videos of one label are, compared with random labels; None where no label has two videos, or all have one."""
    known = [at for at, label in enumerate(labels[: len(unlike)]) if label is not None]
    own = (
        np.unique([labels[at] for at in known], return_inverse=True)[1]
        if known
        else np.array([], int)
    )
    sizes = np.bincount(own) if known else np.array([], int)
    if len(sizes) < 2 or sizes.max() < 2 or not unlike.shape[1]:
        return None
    similar = unlike[known] @ unlike[known].T
    rng = np.random.default_rng(SEED)
    observed = _within(similar, own)
    shuffled = [_within(similar, rng.permutation(own)) for _ in range(SHUFFLES)]
    return Likeness(
        len(sizes), observed, (1 + sum(one >= observed for one in shuffled)) / (1 + SHUFFLES)
    )


def _within(similar: np.ndarray, own: np.ndarray) -> float:
    """Mean correlation of two videos of one label, minus that of two of different labels, over one minus the latter."""
    member = np.zeros((own.max() + 1, len(own)), similar.dtype)
    member[own, np.arange(len(own))] = 1
    sizes, trace = member.sum(1), np.trace(similar)
    inside, pairs = (
        np.einsum("gv,vw,gw->", member, similar, member, optimize=True) - trace,
        (sizes * (sizes - 1)).sum(),
    )
    outside, others = similar.sum() - trace - inside, len(own) * (len(own) - 1) - pairs
    across = outside / max(others, 1)
    return float((inside / pairs - across) / max(1 - across, 1e-9))


def join(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Numbers of the groups in which videos hang together by either; `b` may cover the first videos alone."""
    numbers = a.copy()
    for group in np.unique(b):
        reached = np.unique(numbers[: len(b)][b == group])
        numbers[np.isin(numbers, reached)] = reached[0]
    return numbers


def together(numbers: np.ndarray) -> tuple[int, int]:
    """How many groups of several videos there are, and how many videos are in them."""
    sizes = (
        np.bincount(np.unique(numbers, return_inverse=True)[1])
        if len(numbers)
        else np.array([], int)
    )
    return int((sizes > 1).sum()), int(sizes[sizes > 1].sum())
