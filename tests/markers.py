"""Stores as a Tubelet from before snapshots and checksums left them, and markers that somebody edited."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path


def edit_marker(root: Path, change: Callable[[dict], object] = lambda content: None) -> None:
    """Change what the marker says, unsigned and without any kept snapshot."""
    marker = root / "tubelet.json"
    content = json.loads(marker.read_text())
    for name in ("sha256", "store"):
        content.pop(name, None)
    change(content)
    marker.write_text(json.dumps(content))
    shutil.rmtree(root / "snapshots", ignore_errors=True)
