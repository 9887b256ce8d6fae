"""Questions about what people know of the videos: labels and tags."""

from tubelet.store.questions.corpus import Question

NAMES, VALUES = 200, 500  # offered to choose from, at most


def label_names() -> Question:
    """One row per label, the folder first: how many videos have it, and its number of values."""
    return Question(
        """SELECT name, count(DISTINCT video_id) AS videos, count(DISTINCT value) AS distinct_values FROM labels
GROUP BY name ORDER BY name = 'folder' DESC, name LIMIT $limit""",
        {"limit": NAMES},
    )


def label_values(name: str) -> Question:
    """One row per value of a label, those of the most videos first."""
    return Question(
        """SELECT value, count(DISTINCT video_id) AS videos FROM labels
WHERE name = $name GROUP BY value ORDER BY videos DESC, value LIMIT $limit""",
        {"name": name, "limit": VALUES},
    )


def label_choices() -> Question:
    """One row per label and value: how many videos have it; labels of the fewest values first, but those of one value last, because they distinguish no videos."""
    return Question(
        """SELECT name, value, videos FROM (
  SELECT name, value, count(DISTINCT video_id) AS videos, count(*) OVER (PARTITION BY name) AS of_name
  FROM labels GROUP BY name, value
) ORDER BY of_name = 1, of_name, name, videos DESC, value LIMIT $limit""",
        {"limit": VALUES},
    )


def labels_of_videos(video_ids: list[str], names: list[str]) -> Question:
    """One row per video and label: its values, joined where it has several."""
    return Question(
        """SELECT video_id, name, string_agg(DISTINCT value, ', ' ORDER BY value) AS value FROM labels
WHERE video_id IN (SELECT unnest($videos::VARCHAR[])) AND name IN (SELECT unnest($names::VARCHAR[]))
GROUP BY ALL ORDER BY ALL""",
        {"videos": video_ids, "names": names},
    )


def groups() -> Question:
    """One row per video that has the label `group`: the first of its values, and how many it has."""
    return Question("""SELECT video_id, min(value) AS value, count(DISTINCT value) AS distinct_values FROM labels
WHERE name = 'group' GROUP BY video_id ORDER BY video_id""")


def tags() -> Question:
    """One row per tag: its videos, its tokens, its latest note, and when it was last given; selections that the dashboard keeps are left out."""
    return Question("""SELECT tag, count(DISTINCT video_id) AS videos, count(clip_id) AS tokens,
  arg_max(note, added_at) AS note, max(added_at) AS added_at
FROM tags WHERE NOT starts_with(tag, 'kept:') GROUP BY tag ORDER BY tag""")
