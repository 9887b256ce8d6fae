"""Questions that researchers ask, as a file of SQL: the answers of the sandbox against NumPy on the grids (tests/dashboard/test_researcher_doors.py: of command, page and HTTP)."""

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.stores import LABELS, synthetic_store
from tubelet.store import Store
from tubelet.store.sandbox.statements import find_parameters
from tubelet.store.sandbox.untrusted import Query, ask

FILE = Path(__file__).with_name("researcher_questions.sql")
QUESTIONS = {
    name.strip(): sql.strip()
    for name, sql in re.findall(
        r"^-- name: (.+)\n((?:(?!^-- name: ).*\n)+)", FILE.read_text(), re.MULTILINE
    )
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = synthetic_store(tmp_path_factory.mktemp("researchers") / "films", videos=4, clips=2)
    yield made
    made.close()


class Expected:
    """Every answer, from the rows of videos, clips and pairs and from the grids ``(C, S, H, W, D)``."""

    def __init__(self, store: Store) -> None:
        self.videos = store.rows("FROM videos ORDER BY name")
        self.clips = store.rows("FROM clips ORDER BY clip_id")
        self.pairs = store.rows("FROM pairs ORDER BY pair_id")
        self.ids = [clip["clip_id"] for clip in self.clips]
        self.grids = np.stack([store.grid(clip).astype(np.float64) for clip in self.ids])
        self.norms = np.linalg.norm(self.grids, axis=-1)
        self.unit = self.grids / self.norms[..., None]
        self.still = (self.unit[:, 1:] * self.unit[:, :-1]).sum(-1)  # (C, S - 1, H, W)
        self.first = self.ids[0]

    def of_videos(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """What is given per clip, by the name of the video."""
        return {
            video["name"]: np.array([value for clip, value in zip(self.clips, values) if clip["video_id"] == video["video_id"]])
            for video in self.videos
        }  # fmt: skip

    def differences(self) -> np.ndarray:
        """|b - a| over the shared slices of every pair: ``(P, shared, H, W, D)``."""
        at = self.ids.index
        return np.stack([
            np.abs(self.grids[at(pair["clip_b"])][: 4 - pair["shift"]] - self.grids[at(pair["clip_a"])][pair["shift"] :])
            for pair in self.pairs
        ])  # fmt: skip

    def answers(self) -> dict[str, list[tuple]]:
        return {
            **self.corpus(),
            **self.statistics(),
            **self.dimensions(),
            **self.embeddings(),
            **self.measured(),
        }

    def corpus(self) -> dict[str, list[tuple]]:
        videos, codecs = self.videos, sorted({video["codec"] for video in self.videos})
        return {
            "tokens per encoder": [("toy", 8 * 4 * 25)],
            "seconds of video": [(sum(video["duration_s"] for video in videos),)],
            "videos per label, unlabeled ones too": [*((label, 1) for label in sorted(filter(None, LABELS))), (None, 1)],
            "which share of videos has a label": [(0.75,)],
            "bytes per codec": [(codec, sum(v["bytes"] for v in videos if v["codec"] == codec)) for codec in codecs],
            "frames that two windows cover": [(c["clip_id"], 4, 4) for c in self.clips if c["first_frame"] == 0],
            "windows per video": [(video["name"], 2) for video in videos],
            "tokens per second of video": [(video["name"], 200 / video["duration_s"]) for video in videos],
            "failures by reason": [("open", "no video stream in it", 1)],
            "frames of the slices of a window": [(s, self.clips[0]["first_frame"] + 2 * s) for s in range(4)],
        }  # fmt: skip

    def statistics(self) -> dict[str, list[tuple]]:
        norms, ids = self.norms, self.ids
        by_slice, flat = norms.mean((2, 3)), norms.ravel()
        order = np.argsort(-flat)[:10]
        border = np.ones((5, 5), bool)
        border[1:4, 1:4] = False
        high = norms > (norms.mean((1, 2, 3)) + 2 * norms.std((1, 2, 3)))[:, None, None, None]
        videos = self.of_videos(norms.mean((1, 2, 3)))
        still = self.of_videos(self.still.mean((1, 2, 3)))
        bins = np.minimum((flat - flat.min()) / (flat.max() - flat.min()) * 10, 9).astype(int)
        running = [[by_slice[c, max(0, s - 2) : s + 1].mean() for s in range(4)] for c in range(8)]
        top = [
            (ids[c], s, *np.unravel_index(norms[c, s].argmax(), (5, 5)))
            for c, s in product(range(8), range(4))
        ]
        return {
            "the ten largest norms": [(ids[c], s, y, x, norms[c, s, y, x]) for c, s, y, x in zip(*np.unravel_index(order, norms.shape))],
            "mean norm per video with its standard error over windows": [(name, v.mean(), v.std(ddof=1) / 2**0.5) for name, v in videos.items()],
            "percentiles of the norm": [(np.quantile(flat, [0.05, 0.5, 0.95]).tolist(),)],
            "tokens two standard deviations above their clip's mean": [(ids[c], n) for c, n in enumerate(high.sum((1, 2, 3))) if n],
            "norm of the center against the border": [(False, norms[..., ~border].mean()), (True, norms[..., border].mean())],
            "mean norm per place of the frame, as a matrix": [(y, *norms.mean((0, 1))[y]) for y in range(5)],
            "norm along the slices": [(s, norms[:, s].mean()) for s in range(4)],
            "change of the mean norm from slice to slice": [(ids[c], s, by_slice[c, s] - by_slice[c, s - 1]) for c, s in product(range(8), (1, 2, 3))],
            "running mean of the norm over three slices": [(ids[c], s, running[c][s]) for c, s in product(range(8), range(4))],
            "the patch of the largest norm in each slice": top,
            "how still each video is": sorted(((name, v.mean()) for name, v in still.items()), key=lambda row: row[1]),
            "when each video changes most": self.changes(),
            "correlation of norm and spread": [(np.corrcoef(flat, self.grids.std(-1).ravel())[0, 1],)],
            "histogram of norms in ten steps": [(b, (bins == b).sum()) for b in range(10) if (bins == b).any()],
            "labels beside their mean norm, one column each": [tuple(videos[self.videos[n]["name"]].mean() for n in (0, 3, 1, 2))],
            "statistics of a token as rows": list(zip(("norm", "mean", "std"), (norms[0, 0, 0, 0], self.grids[0, 0, 0, 0].mean(), self.grids[0, 0, 0, 0].std()))),
        }  # fmt: skip

    def changes(self) -> list[tuple]:
        """The second at which the slice begins that is least like the one before, per video."""
        found = {}
        names = {video["video_id"]: video["name"] for video in self.videos}
        for clip, still in zip(self.clips, self.still.mean((2, 3))):
            for slice_, value in enumerate(still, start=1):
                second = clip["start_s"] + slice_ / 4 * (clip["stop_s"] - clip["start_s"])
                found.setdefault(names[clip["video_id"]], []).append((value, second))
        return [(name, min(found[name])[1]) for name in sorted(found)]

    def dimensions(self) -> dict[str, list[tuple]]:
        tokens, spread = self.grids.reshape(-1, 16), self.grids.reshape(-1, 16).std(0)
        means, stds = self.grids.mean((2, 3)), self.grids.std((2, 3))  # (C, S, D)
        between = means[..., 3].var(1)
        width = self.grids.max((1, 2, 3)) - self.grids.min((1, 2, 3))
        return {
            "dimensions by their spread over the corpus": [(d, spread[d]) for d in np.argsort(-spread)],
            "mean and range of each dimension": [(d, tokens[:, d].mean(), tokens[:, d].min(), tokens[:, d].max()) for d in range(16)],
            "dimensions that are mostly positive": [(d,) for d in range(16) if (tokens[:, d] > 0).mean() > 0.8],
            "share of the variance between slices": [(self.ids[c], between[c] / (between[c] + (stds[c, :, 3] ** 2).mean())) for c in range(8)],
            "dimensions ranked within each clip": [(self.ids[c], np.argsort(-width[c])[:3].tolist()) for c in range(8)],
        }  # fmt: skip

    def embeddings(self) -> dict[str, list[tuple]]:
        unit, ids = self.unit, self.ids
        scores = unit @ unit[0, 1, 2, 3]
        scores[0, 1, 2, 3] = -2
        near = np.unravel_index(np.argsort(-scores.ravel())[:5], scores.shape)
        means = self.grids.mean((1, 2, 3))
        alike = means @ means.T / np.outer(*[np.linalg.norm(means, axis=1)] * 2) - 9 * np.eye(8)
        ends = (unit[:, 0] * unit[:, 3]).sum(-1)
        return {
            "norm recomputed from the embeddings": [(True,)],
            "mean embedding of a window": [(means[0].tolist(),)],
            "nearest tokens of a token": [(ids[c], s, y, x, scores[c, s, y, x]) for c, s, y, x in zip(*near)],
            "similarity of the first and the last slice, patch by patch": [(ids[c], y, x, ends[c, y, x]) for c, y, x in product(range(8), range(5), range(5))],
            "similarity of neighboring patches, by hand": [((unit[..., 1:, :] * unit[..., :-1, :]).sum(-1).mean(),)],
            "the window most like each window": [(ids[c], ids[alike[c].argmax()]) for c in range(8)],
            "sampled tokens hold what the files hold": [(8 * 32, True)],
        }  # fmt: skip

    def measured(self) -> dict[str, list[tuple]]:
        gone, at = self.differences(), self.ids.index
        by_dim, by_slice = gone.mean((0, 1, 2, 3)), gone.mean((2, 3, 4))
        both = np.stack(
            [
                np.stack([self.grids[at(p["clip_a"])], self.grids[at(p["clip_b"])]]).std(
                    (0, 1, 2, 3)
                )
                for p in self.pairs
            ]
        )
        moved = np.linalg.norm(gone, axis=-1).mean((0, 1))
        far = np.unravel_index(np.argsort(-moved.ravel())[:3], (5, 5))
        relative = (gone.mean((2, 3)) / both[:, None]).mean((0, 1))
        return {
            "dimensions that react most to a shift": [(d, by_dim[d]) for d in np.argsort(-by_dim)[:5]],
            "reaction relative to the spread of the dimension": list(enumerate(relative)),
            "reaction along the shared slices": [(s, by_slice[:, s].mean(), by_slice[:, s].std(ddof=1) / 2) for s in range(2)],
            "patches that move furthest": [(y, x, moved[y, x]) for y, x in zip(*far)],
        }  # fmt: skip


@pytest.fixture(scope="module")
def expected(store: Store) -> dict[str, list[tuple]]:
    return Expected(store).answers()


def test_every_question_has_an_answer_and_there_are_forty(expected: dict) -> None:
    assert set(QUESTIONS) == set(expected) and len(QUESTIONS) >= 40


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_answer_is_that_of_numpy(name: str, store: Store, expected: dict) -> None:
    values = {"clip": store.rows("FROM clips ORDER BY clip_id LIMIT 1")[0]["clip_id"]}
    sql = QUESTIONS[name]
    table = ask(store, Query(sql, values if find_parameters(sql) else {})).table
    found = [tuple(row) for row in zip(*(column.to_pylist() for column in table.columns))]
    assert len(found) == len(expected[name])
    for row, right in zip(found, expected[name]):
        assert [_match(a, b) for a, b in zip(row, right, strict=True)] == [True] * len(row), (
            row,
            right,
        )


def _match(found: Any, right: Any) -> bool:
    if isinstance(found, list):
        return len(found) == len(right) and all(map(_match, found, right))
    if isinstance(right, float | np.floating):
        return float(found) == pytest.approx(float(right), rel=2e-4, abs=2e-5)
    return found == right
