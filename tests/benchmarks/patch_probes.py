"""Patch probes: CPU time and peak memory at two numbers of videos, each in a process of its own. They learn from equally many tokens at both."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.measure import Row
from tests.commands import ROOT, environment
from tests.planted_masks import SIDE, SLICES, mask_store

FEW, MANY = 30, 240  # videos of one clip, of two encoders
DIM, TOKENS = 384, 3000
PROGRAM = """
import json, resource, sys
import tubelet
from tubelet.latent.patch_probes.run import run_patch_probes
from tubelet.latent.probes.options import ProbeOptions
store = tubelet.open(sys.argv[1])
options = ProbeOptions(kind="patch", classes="foreground", tokens=int(sys.argv[2]))
run_patch_probes(store, ("shown",), options)
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss * 1024]))
"""


def rows() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder:
        (short, least), (long, most) = (_measure(Path(folder), videos) for videos in (FEW, MANY))
    what = f"`tubelet probe --kind patch`: {MANY} clips of {SLICES} x {SIDE} x {SIDE} x {DIM}, {TOKENS:,} tokens, 5 folds, with controls"
    yield Row(f"{what}: CPU time", f"{long:.1f} s", f"{FEW} clips {short:.1f} s", long / short, "-")
    yield Row(f"{what}: peak memory", f"{most / 1e6:.0f} MB", f"{FEW} clips {least / 1e6:.0f} MB", most / least, "does not grow")  # fmt: skip


def _measure(folder: Path, videos: int) -> tuple[float, int]:
    path = folder / f"store{videos}"
    mask_store(path, videos=videos, dim=DIM).close()
    arguments = [sys.executable, "-c", PROGRAM, str(path), str(TOKENS)]
    process = subprocess.run(
        arguments, capture_output=True, text=True, check=True, env=environment(), cwd=ROOT
    )
    return tuple(json.loads(process.stdout.splitlines()[-1]))
