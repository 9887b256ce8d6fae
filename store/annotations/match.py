"""Which video a row means: by path, file name, name without its extension, or id."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from tubelet.store.store import Store

AUTO = "auto"
KEYS = ("path", "name", "stem", "video_id")  # in the order in which `auto` tries them
PLACES = "SELECT video_id, path FROM places WHERE video_id IN (SELECT video_id FROM videos)"
KNOWN = f"""{PLACES} UNION SELECT video_id, path FROM videos WHERE path NOT IN (SELECT path FROM ({PLACES}))
ORDER BY ALL"""  # a video whose path holds another one now is not meant by it
FACTS = "SELECT video_id, name, frames, fps, duration_s, width, height FROM videos"


@dataclass(frozen=True)
class VideoPath:
    """A path at which a video was found."""

    video_id: str
    path: str

    @cached_property
    def parts(self) -> tuple[str, ...]:
        return PurePosixPath(self.path).parts


@dataclass(frozen=True, kw_only=True)
class Matches:
    """What the entries of a file mean: a video each, several (`ambiguous`, with the candidates), or none."""

    key: str
    found: dict[str, str] = field(default_factory=dict)
    ambiguous: dict[str, list[VideoPath]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


class KnownVideos:
    """Videos as the entries of annotation files may name them."""

    def __init__(self, places: Sequence[VideoPath]) -> None:
        self._named: dict[str, list[VideoPath]] = defaultdict(list)
        self._stems: dict[str, list[VideoPath]] = defaultdict(list)
        self._ids: dict[str, list[VideoPath]] = defaultdict(list)
        for place in places:
            self._named[place.parts[-1]].append(place)
            self._stems[PurePosixPath(place.path).stem].append(place)
            self._ids[place.video_id].append(place)

    def match(self, entries: Iterable[str], key: str = AUTO) -> Matches:
        """Matches by one key; `auto`: by the first that fits all entries, else by the one that fits most."""
        distinct = list(dict.fromkeys(entries))
        best: Matches | None = None
        for tried in KEYS if key == AUTO else (key,):
            matches = self._match(distinct, tried)
            if not matches.missing:
                return matches
            if best is None or len(matches.missing) < len(best.missing):
                best = matches
        return best or Matches(key=key)

    def _match(self, entries: Sequence[str], key: str) -> Matches:
        matches = Matches(key=key)
        for entry in entries:
            candidates = self._candidates(entry.strip(), key)
            ids = {place.video_id for place in candidates}
            if not ids:
                matches.missing.append(entry)
            elif len(ids) > 1:
                one_each = {place.video_id: place for place in candidates}
                matches.ambiguous[entry] = sorted(one_each.values(), key=lambda place: place.path)
            else:
                matches.found[entry] = ids.pop()
        return matches

    def _candidates(self, entry: str, key: str) -> list[VideoPath]:
        if key == "video_id":
            return self._ids.get(entry, [])
        parts = PurePosixPath(entry).parts
        if not parts:
            return []
        if key == "path":
            return _ending(self._named.get(parts[-1], []), parts)
        if key == "name":
            return _closest(self._named.get(parts[-1], []), parts)
        return _closest(
            self._stems.get(PurePosixPath(entry).stem, []) or self._stems.get(parts[-1], []), parts
        )


class Videos(KnownVideos):
    """The videos of a store, and what is known of them."""

    def __init__(self, store: Store) -> None:
        super().__init__([VideoPath(**row) for row in store.rows(KNOWN)])
        self.facts = {row["video_id"]: row for row in store.rows(FACTS)}
        for video_id, row in self.facts.items():
            self._ids.setdefault(video_id, [VideoPath(video_id, row["name"])])


def _ending(places: Sequence[VideoPath], parts: tuple[str, ...]) -> list[VideoPath]:
    """Places whose path is, or ends with, these parts."""
    return [place for place in places if place.parts[-len(parts) :] == parts]


def _closest(places: Sequence[VideoPath], parts: tuple[str, ...]) -> list[VideoPath]:
    """Of places of one file name, those whose folders agree furthest: a corpus that moved keeps its inner folders."""
    folders = [_count_shared(place.parts[:-1], parts[:-1]) for place in places]
    most = max(folders, default=0)
    return [place for place, shared in zip(places, folders) if shared == most]


def _count_shared(a: tuple[str, ...], b: tuple[str, ...]) -> int:
    """How many last parts of two folders are the same."""
    count = 0
    while count < min(len(a), len(b)) and a[-1 - count] == b[-1 - count]:
        count += 1
    return count
