"""The summary of a run: what was done, what failed, and where the time went."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from tubelet.ingest.folders import Skipped
from tubelet.ingest.frame_rate import Sampling
from tubelet.ingest.part import Taken
from tubelet.ingest.pipeline.events import ClipCount
from tubelet.ingest.pipeline.messages import Failure, VideoDone
from tubelet.ingest.prediction.errors import judge_errors
from tubelet.media.color import HDR
from tubelet.store.outcome import INTERRUPTED, describe_loss
from tubelet.store.remote.address import is_remote
from tubelet.store.stalling import Attendant, Unanswered
from tubelet.store.wording import agree, count, escape_controls

NAMED = 5  # files of a kind in the printed summary; --json has all


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """A file whose content was also found at another place, in this run or before; labels are the folders of both."""

    path: str
    label: str | None
    same_as: str
    same_label: str | None
    moved: bool = False  # the other place was in the store, and is gone

    @property
    def words(self) -> str:
        both = (label or "none" for label in (self.label, self.same_label))
        labels = f" (labels {', '.join(both)})" if self.label != self.same_label else ""
        return f"{self.path} {'was' if self.moved else '='} {self.same_as}{labels}"


@dataclass(frozen=True, kw_only=True)
class ReplacedContent:
    """A path at which a stored video was found before, and another one is now."""

    path: str
    before: str
    now: str | None

    @property
    def words(self) -> str:
        return f"{self.path} (was video {self.before}, is {self.now})"


@dataclass(frozen=True, kw_only=True)
class ProcessTotals:
    """What one of several processes knows only at its end."""

    seconds: dict[str, float]
    embedding_bytes: int
    batch: int
    halved: bool
    unanswered: bool

    @classmethod
    def of(cls, summary: "Summary") -> "ProcessTotals":
        return cls(**{f.name: getattr(summary, f.name) for f in fields(cls)})


@dataclass(kw_only=True)
class Summary:
    """Counts of one run. Seconds of decode, encode and write overlap; `wait` is the time the encoder was idle.

    Of the `clips`, `partner_clips` were encoded only because a pair needs them; `again` counts clips encoded for a pair that
    are not stored a second time. `pairless` videos are too short for a pair, which takes `pair_frames` frames.
    """

    store: str
    encoder_id: str
    videos: int = 0
    videos_decoded: int = 0
    videos_unchanged: int = 0
    videos_shared: int = 0  # encoded by another process meanwhile
    videos_failed: int = 0  # without a clip
    videos_partly: int = 0  # failed after some of their clips
    duplicates: int = 0
    clips: int = 0
    clips_kept: int = 0
    tokens: int = 0
    embedding_bytes: int = 0
    dropped_windows: int = 0
    dropped_frames: int = 0
    batch: int = 1  # clips encoded together, at the end of the run
    halved: bool = False  # because memory ran out
    pairs: int = 0
    pairs_kept: int = 0
    partner_clips: int = 0
    again: int = 0
    pairs_s: float = 0.0  # in the encoder, for partner clips and clips encoded again
    pairless: int = 0
    pair_frames: int = 0
    predicted: int = 0  # slices
    errors: tuple[float, float] = (0.0, 0.0)  # of the predictions and of copying, summed
    changing: bool = False  # whether windows were to be changed
    damaged_videos: int = 0  # decoded, with frames that FFmpeg marks as damaged
    corrupt_frames: int = 0
    hdr_videos: int = 0  # decoded
    frame_rates: list[float] = field(default_factory=list)  # of the videos that were decoded
    sampling: Sampling = field(default_factory=lambda: Sampling(trained=None))
    duplicates_of: list[Elsewhere] = field(default_factory=list)  # in this run
    moved: list[Elsewhere] = field(default_factory=list)  # since an earlier run
    replaced: list[ReplacedContent] = field(default_factory=list)  # since an earlier run
    skipped: Sequence[Skipped] = ()
    taken: Taken | None = None  # where the sources were a part of those that there are
    processes: int = 1  # that ended in order
    lost_processes: list[str] = field(
        default_factory=list
    )  # those that did not, and how they ended
    interrupted: bool = False
    unanswered: bool = False  # a file that was being read when the run was stopped did not answer
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def add_process(self, totals: ProcessTotals) -> None:
        """Add what one of several processes says at its end; their seconds are summed."""
        first = not self.seconds
        self.processes = 1 if first else self.processes + 1
        self.seconds = {
            name: self.seconds.get(name, 0.0) + spent for name, spent in totals.seconds.items()
        }
        self.embedding_bytes += totals.embedding_bytes
        self.batch = totals.batch if first else min(self.batch, totals.batch)
        self.halved, self.unanswered = (
            self.halved or totals.halved,
            self.unanswered or totals.unanswered,
        )

    def __post_init__(self) -> None:
        self._with_clips: set[str] = set()  # videos of which this run has encoded a clip

    def add(self, clip: ClipCount) -> None:
        """Count one encoded clip and the pairs that it completed."""
        self._with_clips.add(clip.video_id)
        self.clips += not clip.stored
        self.tokens += 0 if clip.stored else clip.tokens
        self.partner_clips += clip.partner
        self.again += clip.stored
        self.pairs_s += clip.encode_s if clip.partner or clip.stored else 0.0
        self.pairs += clip.pairs
        self.predicted += clip.predicted
        self.errors = (self.errors[0] + clip.errors[0], self.errors[1] + clip.errors[1])

    def end(self, done: VideoDone) -> None:
        """Count one source that is finished."""
        self.videos += 1
        self.videos_decoded += done.decoded
        self.videos_shared += done.shared
        self.videos_unchanged += not (
            done.decoded or done.duplicate_of or done.failures or done.shared
        )
        self.clips_kept += done.kept_clips
        self.pairs_kept += done.kept_pairs
        self.pairless += done.pairless
        self.dropped_windows += done.dropped_window
        self.dropped_frames += done.dropped_frames if done.dropped_window else 0
        self.failures += done.failures
        self._count_failed(done)
        self._note_place(done)
        if done.decoded and done.row:
            self.damaged_videos += bool(done.row.corrupt_frames)
            self.frame_rates.append(done.row.fps)
            self.corrupt_frames += done.row.corrupt_frames or 0
            self.hdr_videos += (done.row.transfer or "") in HDR

    def _count_failed(self, done: VideoDone) -> None:
        kept = bool(done.kept_clips) or done.video_id in self._with_clips
        self.videos_partly += bool(done.failures) and kept and not done.retracted
        self.videos_failed += bool(done.failures) and (done.retracted or not kept)

    def _note_place(self, done: VideoDone) -> None:
        if done.place:
            self.replaced += [
                ReplacedContent(path=before.path, before=before.video_id, now=done.video_id)
                for before in done.replaced
            ]
        if done.duplicate_of:
            self.duplicates += 1
            self.duplicates_of.append(
                Elsewhere(
                    path=done.source.text,
                    label=done.source.label,
                    same_as=done.duplicate_of.text,
                    same_label=done.duplicate_of.label,
                )
            )
        elif before := done.moved_from:
            self.moved.append(
                Elsewhere(
                    path=done.source.text,
                    label=done.source.label,
                    same_as=before.path,
                    same_label=before.label,
                    moved=PLACES.is_gone(before.path),
                )
            )

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some videos failed, 130 stopped by Ctrl-C."""
        return INTERRUPTED if self.interrupted else 1 if self.failures else 0

    @property
    def bottleneck(self) -> str:
        return max(("decode", "encode", "write"), key=lambda stage: self.seconds.get(stage, 0.0))

    def as_json(self) -> dict:
        return {**asdict(self), "bottleneck": self.bottleneck}

    def lines(self) -> list[str]:
        """The summary in words, one fact per line."""
        seconds = self.seconds
        rate = self.tokens / seconds["encode"] if seconds.get("encode") else 0
        lines = [
            *([self.taken.words] if self.taken else []),
            self._video_line(),
            (
                f"{count(self.clips, 'clip')} encoded ({count(self.tokens, 'token')}, {self.embedding_bytes / 1e6:,.1f} MB of embeddings, "
                f"{rate:,.0f} tokens/s in the encoder); {self.clips_kept:,} already stored"
            ),
            (
                f"{seconds['wall']:.1f} s: decode {seconds['decode']:.1f}, encode {seconds['encode']:.1f}, write {seconds['write']:.1f}, "
                f"encoder waiting {seconds['wait']:.1f}{f'; the bottleneck was {self.bottleneck}' if self.clips else ''}"
            ),
        ]
        lines += self._process_lines()
        if self.halved:
            lines.append(
                f"memory ran out: batches were halved down to {self.batch}; --batch {self.batch} starts there, a smaller --size needs less"
            )
        lines += self._pair_lines()
        if self.predicted:
            judged = f"; {judge_errors(*self.errors)}" if self.errors[1] else ""
            lines.append(f"{count(self.predicted, 'slice')} predicted{judged}")
        if self.dropped_windows:
            lines.append(
                f"{count(self.dropped_windows, 'partial window')} at the end of {agree(self.dropped_windows, 'a video was', 'videos were')} dropped ({count(self.dropped_frames, 'frame')}); --tail keeps {agree(self.dropped_windows, 'it', 'them')}"
            )
        lines += self.sampling.lines(self.frame_rates)
        lines += self._source_lines()
        lines += [
            f"failed: {failure.path}: {failure.error} [{failure.stage}]"
            for failure in self.failures
        ]
        if self.unanswered:
            lines.append(
                "a file that was being read did not respond and was abandoned: check its disk or mount"
            )
        if self.interrupted:
            lines.append(
                "stopped; everything encoded so far is committed: run the same command again to continue"
            )
        return [escape_controls(line) for line in lines]

    def _process_lines(self) -> list[str]:
        """How many processes there were, and which of them were lost."""
        if self.processes == 1 and not self.lost_processes:
            return []
        counted = count(self.processes, "process", "processes")
        return [
            f"{counted}, whose seconds of decode, encode, write and waiting are summed",
            *map(describe_loss, self.lost_processes),
        ]

    def _source_lines(self) -> list[str]:
        """What may be unexpected about the sources: places, skipped files, damage, colors."""
        lines = (
            [f"duplicates, ingested once: {_name_some(one.words for one in self.duplicates_of)}"]
            if self.duplicates_of
            else []
        )
        if self.moved:
            lines.append(
                f"moved; the store has the new path: {_name_some(one.words for one in self.moved)}"
            )
        if self.replaced:
            lines.append(
                f"other content at the path of a stored video, which the store keeps: {_name_some(one.words for one in self.replaced)}"
            )
        reasons = Counter(one.reason for one in self.skipped)
        for reason, number in reasons.items():
            names = _name_some(one.path for one in self.skipped if one.reason == reason)
            lines.append(
                f"left out: {count(number, 'path')}, which is not a failure: {names}: {reason}"
            )
        if self.corrupt_frames:
            lines.append(
                f"{count(self.corrupt_frames, 'frame')} of {count(self.damaged_videos, 'video')} {agree(self.corrupt_frames, 'is', 'are')} damaged by what FFmpeg marks or finds: columns `corrupt_frames`"
            )
        if self.hdr_videos:
            lines.append(
                f"{count(self.hdr_videos, 'video is', 'videos are')} HDR and {agree(self.hdr_videos, 'was', 'were')} taken without tone mapping: paler than in a player (column `transfer`)"
            )
        return lines

    def _video_line(self) -> str:
        """Every video once: encoded, stored before, a duplicate, or failed, some after part of their clips."""
        counts = {
            "already stored": self.videos_unchanged,
            "encoded by another process": self.videos_shared,
            agree(self.duplicates, "duplicate of another", "duplicates of others"): self.duplicates,
            "failed": self.videos_failed,
            "failed after some of their clips": self.videos_partly,
        }
        counts = {"encoded": self.videos - sum(counts.values()), **counts}
        listed = ", ".join(f"{number:,} {what}" for what, number in counts.items() if number)
        return f"{count(self.videos, 'video')}: {listed or 'nothing to do'}"

    def _pair_lines(self) -> list[str]:
        """How many pairs were measured, their cost, and how many videos were too short."""
        if not self.pair_frames:
            return []
        lines = [
            f"{count(self.pairs, 'pair')} of windows measured; {self.pairs_kept:,} already stored"
        ]
        extra = [f"{count(self.partner_clips, 'extra clip')} encoded"] * bool(self.partner_clips)
        extra += [f"{count(self.again, 'clip')} encoded again"] * bool(self.again)
        if extra:
            lines[0] += (
                f". For pairs alone: {', '.join(extra)}, {self.pairs_s:.1f} s in the encoder; --pairs 0{' without --change' * self.changing} disables this"
            )
        if self.pairless:
            lines.append(
                f"{count(self.pairless, 'video')} too short for a pair, which needs {count(self.pair_frames, 'frame')}"
            )
        return lines


class KnownPlaces:
    """Whether files are still where an earlier run found them. Once a disk has not answered, as that which they were copied from may, no file is asked for."""

    def __init__(self) -> None:
        self._attendant, self._answers = Attendant(), True

    def is_gone(self, path: str) -> bool:
        """What is at an address is not asked for either, and counts as being there."""
        if is_remote(path) or not self._answers:
            return not is_remote(path)
        try:
            return not self._attendant.wait(Path(path).exists)
        except Unanswered:
            self._answers = False
            return True


PLACES = KnownPlaces()


def _name_some(names: Iterable[str]) -> str:
    """The first few of many."""
    listed = list(names)
    return ", ".join(listed[:NAMED]) + (
        f" and {len(listed) - NAMED:,} more (--json lists all)" if len(listed) > NAMED else ""
    )
