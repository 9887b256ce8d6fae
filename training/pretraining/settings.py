"""The settings of a run: all that decides which weights come out, besides the material."""

from dataclasses import asdict, dataclass

from tubelet.ingest.errors import UsageError
from tubelet.training.pretraining.teacher import BORDER, STRIDE
from tubelet.ingest.networks.vjepa import PredictorConfig, VisionTransformerConfig


@dataclass(frozen=True)
class Settings:
    """Network, batches and optimization. `tokens` sizes a batch: short clips then come in larger numbers than long ones."""

    dim: int = 192
    depth: int = 6
    heads: int = 3
    patch: int = 16
    side: int = 224  # pixels
    frames: int = 16  # of a long clip
    short_frames: int = 4
    tokens: int = 1568  # a batch: one clip of 16 frames at 14 x 14 patches, or four of 4 frames
    repeats: int = 1  # steps that see the same clips, each in its own light: making clips and asking a teacher is what costs on a CPU
    masks: int = 2  # kinds of masks under which a batch is seen
    predictor_dim: int = 96
    predictor_depth: int = 3
    rate: float = 1e-3
    warmup: int = 100  # steps
    cooldown: int = 500  # steps at the end over which the rate falls to nothing
    decay: float = 0.05
    momentum: float = 0.998
    masked_from: int = 0  # step at which the masked loss sets in, where lessons come first; it is whole another as many later
    masked_every: int = 1  # of so many steps one foretells what is masked; the others are for the lessons alone
    context_from: int = 1000  # the same for the context loss
    context_weight: float = 0.5
    teacher: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.side % self.patch or self.side < 2 * self.patch:
            raise UsageError(f"--size {self.side} is no multiple of the patch of {self.patch} px, or less than two of them")
        if self.teacher and self.patch != STRIDE:
            raise UsageError(f"a teacher's features stand for {STRIDE} px: train with patches of {STRIDE} px, or without --teacher")
        if self.teacher and self.side <= BORDER * STRIDE:
            raise UsageError(f"a teacher looks {BORDER * STRIDE} px beyond the border: train at more than that, or without --teacher")
        if not self.teacher and (self.masked_from or self.masked_every > 1):
            raise UsageError("--masked-from and --masked-every leave steps to a teacher's lessons: give --teacher, or leave them out")
        if min(self.frames, self.short_frames) < 4 or self.frames % 2 or self.short_frames % 2:
            raise UsageError(
                "--frames: clips of an odd number of frames, or of fewer than 4, have no future slice: use an even number from 4 on"
            )

    @property
    def encoder(self) -> VisionTransformerConfig:
        quarter = self.depth // 4
        levels = tuple(self.depth - 1 - step * max(1, quarter) for step in reversed(range(min(4, self.depth))))
        return VisionTransformerConfig(self.dim, self.depth, self.heads, 4 * self.dim, levels, self.patch)

    @property
    def predictor(self) -> PredictorConfig:
        width, dim = self.dim * len(self.encoder.levels), self.predictor_dim
        shape = {"dim": dim, "mlp": 4 * dim, "depth": self.predictor_depth, "heads": dim // 32}
        return PredictorConfig(width, width, mask_tokens=1, hidden=self.dim, interpolated=True, **shape)

    def grid(self, frames: int) -> tuple[int, int, int]:
        """Slices, rows, columns of a clip of so many frames."""
        return self.encoder.grid(frames, self.side, self.side)

    def clips(self, frames: int) -> int:
        """Clips a batch."""
        slices, rows, columns = self.grid(frames)
        return max(1, self.tokens // (slices * rows * columns))

    @property
    def as_json(self) -> dict:
        return asdict(self)
