"""A file at an address, in a bucket or on a web server: what tells whether it has changed, and its bytes, read in parts.

Neither what a server answers nor what stands behind the ? of an address is ever repeated: both may hold what lets somebody in.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from tubelet.store import stalling
from tubelet.store.errors import StoreError, TubeletError
from tubelet.store.remote.address import read_address
from tubelet.store.remote.bucket import (
    ANSWER_S,
    CONNECT_S,
    RETRIES,
    RETRY_S,
    STATUS,
    connect,
    insist,
)
from tubelet.store.remote.services import SERVICES

WEB = "http", "https"
PART = 8 << 20  # bytes that are asked for at a time
WHOLE_S = 3600  # in which a server that sends no parts has to send a file
UNASKED = (
    "401",
    "403",
    "405",
    "501",
)  # answers to HEAD for addresses that are signed for GET, or of servers without it
NEVER = datetime.fromtimestamp(0, UTC)  # the time of a file whose server does not tell it


class FileError(TubeletError):
    """A file at an address that cannot be read, and what to do."""


class FileChanged(FileError):
    """A file at an address that is not the one that was asked for any more."""


@dataclass(frozen=True)
class FileState:
    """What a server states about a file without sending it."""

    size: int
    etag: str  # "" where it has none
    modified: datetime

    @property
    def mark(self) -> int:
        """A number for `modified_ns`: the second of the last change, and the tag's hash in place of fractions of it; 0 where the server tells neither."""
        digits = int(hashlib.sha256(self.etag.encode()).hexdigest(), 16) % 10**9 if self.etag else 0
        return int(self.modified.timestamp()) * 10**9 + digits

    @property
    def condition(self) -> dict[str, Any]:
        """For a request that is to fail where the file has changed; a weak tag cannot say so."""
        return {"if_match": self.etag} if self.etag and not self.etag.startswith("W/") else {}

    @classmethod
    def of(cls, meta: Any) -> "FileState":
        return cls(meta["size"], meta["e_tag"] or "", meta["last_modified"] or NEVER)


@dataclass(frozen=True)
class RemoteFile:
    """A file at an address; `uri` may hold what lets somebody in, `shown` does not."""

    uri: str = field(repr=False)

    @property
    def shown(self) -> str:
        """The address without query and fragment, as tables and messages have it."""
        parts = self._parts
        return parts._replace(query="", fragment="").geturl() if parts else self.uri

    @property
    def name(self) -> str:
        return self._path.rpartition("/")[2]

    @property
    def is_in_bucket(self) -> bool:
        """Whether it is one of a bucket, whose folders can be listed."""
        return self._parts is None

    @property
    def is_folder(self) -> bool:
        return not self._path or self._path.endswith("/")

    def look(self) -> FileState:
        """Raises FileError."""
        from obstore import exceptions

        with self._explaining():
            try:
                return FileState.of(self._server().head(self._path))
            except (exceptions.BaseError, PermissionError) as error:
                if _find_status(error) not in UNASKED:
                    raise
            return FileState.of(self._server().get(self._path).meta)

    def copy(self, path: Path, state: FileState) -> None:
        """Write the file in this state to a path of this machine. Raises FileError, FileChanged where it is in another one, and OSError for the disk."""
        with open(path, "wb") as file:
            file.writelines(self._read(state))
            if file.tell() != state.size:
                raise self._describe_change()

    def _read(self, state: FileState) -> Iterator[bytes]:
        """The bytes in order, in parts; of a server that sends no parts, as they come."""
        done = 0
        while done < state.size:
            part = self._read_part((done, min(done + PART, state.size)), state)
            if part is None:
                yield from self._read_whole(state)
                return
            stalling.step()
            yield part
            done += len(part)

    def _read_part(self, span: tuple[int, int], state: FileState) -> bytes | None:
        from obstore import exceptions

        def ask() -> tuple[Any, bytes]:
            found = self._server().get(self._path, options={"range": span, **state.condition})
            return found.meta, bytes(found.bytes())

        with self._explaining():
            try:
                meta, data = insist(ask)
            except exceptions.NotSupportedError:
                return None
        self._require(meta, state)
        if len(data) != span[1] - span[0]:
            raise self._describe_change()
        return data

    def _read_whole(self, state: FileState) -> Iterator[bytes]:
        with self._explaining():
            found = self._server(WHOLE_S).get(self._path, options=state.condition)
            self._require(found.meta, state)
            for data in found.stream(min_chunk_size=PART):
                stalling.step()
                yield bytes(data)

    def _require(self, meta: Any, state: FileState) -> None:
        """Raise FileChanged unless an answer is of the file in this state."""
        if FileState.of(meta) != state:
            raise self._describe_change()

    def _describe_change(self) -> FileChanged:
        return FileChanged(
            f"{self.shown} changed while it was read: run the same command again once it is complete"
        )

    @property
    def _parts(self) -> SplitResult | None:
        """Of an address of a web server; a key in a bucket is taken as it is written."""
        return urlsplit(self.uri) if self.uri.partition(":")[0].lower() in WEB else None

    @property
    def _path(self) -> str:
        if self._parts:
            return unquote(self._parts.path).lstrip("/")
        return self.uri.partition("://")[2].partition("/")[2]

    def _server(self, seconds: float | None = None) -> Any:
        if not self._parts:
            scheme, _, rest = self.uri.partition("://")
            return _connect_bucket(f"{scheme}://{rest.partition('/')[0]}")
        return _connect_web(
            self._parts._replace(path="", fragment="").geturl(), seconds or ANSWER_S
        )

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        from obstore import exceptions

        try:
            yield
        except FileError:
            raise
        except FileNotFoundError:
            said = "status code: 404"
        except exceptions.PreconditionError:
            raise self._describe_change() from None
        except StoreError as error:
            raise FileError(str(error)) from None
        except (exceptions.BaseError, OSError, ValueError) as error:
            said = str(error)
        else:
            return
        raise FileError(f"{self.shown} {_describe(said, self.uri.partition('://')[0])}")


def read_file_address(text: str) -> RemoteFile:
    """The file at an address. Raises FileError for one that is none; what may be a secret is not repeated."""
    scheme, _, rest = text.partition("://")
    host = rest.partition("/")[0]
    if scheme.lower() not in (*SERVICES, *WEB):
        raise FileError(
            f"{scheme}:// is not read by this version: name files as {' or '.join(f'{one}://BUCKET/PATH' for one in SERVICES)} or https://HOST/PATH, or copy them to this machine"
        )
    if "@" in host:
        raise FileError(
            f"an address with a name or a password is not read: pass {scheme.lower()}://HOST/PATH, signed if need be (?...)"
        )
    if not host or not text.isprintable():
        raise FileError(
            f"{scheme}://{host} is not the address of a file: write {scheme}://HOST/PATH"
        )
    return RemoteFile(f"{scheme.lower()}://{rest}")


def list_folder(folder: RemoteFile) -> list[tuple[RemoteFile, FileState]]:
    """The files below a folder of a bucket, in the order of their names. Raises FileError."""
    scheme, _, rest = folder.uri.partition("://")
    bucket, _, prefix = rest.partition("/")
    found = []
    with folder._explaining():
        for batch in folder._server().list(prefix.strip("/") or None):
            found += [
                (RemoteFile(f"{scheme}://{bucket}/{one['path']}"), FileState.of(one))
                for one in batch
                if one["size"] or not one["path"].endswith("/")
            ]
    return sorted(found, key=lambda one: one[0].uri)


@lru_cache(maxsize=64)
def _connect_bucket(address: str) -> Any:
    return connect(read_address(address), {})


@lru_cache(maxsize=64)
def _connect_web(base: str, seconds: float) -> Any:
    try:
        from obstore.store import HTTPStore
    except ImportError as error:
        raise StoreError(
            "videos at addresses take the package obstore: pip install 'tubelet[s3]'"
        ) from error
    options: Any = {
        "connect_timeout": timedelta(seconds=CONNECT_S),
        "timeout": timedelta(seconds=seconds),
        "allow_http": True,
    }
    retrying: Any = {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)}
    return HTTPStore.from_url(base, client_options=options, retry_config=retrying)


def _find_status(said: object) -> str | None:
    """The status that an error quotes."""
    return found[1] if (found := STATUS.search(str(said))) else None


def _describe(said: str, scheme: str) -> str:
    """What an error means, without what a server said."""
    status, service = _find_status(said), SERVICES.get(scheme)
    if status == "404" or status == "410":
        return f"is not there ({status}): check the address"
    if status in ("401", "403"):
        key = "that the address may be read without a password, and has not expired"
        if service:
            key = f"the credentials in the environment ({service.variables})"
        return f"may not be read ({status}): check {key}"
    if status in ("301", "307", "400") and service:
        return f"cannot be read ({status}): check the {service.place} and the endpoint in the environment"
    if status:
        return f"cannot be read: the server answered {status}; run the same command again later"
    if "timed out" in said or "timeout" in said.lower():
        return (
            "is sent too slowly: run the same command again, or copy the file to this machine first"
        )
    if "Content-Length" in said or "content length" in said.lower():
        return "is sent without its size: copy the file to this machine first"
    return "cannot be reached: check the address and the network"
