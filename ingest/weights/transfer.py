"""Download progress on stderr: a bar on a terminal, a line from time to time elsewhere."""

import sys
from typing import Any

from tqdm import tqdm

from tubelet.store.wording import tell

LINE_SECONDS = 10.0


class Transfer(tqdm):
    """tqdm for downloads, ours and the Hugging Face hub's: bytes, rate and time left; lines of their own where stderr is not a terminal."""

    disable: bool  # as tqdm has it, which ships no types

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.lines = not sys.stderr.isatty()
        self.printed = 0
        options |= (
            {"mininterval": LINE_SECONDS, "miniters": 1, "ncols": 0, "file": sys.stderr}
            if self.lines
            else {"dynamic_ncols": True}
        )
        super().__init__(*arguments, **{"unit": "B", "unit_scale": True, **options})

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:
        if not self.lines:
            return bool(super().display(msg, pos))
        if msg is None and self.n not in (self.initial, self.printed):
            self.printed = self.n
            tell(str(self).lstrip(": "))
        return True

    def close(self) -> None:
        if self.lines and not self.disable:
            self.display()
            self.disable = True  # tqdm would end its bar with an empty line
        super().close()
