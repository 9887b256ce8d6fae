"""The marker of a store in a bucket: the one object that a commit replaces, if it is still the one that the commit was made from.

It holds what a marker in a folder does, and all that its commit has to leave besides the tables' data: its entry, and the lines of the
tables' logs. A writer that died right after it replaced the marker has committed: whoever reads the marker knows the logs, and the next
writer puts them where they belong.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from tubelet.store.disk import checksums
from tubelet.store.disk.home import MARKER, Publication
from tubelet.store.disk.layout import SNAPSHOTS
from tubelet.store.errors import StoreError
from tubelet.store.schema import FORMAT, TABLES

LOG = re.compile(r"(\w+)/_delta_log/(\d{20})\.json")
STORE_ID = re.compile(r"[0-9a-f]{16}")
BESIDES = "files", "logs", checksums.HASH  # keys that an entry lacks, or has with another value


@dataclass(frozen=True)
class Marker:
    """What a marker says."""

    versions: Mapping[str, int]
    serial: int
    store_id: str | None
    files: dict[str, bytes]  # of its commit, by name: logs, and the entry, which is the last

    @property
    def entry_name(self) -> str:
        return list(self.files)[-1] if self.files else ""


def write_marker(new: Publication, logs: Mapping[str, str]) -> bytes:
    """A marker, with the logs of its commit by name."""
    return checksums.sign({**new.content, "files": new.sums, "logs": dict(logs)})


def read_marker(data: bytes, where: object) -> Marker:
    """Raises StoreError for one that is damaged, or of a later Tubelet."""
    content: dict = {}
    with suppress(ValueError, RecursionError):
        content = checksums.parse(data.decode())
    versions, serial, format_ = (content.get(n) for n in ("versions", "serial", "format"))
    if isinstance(format_, int) and format_ > FORMAT:
        raise StoreError(
            f"{where} has store format {format_}, this version of Tubelet reads up to {FORMAT}: upgrade Tubelet"
        )
    versions = versions if isinstance(versions, dict) else {"": None}
    files = _read_files(content)
    if (
        files is None
        or not versions.keys() <= TABLES.keys()
        or checksums.is_signed(content) is False
        or not all(isinstance(number, int) for number in (serial, format_, *versions.values()))
    ):
        raise StoreError(
            f"{where}/{MARKER} is damaged: copy the store there again, or check the folder it came from with `tubelet check`"
        )
    return Marker(versions, content["serial"], content.get("store"), files)


def _read_files(content: Mapping) -> dict[str, bytes] | None:
    """The files of a commit, as they are to be; none for a marker that was copied from a folder, None for a damaged one."""
    logs, sums, store_id = (content.get(name) for name in ("logs", "files", "store"))
    if logs is None and sums is None:
        return {}
    if not isinstance(logs, dict) or not isinstance(sums, dict) or not isinstance(store_id, str):
        return None
    sound = all(
        isinstance(text, str) and (found := LOG.fullmatch(name)) and found[1] in TABLES
        for name, text in logs.items()
    )
    if not sound or not STORE_ID.fullmatch(store_id) or not isinstance(content.get("serial"), int):
        return None
    plain = {name: value for name, value in content.items() if name not in BESIDES}
    entry = checksums.sign({**plain, "files": sums})
    name = f"{SNAPSHOTS}/{content['serial']:010}-{store_id}.json"
    return {**{log: text.encode() for log, text in logs.items()}, name: entry}
