"""HTTP: from the last byte received to the end.

An interrupted transfer resumes where it stopped, as long as the server still has the same version of the file (If-Range); the same
holds for the next run after Ctrl-C, a full disk or a crash. Errors that waiting cannot fix are raised at once.
"""

import errno
import time
from collections.abc import Sequence

import requests

from tubelet.ingest.errors import DownloadError
from tubelet.ingest.weights import cache
from tubelet.ingest.weights.cache import gigabytes
from tubelet.ingest.weights.part import PartialFile, RemoteVersion
from tubelet.ingest.weights.transfer import Transfer
from tubelet.store.wording import tell

PAUSES = (
    1.0,
    2.0,
    4.0,
    8.0,
)  # seconds before another try; every byte further than before starts them again
TIMEOUT = (10, 60)  # seconds to connect, and between two reads
CHUNK = 1 << 16  # bytes; a transfer that breaks loses less than this
PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that a later attempt may fix
PAST_THE_END = requests.codes.requested_range_not_satisfiable
ELSEWHERE = "Pass a file you have as --weights FILE"
FULL = (errno.ENOSPC, errno.EDQUOT)


class Interruption(Exception):
    """An interrupted transfer; another attempt may resume it."""


def download(url: str, part: PartialFile, reserve: int, pauses: Sequence[float] = PAUSES) -> None:
    """Download the file at `url` into `part` completely. `reserve` bytes are left free for what is made from it. Raises DownloadError."""
    left, furthest = list(pauses), part.size
    while not part.complete(url):
        try:
            _receive(url, part, reserve)
        except (
            Interruption,
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            left, furthest = (list(pauses), part.size) if part.size > furthest else (left, furthest)
            if not left:
                raise DownloadError(
                    f"{url} cannot be downloaded: {_reason(error)}. {_describe_kept(part)}"
                ) from error
            tell(f"{_reason(error)}; trying again in {left[0]:.0f} s")
            time.sleep(left.pop(0))
        except KeyboardInterrupt:
            tell(f"\nstopped; {_describe_kept(part)}")
            raise
        except requests.RequestException as error:
            raise DownloadError(f"{url} cannot be requested: {_reason(error)}") from error


def _receive(url: str, part: PartialFile, reserve: int) -> None:
    """One request: everything after what is there, or everything."""
    known = part.resumable(url)
    headers = {"Accept-Encoding": "identity", "User-Agent": "tubelet"}
    if known:
        headers |= {"Range": f"bytes={part.size}-", "If-Range": known.validator}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        _check_answer(url, response)
        if not _continues(url, response, part):
            part.remove()
            raise Interruption("the server cannot resume the last transfer, so it starts over")
        if response.status_code != requests.codes.partial:
            part.begin(_version(url, response))
        cache.require(reserve + _missing(part), part.path, url)
        _write(response, part)
    part.mark_ended()
    _check_length(part)


def _check_answer(url: str, response: requests.Response) -> None:
    """Raises DownloadError for a permanent error, Interruption for one that may be temporary."""
    status = response.status_code
    if status in PASSING:
        raise Interruption(f"the server answered {status} {response.reason}")
    if status >= 400 and status != PAST_THE_END:
        raise DownloadError(
            f"{url} is not there: the server answered {status} {response.reason}. {ELSEWHERE}"
        )
    if url.startswith("https:") and not response.url.startswith("https:"):
        raise DownloadError(
            f"{url} leads to {response.url}, where nobody vouches for what comes. {ELSEWHERE}"
        )
    if response.headers.get("Content-Type", "").startswith("text/html"):
        raise DownloadError(
            f"{url} returned a web page instead of the file, probably from a login page or proxy"
        )


def _continues(url: str, response: requests.Response, part: PartialFile) -> bool:
    """Whether the answer starts at the part's end, or at the file's beginning. Raises DownloadError if the announced length was wrong."""
    version = part.version
    if response.status_code not in (requests.codes.partial, PAST_THE_END) or version is None:
        return response.status_code == requests.codes.ok
    start, _, length = (
        response.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    )
    if length.isdecimal() and version.length not in (None, int(length)):
        part.remove()
        raise DownloadError(
            f"{url} is incomplete: the server announced {version.length:,} bytes and has {int(length):,}. {ELSEWHERE}"
        )
    return response.status_code == requests.codes.partial and start.partition("-")[0] == str(
        part.size
    )


def _version(url: str, response: requests.Response) -> RemoteVersion:
    etag = response.headers.get("ETag", "")
    validator = (
        etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")
    )
    length = response.headers.get("Content-Length", "")
    return RemoteVersion(url, validator, int(length) if length.isdecimal() else None)


def _missing(part: PartialFile) -> int:
    """Bytes that are still to come, as far as the server said."""
    version = part.version
    return version.length - part.size if version and version.length else 0


def _write(response: requests.Response, part: PartialFile) -> None:
    version = part.version
    try:
        with (
            open(part.path, "ab") as file,
            Transfer(
                desc=part.path.stem, total=version and version.length, initial=part.size
            ) as transfer,
        ):
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                transfer.update(len(chunk))
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise DownloadError(
            f"the disk of {part.path.parent} is full after {gigabytes(part.size)}, which are kept: free some space and run the same "
            f"command again to continue, or point {cache.VARIABLE} to a folder on a larger disk"
        ) from error


def _check_length(part: PartialFile) -> None:
    """A library that silently gives up on a broken connection is not trusted, nor are more bytes than announced."""
    version, size = part.version, part.size
    if version and version.length is not None and size != version.length:
        if size > version.length:
            part.remove()
        raise Interruption(f"the server announced {version.length:,} bytes and sent {size:,}")


def _describe_kept(part: PartialFile) -> str:
    version = part.version
    if not (part.size and version and version.validator):
        return f"Run the same command again later. {ELSEWHERE}"
    of = f" of {gigabytes(version.length)}" if version.length else ""
    return f"{gigabytes(part.size)}{of} are kept: run the same command again later to continue"


def _reason(error: Exception) -> str:
    if isinstance(error, Interruption):
        return str(error)
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not trusted here"
    if isinstance(error, requests.Timeout):
        return "the server does not answer"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection was interrupted"
    return (
        "no connection to the server" if isinstance(error, requests.ConnectionError) else str(error)
    )
