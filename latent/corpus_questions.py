"""Ready questions over the videos of an encoder, each answered by frozen rows and kept until the store changes.

asked = CorpusQuestion(encoder_id, label="split")
ask_leaks(workspace, asked).pairs
"""

from dataclasses import dataclass

from tubelet.latent.coverage import Centers, choose_centers
from tubelet.latent.duplicates import Duplicates, find_duplicates, read_moments
from tubelet.latent.outliers import Outliers, find_outliers
from tubelet.latent.video_vectors import VideoVectors
from tubelet.latent.workspace import Workspace
from tubelet.store.questions.video_vectors import video_labels


@dataclass(frozen=True)
class CorpusQuestion:
    """Which videos are asked about (None for all of the encoder), by which label, and how many are wanted."""

    encoder_id: str
    video_ids: tuple[str, ...] | None = None
    label: str = ""
    count: int = 10


def ask_duplicates(workspace: Workspace, asked: CorpusQuestion) -> Duplicates:
    """Moments of two videos that are closer than chance. Raises LatentError."""
    return workspace.keep_answer(("duplicates", asked), lambda: _compare(workspace, asked, False))


def ask_leaks(workspace: Workspace, asked: CorpusQuestion) -> Duplicates:
    """The same of two videos with different values of a label. Raises LatentError."""
    return workspace.keep_answer(("leaks", asked), lambda: _compare(workspace, asked, True))


def ask_outliers(workspace: Workspace, asked: CorpusQuestion) -> Outliers:
    """Videos far from the others with their value of a label. Raises LatentError."""
    return workspace.keep_answer(
        ("outliers", asked),
        lambda: find_outliers(_vectors(workspace, asked), read_labels(workspace, asked.label)),
    )


def ask_centers(workspace: Workspace, asked: CorpusQuestion) -> Centers:
    """Which videos to label next: videos that have the label count as chosen. Raises LatentError."""
    return workspace.keep_answer(
        ("centers", asked),
        lambda: choose_centers(
            _vectors(workspace, asked), asked.count, read_labels(workspace, asked.label)
        ),
    )


def read_labels(workspace: Workspace, name: str) -> dict[str, str]:
    """The value of a label by video id; nothing for no label."""
    rows = video_labels(name).answer(workspace.store).to_pylist() if name else []
    return {row["video_id"]: row["value"] for row in rows}


def _compare(workspace: Workspace, asked: CorpusQuestion, leaks: bool) -> Duplicates:
    videos = _vectors(workspace, asked)
    among = None if asked.video_ids is None else list(videos.video_ids)
    moments = read_moments(workspace.store, asked.encoder_id, among, len(videos))
    return find_duplicates(moments, read_labels(workspace, asked.label) if leaks else None)


def _vectors(workspace: Workspace, asked: CorpusQuestion) -> VideoVectors:
    videos = workspace.video_vectors(asked.encoder_id)
    return videos if asked.video_ids is None else videos.select(set(asked.video_ids))
