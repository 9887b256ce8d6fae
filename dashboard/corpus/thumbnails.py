"""The thumbnail of a video, as a table and a grid of pictures show it."""

import base64

from tubelet.store import Store, StoreError


def thumbnail(store: Store, relative: str | None) -> str | None:
    """The JPEG of a video as a data URI; None where it has none."""
    try:
        path = store.layout.thumbnail_file(relative) if relative else None
    except StoreError:  # `tubelet check` says what is wrong with it
        return None
    if path is None or not path.is_file():
        return None
    return "data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode()
