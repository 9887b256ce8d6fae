"""The weights of fitted models: written before the commit of the row that names them, and read as they were committed."""

import hashlib

from tubelet.store.disk.files import explain_disk_errors
from tubelet.store.errors import StoreError
from tubelet.store.schema import Table
from tubelet.store.store import Store


def write_model(store: Store, model_id: str, data: bytes) -> dict[str, str | int]:
    """Write the weights of a fitted model; the columns that name them in its row, until whose commit they are invisible."""
    path = store.layout.model(model_id)
    with explain_disk_errors(store.root):
        store.layout.require_writable()
        store.layout.home.put(path, data)
    return {
        "model_path": store.layout.relative(path),
        "model_bytes": len(data),
        "model_sha256": hashlib.sha256(data).hexdigest(),
    }


def read_model(store: Store, table: Table, model_id: str) -> bytes:
    """The bytes of a model's file. Raises StoreError where the table has no such model, or the file is not the one that was committed."""
    noun, key = table.name.removesuffix("s"), table.key[0]
    rows = store.rows(
        f"SELECT model_path, model_sha256 FROM {table.name} WHERE {key} = $1", [model_id]
    )
    if not rows:
        raise StoreError(
            f'{store.name} holds no {noun} {model_id}: list them with `tubelet sql "FROM {table.name}" --store {store.shell_name}`'
        )
    path = store.layout.model_file(rows[0]["model_path"], model_id)
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != rows[0]["model_sha256"]:
        raise StoreError(
            f"the file of weights of {noun} {model_id} is missing or has changed: run `tubelet check --repair --store {store.shell_name}`, then fit it again"
        )
    return data
