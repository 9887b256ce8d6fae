"""`make bench`: every benchmark, as the Markdown table that docs/benchmarks.md shows. `make bench ARGS=memory` runs one."""

import os
import platform
import sys

import torch

from tests.benchmarks import (
    bucket_writers,
    chaos,
    claims,
    comparison,
    corpus,
    coverage,
    dimensions,
    embeddings,
    expectation,
    labels,
    latent,
    layers,
    masking,
    memory,
    one_clip,
    overhead,
    pairs,
    patch_probes,
    probe_controls,
    probes,
    processes,
    reach,
    sample,
    scale,
    scenes,
    sensitivity,
    sessions,
    sql,
    surprise,
    visitors,
    workbench,
)

BENCHMARKS = {
    "overhead": overhead,
    "embeddings": embeddings,
    "sql": sql,
    "corpus": corpus,
    "labels": labels,
    "pairs": pairs,
    "processes": processes,
    "scale": scale,
    "one_clip": one_clip,
    "sensitivity": sensitivity,
    "coverage": coverage,
    "claims": claims,
    "dimensions": dimensions,
    "latent": latent,
    "scenes": scenes,
    "surprise": surprise,
    "expectation": expectation,
    "masking": masking,
    "sample": sample,
    "sessions": sessions,
    "bucket_writers": bucket_writers,
    "chaos": chaos,
    "reach": reach,
    "workbench": workbench,
    "visitors": visitors,
    "comparison": comparison,
    "probes": probes,
    "probe_controls": probe_controls,
    "patch_probes": patch_probes,
    "layers": layers,
    "memory": memory,
}


def main(names: list[str]) -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(
        f"{platform.machine()}, {cores} cores, Python {platform.python_version()}, torch {torch.__version__}\n"
    )
    print("| what | Tubelet | baseline | ratio | target |\n|---|---|---|---|---|")
    for name in names or BENCHMARKS:
        for row in BENCHMARKS[name].rows():
            print(row.markdown, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
