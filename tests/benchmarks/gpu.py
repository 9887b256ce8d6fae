"""What a CUDA device gives: bare forward and whole ingest in clips per second, against the card's own matrix rate.

`python -m tests.benchmarks.gpu [--seconds 8] [--encoders vitb,vitl] [--frames 16,44]` prints a Markdown table and, for every ingest, where
its time went. It needs torch with CUDA and Tubelet's own packages; random weights, and H.264 files that it makes itself.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from tubelet.ingest import checkpoints
from tubelet.ingest.grid import TokenGrids
from tubelet.ingest.networks.vjepa import VARIANTS, VisionTransformerConfig
from tubelet.ingest.vjepa_encoder import VJEPAEncoder

SIDE = 384
SIZES = {"vitb": "vjepa2.1-vitb", "vitl": "vjepa2.1-vitl"}
FILES, FRAMES_A_FILE = 16, 264  # of 1280 x 720 pixels; both 16 and 44 frames a clip divide it well
MATRIX = 8192


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of one ingest")
    parser.add_argument("--encoders", default="vitb,vitl")
    parser.add_argument("--frames", default="16,44")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        print("no CUDA device here: run this where there is one")
        return
    bench(torch.device("cuda"), arguments)


def bench(device: torch.device, arguments: argparse.Namespace) -> None:
    """Print every row for a device."""
    rate = matrix_rate(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    print(
        f"{name}, {os.cpu_count()} cores, torch {torch.__version__}: {rate / 1e12:,.0f} TFLOP/s in bf16 matrix products of {MATRIX} x {MATRIX}\n"
    )
    print("| what | clips/s | share |\n|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="tubelet-gpu-") as folder:
        for size in arguments.encoders.split(","):
            config = VARIANTS[SIZES[size]].encoder
            model = checkpoints.init_untrained(config)
            for frames in map(int, arguments.frames.split(",")):
                case = Case(size, config, frames, device)
                meta = eager_rate(model, case)
                encoder = VJEPAEncoder(model, device, "fp32")
                exact = best_rate(encoder, case, (1, 2))
                bare = bare_rate(config, case, rate)
                print(
                    f"| {case.words}, Meta's way: eager attention, fp32, a clip at a time | {meta} | |"
                )
                print(f"| {case.words}, bare forward, fp32 (no TF32) | {exact:.2f} | |", flush=True)
                ingest_rows(case, bare, Path(folder), arguments.seconds)


@dataclass(frozen=True)
class Case:
    """One encoder's shape and the frames of a clip."""

    size: str
    config: VisionTransformerConfig
    frames: int
    device: torch.device

    @property
    def words(self) -> str:
        return f"{self.size}, {self.frames} frames at {SIDE} px"

    @property
    def flops(self) -> float:
        """Of one clip: linear layers and the two products of attention, a multiplication and an addition each; nothing else counts."""
        c, tokens = self.config, self.tokens
        linear = 2 * tokens * (4 * c.dim**2 + 2 * c.dim * c.mlp) + 4 * tokens**2 * c.dim
        return c.depth * linear + 2 * tokens * c.dim * 3 * c.tubelet * c.patch**2

    @property
    def tokens(self) -> int:
        return int(np.prod(self.config.grid(self.frames, SIDE, SIDE)))

    def pixels(self, clips: int) -> torch.Tensor:
        return torch.randint(
            0, 256, (clips, self.frames, 3, SIDE, SIDE), dtype=torch.uint8, device=self.device
        )


def matrix_rate(device: torch.device) -> float:
    """FLOP/s of the best of several bf16 products of large square matrices."""
    side = MATRIX if device.type == "cuda" else 512
    a, b = (torch.randn(side, side, device=device, dtype=torch.bfloat16) for _ in range(2))
    return max(2 * side**3 / seconds_each(lambda: a @ b, device, 20) for _ in range(5))


def seconds_each(work: Callable[[], object], device: torch.device, times: int) -> float:
    """Seconds of one call, the device's work included, after one to warm up."""
    with torch.inference_mode():
        for count in (2, times):
            started = time.perf_counter()
            for _ in range(count):
                work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
    return (time.perf_counter() - started) / times


def best_rate(encoder: VJEPAEncoder, case: Case, batches: tuple[int, ...]) -> float:
    """Clips a second of the encoder alone, pixels already on the device, at the best of some batch sizes."""
    rates = []
    for batch in batches:
        pixels = case.pixels(batch)
        try:
            once = seconds_each(lambda: encoder.encode(pixels), case.device, 1)
            rates.append(
                batch
                / seconds_each(lambda: encoder.encode(pixels), case.device, max(3, int(2 / once)))
            )
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
    return max(rates, default=float("nan"))


def bare_rate(
    config: VisionTransformerConfig, case: Case, matrix: float
) -> tuple[float, VJEPAEncoder]:
    encoder = VJEPAEncoder(checkpoints.init_untrained(config), case.device, "bf16")
    rate = best_rate(encoder, case, (1, 2, 4, 8))
    share = rate * case.flops / matrix
    print(
        f"| {case.words}, bare forward, bf16 ({case.flops / 1e12:.2f} TFLOP per clip) | {rate:.2f} | {share:.0%} of the matrix rate (target 45%) |"
    )
    return rate, encoder


def eager_rate(model: torch.nn.Module, case: Case) -> str:
    """Clips a second with attention that makes the whole matrix of scores, in fp32, one clip at a time."""
    encoder = VJEPAEncoder(model, case.device, "fp32")
    with eager_attention():
        return f"{best_rate(encoder, case, (1,)):.2f}".replace("nan", "out of memory")


@contextmanager
def eager_attention() -> Iterator[None]:
    kept = torch.nn.functional.scaled_dot_product_attention

    def eager(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
        return (queries @ keys.transpose(-2, -1) * queries.shape[-1] ** -0.5).softmax(
            dim=-1
        ) @ values

    torch.nn.functional.scaled_dot_product_attention = eager
    try:
        yield
    finally:
        torch.nn.functional.scaled_dot_product_attention = kept


class NoEncoder:
    """Eight zeros a token at once: what is left of an ingest is decoding, resizing and the way between the threads."""

    device = torch.device("cpu")

    def encode(self, frames: torch.Tensor) -> TokenGrids:
        clips, count, _, height, width = frames.shape
        return TokenGrids(torch.ones(clips, count // 2, height // 16, width // 16, 8))


def ingest_rows(case: Case, bare: tuple[float, VJEPAEncoder], folder: Path, seconds: float) -> None:
    try:
        import av  # noqa: F401
    except ImportError:
        print(
            f"| {case.words}, ingest | not measured: no av here to make and decode H.264 files | |"
        )
        return
    rate, encoder = bare
    wanted = max(4, round(rate * seconds * case.frames / FRAMES_A_FILE))
    videos = copies(folder, wanted)
    ingested(case, encoder, videos[:4])  # warms up: kernels, pinned memory, the page cache
    summary, pace = ingested(case, encoder, videos)
    clips, spent = summary.clips / summary.seconds["wall"], summary.seconds
    print(
        f"| {case.words}, ingest of {summary.clips:,} clips from {len(videos)} H.264 files of 720p | {clips:.2f} | {clips / rate:.0%} of the bare forward (target 80%) |"
    )
    alone, _ = ingested(case, NoEncoder(), videos, pace)
    decoding = alone.clips / alone.seconds["wall"]
    print(
        f"| {case.words}, the same without an encoder: {decoding * case.frames:,.0f} frames/s decoded and resized | {decoding:.2f} | {decoding / rate:.0%} |"
    )
    print(
        f"\n{pace}: wall {spent['wall']:.1f} s, encode {spent['encode']:.1f}, decode {spent['decode']:.1f} a reader, write {spent['write']:.1f}, "
        f"encoder waiting {spent['wait']:.1f}; the bottleneck was {summary.bottleneck}; {summary.embedding_bytes / 1e9:.2f} GB written\n",
        flush=True,
    )


def ingested(case: Case, encoder: object, videos: list[Path], pace: object = None) -> tuple:
    """The summary and the pace of an ingest into a store that is then thrown away."""
    from tubelet.ingest.job import Job
    from tubelet.ingest.pipeline.progress import Progress
    from tubelet.ingest.pipeline.run import Concurrency, Run
    from tubelet.store import Store

    job = Job.of(
        paths=list(map(str, videos)),
        encoder="vjepa2.1-untrained",
        size=str(SIDE),
        frames=case.frames,
        device=case.device.type,
        precision="bf16",
    )
    facts = replace(job.recipe.encoder, name=case.size, dim=case.config.dim)
    job = replace(job, recipe=replace(job.recipe, encoder=facts), encoder=encoder)
    pace = pace or Concurrency.of(
        job.running, case.device, job.batch(job.budget()), len(job.sources)
    )
    with tempfile.TemporaryDirectory(prefix="tubelet-gpu-store-") as root:
        run = Run(
            Store.create(root + "/store"),
            job.recipe,
            encoder,
            Progress(len(job.sources), quiet=True),
            pace,
        )
        return run.execute(job.sources), pace


def copies(folder: Path, count: int) -> list[Path]:
    """So many different files: the same films, each with a box of its own number at its end, which a decoder passes over."""
    with ThreadPoolExecutor() as threads:
        films = list(
            threads.map(
                lambda number: film(folder / f"film_{number:02d}.mp4", number), range(FILES)
            )
        )
    paths = [folder / f"copy_{number:04d}.mp4" for number in range(count)]
    for number, path in enumerate(paths):
        if not path.exists():
            path.write_bytes(
                films[number % FILES].read_bytes()
                + (16).to_bytes(4, "big")
                + b"free"
                + number.to_bytes(8, "big")
            )
    return paths


def film(path: Path, seed: int) -> Path:
    """An H.264 file of 720p: a camera that glides over a textured picture."""
    import av

    if path.exists():
        return path
    generator = np.random.RandomState(seed)
    coarse = generator.randint(0, 256, (120, 200, 3)).astype(np.uint8)
    ground = (
        np.repeat(np.repeat(coarse, 12, axis=0), 12, axis=1) // 2
        + generator.randint(0, 128, (1440, 2400, 3)).astype(np.uint8) // 4
    )
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=30, options={"preset": "veryfast", "crf": "23", "threads": "1"}
        )
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for index in range(FRAMES_A_FILE):
            top, left = 2 * index % 700, 4 * index % 1100
            pixels = np.ascontiguousarray(ground[top : top + 720, left : left + 1280])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


if __name__ == "__main__":
    main()
