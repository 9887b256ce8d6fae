"""The settings of a run: all settings that determine the weights, besides the material."""

from dataclasses import asdict, dataclass

from tubelet.ingest.errors import UsageError
from tubelet.training.pretraining.teacher import BORDER, STRIDE
from tubelet.ingest.networks.vjepa import PredictorConfig, VisionTransformerConfig
from tubelet.store.options import SEED_MOST, check_options, option

STEPS_MOST, TOKENS_MOST = 10**9, 10**6


@dataclass(frozen=True)
class Settings:
    """Network, batches and optimization. `tokens` sizes a batch: a batch holds more short clips than long ones."""

    dim: int = 192
    depth: int = 6
    heads: int = 3
    patch: int = 16
    side: int = option(224, flag="--size", help="Side of a clip.", metavar="PX", least=32, most=4096)
    frames: int = option(16, help="Frames of the longest clips.", least=4, most=1024)
    short_frames: int = 4
    # one clip of 16 frames at 14 x 14 patches, or four of 4 frames
    tokens: int = option(1568, help="Tokens per batch.", least=1, most=TOKENS_MOST)
    # making clips and asking a teacher is what costs on a CPU
    repeats: int = option(1, help="Optimizer steps per batch, each newly augmented.", least=1, most=STEPS_MOST)
    masks: int = option(2, help="Masks per batch.", least=1, most=5)
    predictor_dim: int = 96
    predictor_depth: int = 3
    rate: float = option(1e-3, help="Learning rate.", least=0, most=1)
    warmup: int = 100  # steps
    cooldown: int = option(500, help="Number of last steps, over which the rate falls to zero.", least=0, most=STEPS_MOST)
    decay: float = 0.05
    momentum: float = 0.998
    # whole another as many steps later
    masked_from: int = option(0, help="Step at which the masked loss starts, after steps with the teacher alone.", least=0, most=STEPS_MOST)
    # the other steps are for the lessons alone
    masked_every: int = option(1, help="Of this many steps from then on, one is masked.", least=1, most=STEPS_MOST)
    context_from: int = 1000  # the same for the context loss
    context_weight: float = 0.5
    teacher: str | None = option(None, help="A frozen image network whose features are distilled.", choices=("efficientnet-lite0",))
    seed: int = option(0, help="Seed of every random choice of the run.", least=0, most=SEED_MOST)

    def __post_init__(self) -> None:
        check_options(self, UsageError)
        if self.side % self.patch or self.side < 2 * self.patch:
            raise UsageError(f"--size {self.side} is not a multiple of the patch of {self.patch} px, or less than two of them")
        if self.teacher and self.patch != STRIDE:
            raise UsageError(f"a teacher's features stand for {STRIDE} px: train with patches of {STRIDE} px, or without --teacher")
        if self.teacher and self.side <= BORDER * STRIDE:
            raise UsageError(f"a teacher looks {BORDER * STRIDE} px beyond the border: train at more than that, or without --teacher")
        if not self.teacher and (self.masked_from or self.masked_every > 1):
            raise UsageError("--masked-from and --masked-every need a teacher: pass --teacher, or leave them out")
        if self.short_frames < 4 or self.frames % 2 or self.short_frames % 2:
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
        """Slices, rows, columns of a clip with that many frames."""
        return self.encoder.grid(frames, self.side, self.side)

    def clips(self, frames: int) -> int:
        """Clips per batch."""
        slices, rows, columns = self.grid(frames)
        return max(1, self.tokens // (slices * rows * columns))

    @property
    def as_json(self) -> dict:
        return asdict(self)
