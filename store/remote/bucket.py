"""The few questions that are asked of a bucket, and its errors in sentences.

What a server answers is never repeated: it may hold the id of a key, or what was signed with it.
"""

import os
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from tubelet.store.disk.files import write_whole
from tubelet.store.errors import StoreError
from tubelet.store.remote.address import BucketAddress
from tubelet.store.remote.services import OURS, Service

MACHINE_ROLE = "TUBELET_MACHINE_ROLE"
RETRIES, RETRY_S, CONNECT_S, ANSWER_S, PAUSE_S = 4, 30, 5, 60, 0.2
STATUS = re.compile(r"\b(?:status code:|HTTP error:?) ?(\d{3})\b")
ENDPOINT = re.compile(
    r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[\w./-]*)?|https?://\[[0-9a-f:.]+\](:\d{1,5})?/?"
)
T = TypeVar("T")
Named = tuple[str, int]  # a file below the store's prefix, and its bytes


@dataclass(frozen=True)
class Content:
    """The bytes of a file, and the tag that changes with them."""

    data: bytes
    etag: str


class Bucket:
    """The files of a store in a bucket."""

    def __init__(self, address: BucketAddress, options: Mapping[str, str]) -> None:
        """Raises StoreError for an option that there is not, and where the package is not installed."""
        known = {**address.service.options, **OURS}
        if unknown := sorted(options.keys() - known.keys()):
            raise StoreError(
                f"there is no store option {unknown[0]!r} for {address.scheme}://: use one of {', '.join(known)}"
            )
        self.address, self._tag = address, address.service.tag
        self._store = connect(address, options)

    def read(self, name: str) -> Content:
        """A small file. Raises FileNotFoundError where there is none, StoreError where it cannot be read."""
        with self._explaining():
            found = self._store.get(name)
            return Content(bytes(found.bytes()), found.meta[self._tag] or "")

    def fetch(self, name: str, path: Path, unfinished: Path) -> None:
        """Copy a file to this machine, whole or not at all. Raises as `read` does."""
        with self._explaining():
            data = self._store.get(name).bytes()
        write_whole(path, memoryview(data), unfinished, flush=False)

    def list_files(self, folder: str) -> list[Named]:
        """Every file below a folder; some tools put an empty one in the place of the folder itself."""
        return [(found["path"], found["size"]) for found in self._list(folder)]

    def list_times(self, folder: str) -> dict[str, datetime]:
        """When each file below a folder was written, by the clock of the bucket."""
        return {found["path"]: found["last_modified"] for found in self._list(folder)}

    def list_top(self) -> list[str]:
        """The names of the files and folders at the top."""
        with self._explaining():
            found = self._store.list_with_delimiter()
        paths = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
        return [name for path in paths if (name := path.strip("/"))]

    def has(self, name: str) -> bool:
        try:
            with self._explaining():
                self._store.head(name)
        except FileNotFoundError:
            return False
        return True

    def write(self, name: str, data: bytes | memoryview) -> None:
        """Put a file whole, in place of one of its name."""
        with self._explaining(writing=True):
            insist(lambda: self._store.put(name, memoryview(data).cast("B"), use_multipart=False))

    def create(self, name: str, data: bytes | memoryview) -> bool:
        """Put a file whole, unless there is one of its name; whether it was put, or is there with the same bytes: the answer that it was put may be lost."""
        if self._put(name, data, "create") is not None:
            return True
        with suppress(FileNotFoundError):
            return self.read(name).data == data
        return False

    def swap(self, name: str, data: bytes, etag: str) -> str | None:
        """Put a file in place of the one with a tag, "" for none; its tag, or None where there is another, which may be this one: an answer was lost."""
        return self._put(name, data, {self._tag: etag} if etag else "create")

    def remove(self, names: Sequence[str]) -> None:
        with self._explaining(writing=True), suppress(FileNotFoundError):
            if names:
                insist(lambda: self._store.delete(list(names)))

    def _put(self, name: str, data: bytes | memoryview, mode: Any) -> str | None:
        """The tag of a file that was put on a condition; None where this does not hold, which may be so because of this request: it was carried
        out, its answer lost, and the package or `insist` has sent it again.
        """
        from obstore import exceptions

        def put() -> str:
            made = self._store.put(name, memoryview(data).cast("B"), mode=mode, use_multipart=False)
            return made[self._tag] or ""

        with self._explaining(writing=True):
            try:
                return insist(put)
            except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
                return None
        raise AssertionError("a put returns or raises")

    def _list(self, folder: str) -> Iterator[Any]:
        with self._explaining():
            for batch in self._store.list(folder):
                yield from (found for found in batch if found["path"] != folder)

    @contextmanager
    def _explaining(self, writing: bool = False) -> Iterator[None]:
        from obstore import exceptions

        try:
            yield
        except FileNotFoundError:
            if not writing:
                raise
            said = "status code: 404"  # of the bucket: a file that is written need not be there
        except (exceptions.BaseError, PermissionError, OSError, ValueError) as error:
            said = str(error)
        else:
            return
        raise StoreError(f"{self.address} {_describe(said, self.address.service, writing)}")


def insist(request: Callable[[], T]) -> T:
    """The answer to a request, which is sent again where the answer was lost: it is one that may be carried out twice.

    The package asks again where a server was busy, and in most cases where an answer was lost: the second answer of a write may contradict the first.
    """
    from obstore import exceptions

    for attempt in range(RETRIES):
        try:
            return request()
        except (exceptions.AlreadyExistsError, exceptions.PreconditionError):
            raise
        except exceptions.GenericError as error:
            if STATUS.search(str(error)):
                raise
            time.sleep(random.uniform(0, PAUSE_S * 2**attempt))
    return request()


def connect(address: BucketAddress, options: Mapping[str, str]) -> Any:
    try:
        from obstore import store as clients
    except ImportError as error:
        raise StoreError(
            f"{address} is an object store, which takes the package obstore: pip install 'tubelet[s3]'"
        ) from error
    _require_sound(address, options)
    _require_credentials(address, options)
    given: dict[str, Any] = {name: options[name] for name in options.keys() - OURS}
    try:
        return getattr(clients, address.service.client)(
            address.bucket,
            prefix=address.prefix or None,
            client_options={
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "timeout": timedelta(seconds=ANSWER_S),
                "allow_http": _allow_http(options),
            },
            retry_config={"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)},
            **given,
        )
    except Exception:  # of the package's own many kinds; they quote what they were given
        raise StoreError(
            f"{address} cannot be opened with these options: check the {address.service.place}, the endpoint and the credentials {address.service.ways}"
        ) from None


def _allow_http(options: Mapping[str, str]) -> bool:
    found = (os.environ.get(f"{cloud}_ALLOW_HTTP") for cloud in ("AWS", "AZURE", "GOOGLE"))
    return options.get("allow_http", next(filter(None, found), "")).lower() == "true"


def _require_credentials(address: BucketAddress, options: Mapping[str, str]) -> None:
    """Raise StoreError where there are none: the package would ask the network for some."""
    service = address.service
    role = options.get("machine_role", os.environ.get(MACHINE_ROLE, ""))
    if (
        role.lower() == "true"
        or service.keys & options.keys()
        or service.credentials & os.environ.keys()
    ):
        return
    raise StoreError(
        f"{address} is an object store, and there are no credentials for it: pass them {service.ways}; a machine of the cloud that has a role takes --store-option machine_role=true, a bucket that anybody may read skip_signature=true"
    )


def _require_sound(address: BucketAddress, options: Mapping[str, str]) -> None:
    """Raise StoreError for values that the package would panic over. They are not repeated: one may be a secret in the wrong place."""
    endpoint = options.get("endpoint") or os.environ.get("AWS_ENDPOINT_URL") or "https://s3"
    if not ENDPOINT.fullmatch(endpoint):
        raise StoreError(
            f"{address} cannot be opened, because its endpoint is not an address: write it as https://HOST or https://HOST:PORT, without a name or a password"
        )
    if odd := [name for name, value in options.items() if not value.isprintable() or not value]:
        raise StoreError(f"the store option {odd[0]} is empty or holds characters of no text")


def _describe(said: str, service: Service, writing: bool = False) -> str:
    """What an error means, without what a server said."""
    status = found[1] if (found := STATUS.search(said)) else None
    if status in ("401", "403"):
        may = "write to the bucket and delete from it" if writing else "list and read the bucket"
        return f"refuses access ({status}): check the credentials {service.ways}, that they may {may}, and this machine's clock"
    if status == "404":
        return "does not exist, or no longer: check the name of the bucket"
    if status in ("301", "307", "400"):
        return f"answered {status}: check the {service.place} and the endpoint {service.ways}"
    if status:
        return f"answered {status} {RETRIES} times: try again later"
    return f"cannot be reached: check the network and the endpoint {service.ways}; an endpoint without TLS takes --store-option allow_http=true"
