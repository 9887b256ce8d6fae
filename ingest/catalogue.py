"""The table of encoders, as lines or as JSON."""

from dataclasses import asdict, dataclass
from pathlib import Path

from tubelet.ingest.contract import EncoderEntry
from tubelet.ingest.encoders import ENCODERS


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One encoder of the table, and whether its weights are on this machine."""

    name: str
    family: str
    dim: int
    patch: int  # pixels
    tubelet: int  # frames
    parameters: int
    weights: str  # where they come from
    licence: str | None  # of the weights; None where none are released
    download_bytes: int | None  # of the download, to about a percent
    cached: str | None  # path of the weights on this machine
    packaged: bool = False  # whether the weights come with Tubelet
    frame_rate: float | None = None  # frames/s of the videos it was trained on, where that is known
    frame_step: int | None = None  # or the spacing of their frames

    @classmethod
    def of(cls, name: str, row: EncoderEntry) -> "Entry":
        supply = row.supply
        path: Path | None = supply.cached() if supply else None
        return cls(
            name=name,
            family=row.family,
            dim=row.dim,
            patch=row.patch,
            tubelet=row.tubelet,
            parameters=row.parameters,
            weights=row.weights,
            licence=supply.licence if supply else None,
            download_bytes=supply.download_bytes if supply else None,
            cached=str(path) if path else None,
            packaged=row.packaged is not None,
            frame_rate=row.frame_rate,
            frame_step=row.frame_step,
        )

    @property
    def state(self) -> str:
        """Where the weights are now: in the package, not needed, cached, or to download."""
        if self.packaged:
            return "in the package"
        if self.download_bytes is None:
            return "no download"
        return "cached" if self.cached else f"{self.download_bytes / 1e9:.2f} GB to download"

    @property
    def line(self) -> str:
        numbers = f"{self.dim:5} {self.patch:3} px {self.tubelet:8} {self.parameters:14,}"
        return f"{self.name:20} {self.family:22} {numbers}  {self.state:16} {self.weights}" + (
            f"; license: {self.licence}" if self.licence else ""
        )


@dataclass(frozen=True)
class Catalogue:
    """All encoders, in the order of their table."""

    entries: tuple[Entry, ...]

    def lines(self) -> list[str]:
        heading = f"{'name':20} {'family':22} {'dim':>5} {'patch':>6} {'tubelet':>8} {'parameters':>14}  {'on this machine':16} weights"
        return [heading, *(entry.line for entry in self.entries)]

    def as_json(self) -> list[dict]:
        return [asdict(entry) for entry in self.entries]


def catalogue() -> Catalogue:
    """The table of encoders as it stands on this machine. Makes no connection."""
    return Catalogue(tuple(Entry.of(name, row) for name, row in ENCODERS.items()))
