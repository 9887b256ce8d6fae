"""What is asked for: a mask of one window, as the words of a command and as the kept run that answers it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tubelet.reports.literal import Markdown
from tubelet.store.mask_kinds import MASK_KINDS, PAINTED, RANDOM, TUBE
from tubelet.store.questions.rows import KeptMasking

COMPARED = (TUBE, RANDOM)
PATCH = re.compile(r"[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}")


@dataclass(frozen=True, kw_only=True)
class MaskRequest:
    """One kind of mask, or the two that are compared; `percent` is hidden where the kind leaves that open. `until`: the last slice of a painted mask."""

    kinds: tuple[str, ...]
    percent: int = 75
    seed: int = 0
    paint: str = ""
    until: int | None = None

    @property
    def wrong(self) -> Markdown:
        """Why this cannot be run; empty where it can."""
        if PAINTED not in self.kinds:
            return ""
        if not self.paint:
            return "Nothing is painted yet. Drag over patches of the frame, or write them as slice.row.column."
        if not all(PATCH.fullmatch(part.strip()) for part in self.paint.split(",")):
            return "The painted patches cannot be read: write slice.row.column of each, such as 0.3.4,0.3.5."
        return ""

    @property
    def painted(self) -> str:
        """What is painted, as kept runs say it."""
        patches = sorted({tuple(map(int, part.split("."))) for part in self.paint.split(",")})
        text = ",".join(".".join(map(str, patch)) for patch in patches)
        return text if self.until is None else f"{text}-{self.until}"

    def words(self, store: str, clip_id: str) -> tuple[str, ...]:
        """The command after `tubelet`."""
        said = [f"--store={store}", f"--clip={clip_id}", f"--mask={','.join(self.kinds)}"]
        if any(MASK_KINDS[kind].ratio is not None for kind in self.kinds):
            said.append(f"--ratio={self.percent / 100:g}")
        if any(MASK_KINDS[kind].drawn for kind in self.kinds):
            said.append(f"--seed={self.seed}")
        if PAINTED in self.kinds:
            said.append(f"--paint={self.paint}")
            said += [f"--until={self.until}"] if self.until is not None else []
        return ("mask", *said)

    def find(self, kept: Sequence[KeptMasking]) -> dict[str, KeptMasking]:
        """The newest kept run of each kind that is asked for."""
        found: dict[str, KeptMasking] = {}
        for row in kept:
            if row.mask_kind in self.kinds and self._answers(row):
                found.setdefault(row.mask_kind, row)
        return {kind: found[kind] for kind in self.kinds if kind in found}

    def _answers(self, row: KeptMasking) -> bool:
        kind = MASK_KINDS[row.mask_kind]
        if row.mask_kind == PAINTED:
            return not self.wrong and row.painted == self.painted
        return (kind.ratio is None or row.mask_ratio == self.percent / 100) and (
            not kind.drawn or row.seed == self.seed
        )

    @classmethod
    def of(cls, row: KeptMasking) -> "MaskRequest":
        """What a kept run answers."""
        patches, _, until = (row.painted or "").partition("-")
        percent = 75 if row.mask_ratio is None else round(100 * row.mask_ratio)
        return cls(
            kinds=(row.mask_kind,),
            percent=percent,
            seed=row.seed,
            paint=patches,
            until=int(until) if until else None,
        )
