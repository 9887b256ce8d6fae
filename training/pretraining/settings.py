"""The settings of a run: all settings that determine the weights, besides the material."""

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from tubelet.ingest.errors import UsageError
from tubelet.store.options import SEED_MOST, check_options, option

# The command makes its options from this module, and prints its help without torch.
if TYPE_CHECKING:
    from tubelet.ingest.networks.vjepa import PredictorConfig, VisionTransformerConfig

STEPS_MOST, TOKENS_MOST = 10**9, 10**6
MASK_KINDS = ("short", "long", "tubes", "scatter", "future")
CONSTANT, COSINE = "constant", "cosine"
LATENTS, PIXELS = "latents", "pixels"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Network, batches and optimization. `tokens` sizes a batch: small crops of clips then come in larger numbers than large ones."""

    dim: int = 192
    depth: int = 6
    heads: int = 3
    patch: int = 16
    side: int = option(
        224,
        flag="--size",
        help="Side of a clip; most steps train on crops of it.",
        metavar="PX",
        least=32,
        most=4096,
    )
    frames: int = option(16, help="Frames per clip.", least=4, most=1024)
    # one clip of 16 frames at 14 x 14 patches, or four of its crops at 7 x 7
    tokens: int = option(1568, help="Tokens per batch.", least=1, most=TOKENS_MOST)
    bank: int = option(
        512,
        help="Clips that are prepared once, together with the teacher's features, and then cropped many times.",
        least=16,
        most=1_000_000,
    )
    whole: int = option(
        300,
        help="Steps at the end of the run, half of which see whole clips instead of crops.",
        least=0,
        most=STEPS_MOST,
    )
    masks: int = option(1, help="Masks applied to each masked batch.", least=1, most=5)
    mask_kinds: str = option(
        "short,long,scatter,tubes,future,future,future,future",
        help="Kinds of mask that a masked batch of clips draws from: short (8 blocks of 0.15), long (2 of 0.7), tubes, scatter, future. A kind named twice is drawn twice as often; "
        "half of the default is future, which takes motion to predict.",
        metavar="KIND[,KIND]",
    )
    mask_ratio: float = option(
        0.7,
        help="Share of a clip that tubes and scatter hide; 0.7 is about what short blocks hide.",
        least=0.05,
        most=0.99,
    )
    predictor_dim: int = option(
        192,
        help="Width of the predictor, a multiple of 32; 192 is the width of the encoder, so that nothing is compressed on the way in.",
        least=32,
        most=4096,
    )
    predictor_depth: int = option(
        3,
        help="Blocks of the predictor; 3 is half of the encoder's depth, so that understanding the clip is left to the encoder.",
        least=1,
        most=64,
    )
    rate: float = option(2e-3, help="Learning rate.", least=0, most=1)
    warmup: int = 100  # steps
    cooldown: int = option(
        500,
        help="Steps at the end of the run over which the learning rate falls to zero.",
        least=0,
        most=STEPS_MOST,
    )
    decay: float = 0.05
    momentum: float = option(
        0.998,
        help="Momentum of the target network's moving average; 0.998 suits runs of about ten thousand steps. Meta's cosine schedule starts at 0.996.",
        least=0,
        most=1,
    )
    ema: str = option(
        CONSTANT,
        help="Schedule of the momentum: constant, so that a run can be extended, or a cosine that reaches 1 at the last step.",
        choices=(CONSTANT, COSINE),
    )
    level_weights: str | None = option(
        None,
        help="Weight of each level in the loss, from the first to the last, such as 0,0,0,1.",
        unset="equal: early levels keep local detail, the last one what is common",
        metavar="W,W,...",
    )
    objective: str = option(
        LATENTS,
        help="What the predictor predicts at hidden places: the target's latents or, for comparison, pixels normalized per patch. Surprise cannot be measured with a predictor of pixels.",
        choices=(LATENTS, PIXELS),
    )
    # its weight then rises to 1 over as many steps again
    masked_from: int = option(
        0,
        help="Step at which the masked loss starts, if there is a teacher.",
        least=0,
        most=STEPS_MOST,
    )
    # the other steps are for the teacher alone
    masked_every: int = option(
        1,
        help="Every N-th step is masked; the others learn from the teacher alone.",
        least=1,
        most=STEPS_MOST,
    )
    context_from: int = 1000  # the same for the context loss
    context_weight: float = 0.5
    light: float = option(
        0.3,
        help="Strength of the photometric augmentation; it applies to the distillation from the teacher alone.",
        least=0,
        most=10,
    )
    teacher: str | None = option(
        None,
        help="Frozen image network whose features are distilled, too.",
        choices=("efficientnet-lite0",),
    )
    seed: int = option(0, help="Seed of every random choice of the run.", least=0, most=SEED_MOST)

    def __post_init__(self) -> None:
        check_options(self, UsageError)
        if self.side % self.patch or self.side < 2 * self.patch:
            raise UsageError(
                f"--size {self.side} is not a multiple of the patch of {self.patch} px, or less than two of them"
            )
        if self.teacher:
            self._check_teacher()
        if not self.teacher and (self.masked_from or self.masked_every > 1):
            raise UsageError(
                "--masked-from and --masked-every leave steps to a teacher: give --teacher, or leave them out"
            )
        self._check_choices()
        if self.frames < 4 or self.frames % 2:
            raise UsageError(
                "--frames: clips of an odd number of frames, or of fewer than 4, have no future slice: use an even number from 4 on"
            )

    def _check_choices(self) -> None:
        """The named choices: masks, predictor and levels."""
        for kind in self.kinds:
            if kind not in MASK_KINDS:
                raise UsageError(
                    f"--mask-kinds {kind or 'is empty'}: choose {', '.join(MASK_KINDS)}, or several with commas"
                )
        if self.masks > len(self.kinds):
            raise UsageError(
                f"--masks {self.masks} draws more than --mask-kinds names: name {self.masks} kinds, the same one several times where wanted"
            )
        if self.predictor_dim % 32:
            raise UsageError(
                f"--predictor-dim {self.predictor_dim} is not a multiple of 32, the width of a head"
            )
        if self.level_weights is None:
            return
        if self.objective == PIXELS:
            raise UsageError(
                "--level-weights are for latents: leave them out with --objective pixels"
            )
        if len(self.weights) != len(self.encoder.levels) or not sum(self.weights) > 0:
            raise UsageError(
                f"--level-weights {self.level_weights}: write {len(self.encoder.levels)} numbers from 0 on, not all 0, such as {','.join(['1'] * len(self.encoder.levels))}"
            )

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of masks, one as often as it is drawn."""
        return tuple(kind.strip().lower() for kind in self.mask_kinds.split(","))

    @property
    def weights(self) -> tuple[float, ...]:
        """The weights of the levels, of mean 1; none where the text is not a list of numbers from 0 on."""
        count = len(self.encoder.levels)
        if self.level_weights is None:
            return (1.0,) * count
        try:
            given = [float(part) for part in self.level_weights.split(",")]
        except ValueError:
            return ()
        if not all(0 <= weight < float("inf") for weight in given) or not sum(given):
            return ()
        return tuple(weight * len(given) / sum(given) for weight in given)

    def momentum_at(self, step: int, steps: int) -> float:
        """Share of the target that stays in a step; less in the first ones, whose weights are still random."""
        first = (1 + step) / (10 + step)
        if first < self.momentum:
            return first
        if self.ema == CONSTANT:
            return self.momentum
        return 1 - (1 - self.momentum) * (1 + math.cos(math.pi * step / steps)) / 2

    def _check_teacher(self) -> None:
        from tubelet.training.pretraining.teacher import BORDER, STRIDE

        if self.patch != STRIDE:
            raise UsageError(
                f"a teacher's features stand for {STRIDE} px: train with patches of {STRIDE} px, or without --teacher"
            )
        if self.side <= BORDER * STRIDE:
            raise UsageError(
                f"a teacher looks {BORDER * STRIDE} px beyond the border: train at more than that, or without --teacher"
            )

    @property
    def encoder(self) -> "VisionTransformerConfig":
        from tubelet.ingest.networks.vjepa import VisionTransformerConfig

        quarter = self.depth // 4
        levels = tuple(
            self.depth - 1 - step * max(1, quarter) for step in reversed(range(min(4, self.depth)))
        )
        return VisionTransformerConfig(
            dim=self.dim,
            depth=self.depth,
            heads=self.heads,
            mlp=4 * self.dim,
            levels=levels,
            patch=self.patch,
        )

    @property
    def predictor(self) -> "PredictorConfig":
        from tubelet.ingest.networks.vjepa import PredictorConfig

        width, dim = self.dim * len(self.encoder.levels), self.predictor_dim
        return PredictorConfig(
            inputs=width,
            outputs=width
            if self.objective == LATENTS
            else 3 * self.encoder.tubelet * self.patch**2,
            depth=self.predictor_depth,
            heads=dim // 32,
            mask_tokens=1,
            dim=dim,
            mlp=4 * dim,
            hidden=self.dim,
            interpolated=True,
        )

    @property
    def grid(self) -> tuple[int, int, int]:
        """Slices, rows, columns of a clip in the bank."""
        return self.encoder.grid(self.frames, self.side, self.side)

    @property
    def as_json(self) -> dict:
        return asdict(self)
