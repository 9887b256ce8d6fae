"""The numbers that distinguish the networks of the family, and the grid of a clip.

Generation                the differences between V-JEPA 1, 2 and 2.1
VisionTransformerConfig   the shape of an encoder
PredictorConfig           the shape of a predictor
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tubelet.ingest.networks.vjepa.positions import Grid, Rotary, interleave, tile
from tubelet.store.errors import TubeletError


class PixelsError(TubeletError, ValueError):
    """Pixels that give the encoder no tokens, or tokens without positions."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What is particular to one generation of V-JEPA; the rest is shared."""

    name: str
    rotary: Rotary | None  # None: a table of positions is added to the tokens instead
    frame_rate: float | None = None  # of the videos it was trained on (`fps` of its configuration)
    frame_step: int | None = None  # or the spacing of their frames (`sampling_rate`)
    images: bool = False  # one frame has a patch embedding of its own, and each token carries an embedding that says image or video
    repeats: bool = False  # one frame is shown as often as a tubelet is deep, by callers: the network itself takes none
    hierarchical: bool = False  # each level has its own norm, where others share one
    answers_context: bool = False  # the predictor returns the context's tokens beside the targets'


V1 = Generation(name="V-JEPA 1", frame_step=4, rotary=None)
V2 = Generation(
    name="V-JEPA 2", frame_rate=4.0, rotary=Rotary(tile, interpolated=False), repeats=True
)
V21 = Generation(
    name="V-JEPA 2.1",
    frame_rate=4.0,
    rotary=Rotary(interleave, interpolated=True),
    images=True,
    hierarchical=True,
    answers_context=True,
)


@dataclass(frozen=True, kw_only=True)
class VisionTransformerConfig:
    """The shape of one encoder: `mlp` is the hidden width, `levels` the 0-based blocks whose output is normed and returned.

    `levels` is the last block where it is not given. `table` is the grid of the table of positions that its files hold: V-JEPA 1 needs
    it, V-JEPA 2 never reads it. `cut` takes the table's first slices for shorter clips of the trained size instead of stretching it.
    """

    dim: int
    depth: int
    heads: int
    mlp: int
    levels: tuple[int, ...] = ()
    patch: int = 16
    tubelet: int = 2
    generation: Generation = V21
    table: Grid | None = None
    cut: bool = False

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"{self.dim = } is not a multiple of {self.heads = }")
        object.__setattr__(self, "levels", tuple(self.levels) or (self.depth - 1,))
        if list(self.levels) != sorted(set(self.levels) & set(range(self.depth))):
            raise ValueError(f"{self.levels = } are not rising block indices under {self.depth = }")
        _check_table(self.generation, self.table)

    @property
    def added(self) -> Grid | None:
        """The grid of the table of positions that is added to the tokens; None where queries and keys are rotated instead."""
        return self.table if self.generation.rotary is None else None

    def grid(self, frames: int, height: int, width: int) -> Grid:
        """Slices, rows, columns of the tokens of a clip; an odd last frame and pixels beyond a whole patch make no token.

        Raises PixelsError under one tubelet of frames, where the generation does not take a single frame as an image, and under two patches per
        side, because positions may be stretched over rows - 1 and columns - 1.
        """
        name, smallest = self.generation.name, 2 * self.patch
        image = frames == 1 and self.generation.images
        if frames < self.tubelet and not image:
            least = (
                f"one frame or at least {self.tubelet}"
                if self.generation.images
                else f"at least {self.tubelet}"
            )
            raise PixelsError(
                f"{frames} frame{' makes' if frames == 1 else 's make'} no token: give {name} {least}"
            )
        if min(height, width) < smallest:
            raise PixelsError(
                f"{height} x {width} px is too small for {name}: choose a size of at least {smallest} x {smallest} px"
            )
        return 1 if image else frames // self.tubelet, height // self.patch, width // self.patch

    @property
    def parameters(self) -> int:
        """Trained numbers of the encoder; without V-JEPA 1's table."""
        generation = self.generation
        patch_embeddings = 3 * self.patch**2 * (self.tubelet + generation.images) * self.dim
        embeddings = self.dim * (
            4 if generation.images else 1
        )  # biases, and one embedding each for images and videos
        block = self.dim * (4 * self.dim + 2 * self.mlp) + self.mlp + 9 * self.dim
        norms = 2 * self.dim * (len(self.levels) if generation.hierarchical else 1)
        return patch_embeddings + embeddings + self.depth * block + norms

    def is_unused(self, name: str, shape: Sequence[int]) -> bool:
        """Whether a file may hold this tensor although the network does not read it."""
        return name == "pos_embed" and _is_left_over(self.generation, self.table, shape)


@dataclass(frozen=True, kw_only=True)
class PredictorConfig:
    """The shape of one predictor: context tokens of `inputs` components in, tokens of `outputs` components out.

    With `hidden` the context is embedded by two layers, that wide between them. `interpolated` stretches rows and columns as the
    encoder of V-JEPA 2.1 does: Meta's training code does so, its hub code does not.
    """

    inputs: int
    outputs: int
    depth: int
    heads: int
    mask_tokens: int
    dim: int = 384
    mlp: int = 1536
    hidden: int | None = None
    generation: Generation = V21
    table: Grid | None = None
    interpolated: bool = False

    def __post_init__(self) -> None:
        if self.dim % self.heads:
            raise ValueError(f"{self.dim = } is not a multiple of {self.heads = }")
        _check_table(self.generation, self.table)

    @property
    def added(self) -> Grid | None:
        """The grid of the table of positions that is added to the tokens; None where queries and keys are rotated instead."""
        return self.table if self.generation.rotary is None else None

    @property
    def rotary(self) -> Rotary | None:
        return self.generation.rotary and replace(
            self.generation.rotary, interpolated=self.interpolated
        )

    def is_unused(self, name: str, shape: Sequence[int]) -> bool:
        """Whether a file may hold this tensor although the network does not read it."""
        return name == "predictor_pos_embed" and _is_left_over(self.generation, self.table, shape)


def _check_table(generation: Generation, table: Grid | None) -> None:
    if generation.rotary is None and table is None:
        raise ValueError(
            f"{generation.name} adds a table of positions: give `table`, the grid it was trained on"
        )


def _is_left_over(generation: Generation, table: Grid | None, shape: Sequence[int]) -> bool:
    """Whether a table of this shape (1, N, D) is the one that V-JEPA 2's trainer may leave, of the trained side and up to its frames.

    Any other is V-JEPA 1's, whose tensors are else named and shaped like these.
    """
    if generation != V2 or table is None or len(shape) != 3:
        return False
    slices, rest = divmod(shape[1], table[1] * table[2])
    return rest == 0 and slices > 0 and table[0] % slices == 0
