"""The summary of a run: what was done, what failed, and where the seconds went."""

from dataclasses import asdict, dataclass, field

from tubelet.ingest.pipeline.encoding import EncodedClip
from tubelet.ingest.pipeline.messages import Failure
from tubelet.store.schema import PARTNER


@dataclass
class Summary:
    """Counts of one run. Seconds of decode, encode and write overlap; `wait` is the encoder with nothing to do.

    Of the `clips`, `partner_clips` were encoded only because a pair needs them; `again` counts clips encoded for a pair that
    are not stored a second time. `pairless` videos are too short for a pair, which takes `pair_frames` frames.
    """

    store: str
    encoder_id: str
    videos: int = 0
    videos_decoded: int = 0
    videos_unchanged: int = 0
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
    interrupted: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)

    def add(self, clip: EncodedClip) -> None:
        """Count one encoded clip and the pairs that it completed."""
        partner = clip.row["role"] == PARTNER and not clip.clip.stored
        self.clips += not clip.clip.stored
        self.tokens += 0 if clip.clip.stored else clip.grid[..., 0].size
        self.partner_clips += partner
        self.again += clip.clip.stored
        self.pairs_s += clip.row["encode_s"] if partner or clip.clip.stored else 0.0
        self.pairs += len(clip.pairs)

    @property
    def exit_code(self) -> int:
        """0 all done, 1 some videos failed, 130 stopped by Ctrl-C."""
        return 130 if self.interrupted else 1 if self.failures else 0

    @property
    def bottleneck(self) -> str:
        return max(("decode", "encode", "write"), key=lambda stage: self.seconds.get(stage, 0.0))

    def as_json(self) -> dict:
        return {**asdict(self), "bottleneck": self.bottleneck}

    def lines(self) -> list[str]:
        """The summary in words, one fact a line."""
        seconds = self.seconds
        rate = self.tokens / seconds["encode"] if seconds.get("encode") else 0
        lines = [
            self._video_line(),
            f"{self.clips:,} clips encoded ({self.tokens:,} tokens, {self.embedding_bytes / 1e6:,.1f} MB of embeddings, "
            f"{rate:,.0f} tokens/s in the encoder); {self.clips_kept:,} already stored",
            f"{seconds['wall']:.1f} s: decode {seconds['decode']:.1f}, encode {seconds['encode']:.1f}, write {seconds['write']:.1f}, "
            f"encoder waiting {seconds['wait']:.1f}" + (f"; the bottleneck was {self.bottleneck}" if self.clips else ""),
        ]
        if self.halved:
            lines.append(f"memory ran out: batches were halved down to {self.batch}; --batch {self.batch} starts there, a smaller --size needs less")
        lines += self._pair_lines()
        if self.dropped_windows:
            lines.append(
                f"{self.dropped_windows:,} partial windows at the ends of videos were dropped ({self.dropped_frames:,} frames); --tail keeps them"
            )
        lines += [f"failed: {failure.path}: {failure.error} [{failure.stage}]" for failure in self.failures]
        if self.interrupted:
            lines.append("stopped; everything encoded so far is committed: run the same command again to go on")
        return lines

    def _video_line(self) -> str:
        """Every video once: encoded, stored before, a duplicate, or failed, some of them after a part of their clips."""
        unread = self.videos - self.videos_decoded - self.videos_unchanged - self.duplicates
        partly = max(0, len({failure.path for failure in self.failures}) - unread)
        counts = {
            "encoded": self.videos_decoded - partly,
            "already stored": self.videos_unchanged,
            "duplicates of others": self.duplicates,
            "failed": unread,
            "failed after some of their clips": partly,
        }
        listed = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        return f"{self.videos:,} video{'s' * (self.videos != 1)}: {listed or 'nothing to do'}"

    def _pair_lines(self) -> list[str]:
        """What was measured of pairs, what it cost, and which videos were too short for it."""
        if not self.pair_frames:
            return []
        lines = [f"{self.pairs:,} pairs of windows measured; {self.pairs_kept:,} already stored"]
        if self.partner_clips or self.again:
            lines[0] += (
                f". {self.partner_clips:,} of the clips were encoded for pairs alone, {self.again:,} stored ones once more: "
                f"{self.pairs_s:.1f} s in the encoder; --pairs 0 leaves this out"
            )
        if self.pairless:
            lines.append(f"{self.pairless:,} videos have clips but are too short for a pair, which takes {self.pair_frames:,} frames")
        return lines
