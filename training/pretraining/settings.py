"""The settings of a run: all that decides which weights come out, besides the material."""

from dataclasses import asdict, dataclass

from tubelet.ingest.errors import UsageError
from tubelet.training.pretraining.teacher import BORDER, STRIDE
from tubelet.ingest.networks.vjepa import PredictorConfig, VisionTransformerConfig


@dataclass(frozen=True)
class Settings:
    """Network, batches and optimization. `tokens` sizes a batch: small crops of clips then come in larger numbers than large ones."""

    dim: int = 192
    depth: int = 6
    heads: int = 3
    patch: int = 16
    side: int = 224  # pixels of a clip in the bank
    frames: int = 16  # of a clip in the bank
    tokens: int = 1568  # per batch: one clip of 16 frames at 14 x 14 patches, or four of its crops at 7 x 7
    bank: int = 512  # clips that are made, taught once, and seen in many crops; they come in one by one
    whole: int = 300  # last steps, every second of which sees clips whole: 224 px
    masks: int = 1  # kinds of masks under which a masked batch is seen
    predictor_dim: int = 192
    predictor_depth: int = 3
    rate: float = 2e-3
    warmup: int = 100  # steps
    cooldown: int = 500  # steps at the end over which the rate falls to nothing
    decay: float = 0.05
    momentum: float = 0.998
    masked_from: int = 0  # step at which the masked loss sets in, where a teacher comes first; it is whole another as many later
    masked_every: int = 1  # one step of so many predicts what is masked; the others are for the teacher alone
    context_from: int = 1000  # the same for the context loss
    context_weight: float = 0.5
    light: float = 0.3  # strength of the photometric augmentation, which only the imitation of the teacher sees
    teacher: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.side % self.patch or self.side < 2 * self.patch:
            raise UsageError(f"--size {self.side} is not a multiple of the patch of {self.patch} px, or less than two of them")
        if self.teacher and self.patch != STRIDE:
            raise UsageError(f"a teacher's features stand for {STRIDE} px: train with patches of {STRIDE} px, or without --teacher")
        if self.teacher and self.side <= BORDER * STRIDE:
            raise UsageError(f"a teacher looks {BORDER * STRIDE} px beyond the border: train at more than that, or without --teacher")
        if not self.teacher and (self.masked_from or self.masked_every > 1):
            raise UsageError("--masked-from and --masked-every leave steps to a teacher: give --teacher, or leave them out")
        if self.frames < 4 or self.frames % 2:
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

    @property
    def grid(self) -> tuple[int, int, int]:
        """Slices, rows, columns of a clip in the bank."""
        return self.encoder.grid(self.frames, self.side, self.side)

    @property
    def as_json(self) -> dict:
        return asdict(self)
