"""Which bucket a store is in, and where in it. An address holds no credentials: it is printed, kept in histories, and passed on."""

import re
from dataclasses import dataclass

from tubelet.store.disk import inside
from tubelet.store.errors import StoreError
from tubelet.store.remote.services import SERVICES, Service

*OTHERS, LAST = (f"{scheme}://" for scheme in SERVICES)
NAMED = f"{', '.join(OTHERS)} or {LAST}BUCKET/PREFIX"
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
PLAIN = re.compile(
    r"[\w.=@+ -]+"
)  # of a part of a path: nothing that tables and queries read as something else


def is_remote(root: object) -> bool:
    """Whether a store is named by an address, and not by a folder."""
    return "://" in str(root)


@dataclass(frozen=True)
class BucketAddress:
    """A bucket, and the prefix below which the store's files are."""

    scheme: str
    bucket: str
    prefix: str

    @property
    def service(self) -> Service:
        return SERVICES[self.scheme]

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.prefix}".rstrip("/")


def read_address(text: str) -> BucketAddress:
    """The address in a text. Raises StoreError for another one; what may be a secret is not repeated."""
    scheme, _, rest = text.partition("://")
    scheme = scheme.lower()
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket or set("?#") & set(rest):
        raise StoreError(
            f"an address of a store is {NAMED} alone: pass credentials in the environment (such as AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or with --store-option"
        )
    if scheme not in SERVICES:
        raise StoreError(
            f"{scheme}:// is not read by this version: pass a folder on this machine, or {NAMED}, as --store"
        )
    parts = prefix.strip("/").split("/") if prefix.strip("/") else []
    if not BUCKET.fullmatch(bucket) or not all(map(_is_plain, parts)):
        raise StoreError(
            f"{text!r} is not the address of a store: pass {NAMED}, the bucket in lowercase letters, digits, dots and hyphens"
        )
    return BucketAddress(scheme, bucket, "/".join(parts))


def _is_plain(part: str) -> bool:
    return inside.is_component(part) and PLAIN.fullmatch(part) is not None
