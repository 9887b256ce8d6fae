"""What a frame says about its colors: FFmpeg's names of transfer and primaries, and the bits of a sample."""

from dataclasses import dataclass

import av
from av.sidedata.sidedata import Type

from tubelet.media.side_data import has_any

TRANSFERS = {
    1: "bt709", 4: "gamma22", 5: "gamma28", 6: "smpte170m", 7: "smpte240m", 8: "linear", 9: "log100", 10: "log316", 11: "iec61966-2-4",
    12: "bt1361e", 13: "iec61966-2-1", 14: "bt2020-10", 15: "bt2020-12", 16: "smpte2084", 17: "smpte428", 18: "arib-std-b67",
}  # fmt: skip
PRIMARIES = {
    1: "bt709", 4: "bt470m", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 8: "film", 9: "bt2020", 10: "smpte428", 11: "smpte431",
    12: "smpte432", 22: "ebu3213",
}  # fmt: skip
DOLBY_VISION = "dolby-vision"  # our name of a transfer that FFmpeg has no name of: pictures that only its metadata explains
HDR = {
    "smpte2084": "PQ",
    "arib-std-b67": "HLG",
    DOLBY_VISION: "Dolby Vision",
}  # transfers that players map to the range of the screen


@dataclass(frozen=True)
class Color:
    """Transfer and primaries by FFmpeg's names, None where the file does not say; bits of a stored sample."""

    transfer: str | None
    primaries: str | None
    bit_depth: int

    @classmethod
    def of(cls, frame: av.VideoFrame) -> "Color":
        components = frame.format.components
        return cls(
            TRANSFERS.get(frame.color_trc) or (DOLBY_VISION if _needs_dolby(frame) else None),
            PRIMARIES.get(frame.color_primaries),
            max(part.bits for part in components),
        )

    @property
    def hdr(self) -> bool:
        return self.transfer in HDR


def _needs_dolby(frame: av.VideoFrame) -> bool:
    """Whether a frame carries the metadata that a Dolby Vision player needs."""
    return has_any(frame, Type.DOVI_METADATA, Type.DOVI_RPU_BUFFER)
