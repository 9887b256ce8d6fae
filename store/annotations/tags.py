"""Tags: named sets of videos, or of tokens of them, each with a note. Several writers may tag at once: a commit adds members and notes to what is there."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass

import pyarrow as pa

from tubelet.store import ids
from tubelet.store.clock import now
from tubelet.store.errors import AnnotationError, Overtaken
from tubelet.store.questions.annotations import tags as held_tags
from tubelet.store.schema import TAGS
from tubelet.store.store import Store

NAME_MOST, NOTE_MOST = 100, 2000  # characters
BETWEEN = "; "  # two notes of one member
KEPT_PREFIX = "kept:"  # of selections that the dashboard keeps; lists of tags leave them out


@dataclass(frozen=True, kw_only=True)
class TagMember:
    """A video, or a token of it by its address."""

    video_id: str
    clip_id: str | None = None
    slice: int | None = None
    y: int | None = None
    x: int | None = None


@dataclass(frozen=True, kw_only=True)
class Tagged:
    """What was done to a tag: members that are new, that had it, and whose video the store no longer holds."""

    tag: str
    added: int
    present: int
    gone: int

    def lines(self) -> list[str]:
        told = [f"{self.tag}: {self.added:,} tagged, {self.present:,} had the tag"]
        return told + ([f"  {self.gone:,} are not in the store"] if self.gone else [])

    def as_json(self) -> dict:
        return asdict(self)


def add_tag(
    store: Store, tag: str, members: Sequence[TagMember], note: str | None = None
) -> Tagged:
    """Give a tag to videos or tokens. A note is added to the one that a member has; without a note, new members get the tag's latest.
    Raises AnnotationError for a name or a note that does not fit."""
    if note is not None and len(note) > NOTE_MOST:
        raise AnnotationError(
            f"the note has {len(note):,} characters: write {NOTE_MOST:,} or fewer"
        )
    return add_members(store, check_tag(tag), members, note)


def add_members(
    store: Store, name: str, members: Sequence[TagMember], note: str | None = None
) -> Tagged:
    """The same for a name that is known to fit. What is read and what is written belong together: where another writer commits in between, it is read again."""
    while True:
        with store.hold():
            before = store.fingerprint
            done, rows, replaced = _plan(store, name, members, note)
        if not rows:
            return done
        table = pa.Table.from_pylist(rows, schema=TAGS.arrow)
        try:
            store.commit({TAGS.name: table}, {TAGS.name: sorted(replaced)}, expected=before)
        except Overtaken:
            continue
        return done


def _plan(
    store: Store, name: str, members: Sequence[TagMember], note: str | None
) -> tuple[Tagged, list[dict], set[str]]:
    """What tagging does to the store as it is: the result, the rows to write, and the ids of those that they replace."""
    known = _find_videos(store, [member.video_id for member in members])
    wanted = {_id_of(name, member): member for member in members if member.video_id in known}
    held = _find_notes(store, list(wanted))
    joined = {id_: _join_notes(old, note) for id_, old in held.items()}
    changed = {id_ for id_, said in joined.items() if said != held[id_]}
    said = note if note is not None else _note_of(store, name)
    rows = [
        _row(name, id_, member, joined.get(id_, said))
        for id_, member in wanted.items()
        if id_ not in held or id_ in changed
    ]
    gone = len({member for member in members if member.video_id not in known})
    done = Tagged(tag=name, added=len(wanted) - len(held), present=len(held), gone=gone)
    return done, rows, changed


def _join_notes(old: str | None, new: str | None) -> str | None:
    """Both notes, each once. Raises AnnotationError where they are too long together."""
    if not new or not old:
        return new or old
    if new in old.split(BETWEEN):
        return old
    both = old + BETWEEN + new
    if len(both) > NOTE_MOST:
        raise AnnotationError(
            f"together with the existing note, the note has {len(both):,} characters: write {NOTE_MOST - len(old) - len(BETWEEN):,} or fewer, or remove the tag first"
        )
    return both


def remove_tag(store: Store, tag: str, video_ids: Sequence[str] | None = None) -> int:
    """Take a tag from videos and their tokens, from all where `video_ids` is None; how many members went. Raises AnnotationError where there is no such tag."""
    rows = store.rows("SELECT tag_id, video_id FROM tags WHERE tag = ?", [tag])
    if not rows:
        known = ", ".join(row["tag"] for row in list_tags(store)) or "none"
        raise AnnotationError(f"{store.name} has no tag {tag!r}; its tags are: {known}")
    if video_ids is None:
        store.commit({}, {f"{TAGS.name}.tag": [tag]})
        return len(rows)
    chosen = set(video_ids)
    leaving = [row["tag_id"] for row in rows if row["video_id"] in chosen]
    store.commit({}, {TAGS.name: leaving})
    return len(leaving)


def list_tags(store: Store) -> list[dict]:
    """The tags of a store, by name: videos, tokens, note, and when it was last given."""
    return held_tags().answer(store).to_pylist()


def check_tag(tag: str) -> str:
    """The name of a tag without blanks around it. Raises AnnotationError where it is not one line of text."""
    name = tag.strip()
    if not name or not name.isprintable():
        raise AnnotationError(f"{tag!r} is not the name of a tag: write one line of text")
    if name.startswith(KEPT_PREFIX):
        raise AnnotationError(
            f"{tag!r} begins with {KEPT_PREFIX}, which is reserved for selections of the dashboard: choose another name"
        )
    if len(name) > NAME_MOST:
        raise AnnotationError(f"the tag has {len(name):,} characters: write {NAME_MOST} or fewer")
    return name


def _id_of(tag: str, member: TagMember) -> str:
    return ids.hash_parts("tag", tag, *astuple(member))


def _find_videos(store: Store, wanted: Sequence[str]) -> set[str]:
    sql = "SELECT video_id FROM videos WHERE video_id IN (SELECT unnest($1::VARCHAR[]))"
    return set(store.query(sql, [list(wanted)])["video_id"].to_pylist())


def _find_notes(store: Store, tag_ids: Sequence[str]) -> dict[str, str | None]:
    """The members that are there among some, each with its note."""
    sql = "SELECT tag_id, note FROM tags WHERE tag_id IN (SELECT unnest($1::VARCHAR[]))"
    return {row["tag_id"]: row["note"] for row in store.rows(sql, [list(tag_ids)])}


def _note_of(store: Store, tag: str) -> str | None:
    return next((row["note"] for row in list_tags(store) if row["tag"] == tag), None)


def _row(tag: str, id_: str, member: TagMember, note: str | None) -> dict:
    return {"tag_id": id_, "tag": tag, **asdict(member), "note": note or None, "added_at": now()}
