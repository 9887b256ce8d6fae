"""Stores bases: a row of `bases`, its numbers as rows of `basis_vectors`, the clips it saw as rows of `basis_clips`."""

import json
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa

from tubelet.latent import scope
from tubelet.latent.basis import DICTIONARIES, MODELS, Basis
from tubelet.latent.errors import LatentError
from tubelet.latent.foreground import Foreground
from tubelet.latent.preparation import Preparation
from tubelet.store import Store
from tubelet.store.clock import now
from tubelet.store.questions.corpus import Question
from tubelet.store.rows import Row
from tubelet.store.schema import BASES, BASIS_CLIPS, BASIS_VECTORS
from tubelet.store.wording import count

LONGEST = 60  # characters of a name


@dataclass(frozen=True, kw_only=True)
class ListedBasis(Row):
    """A row of `list_bases`: a basis without its numbers."""

    basis_id: str
    name: str | None
    kind: str
    scope: str
    scope_id: str | None
    encoder_id: str
    tokens: int
    clips: int
    explained_by_three: float | None
    settings: str
    created_at: datetime


def save_basis(store: Store, basis: Basis, name: str | None = None) -> None:
    """Commit a basis under a name of the reader's own; does nothing if the store already has it.
    Raises LatentError for a name that another basis has, or that a basis already kept has not."""
    _refuse_name(store, basis, name)
    store.commit(
        {
            BASES.name: pa.Table.from_pylist([_row(basis, name)], BASES.arrow),
            BASIS_VECTORS.name: _vectors(basis),
            BASIS_CLIPS.name: pa.Table.from_pylist(
                [{"basis_id": basis.basis_id, "clip_id": clip_id} for clip_id in basis.clip_ids],
                BASIS_CLIPS.arrow,
            ),
        }
    )


def _refuse_name(store: Store, basis: Basis, name: str | None) -> None:
    if name is None:
        return
    if not name.strip() or len(name) > LONGEST or not name.isprintable():
        raise LatentError(f"a basis has a name of 1 to {LONGEST} printable characters")
    rows = store.rows(
        "SELECT basis_id, name FROM bases WHERE encoder_id = ? AND name = ? OR basis_id = ?",
        [basis.encoder_id, name, basis.basis_id],
    )
    for row in rows:
        if row["basis_id"] != basis.basis_id:
            raise LatentError(
                f"basis {row['basis_id']} is already called {name}: choose another name"
            )
        if row["name"] != name:
            called = f"as {row['name']}" if row["name"] else "without a name"
            raise LatentError(
                f"the store already keeps this basis {called} ({row['basis_id']}): its rows are never rewritten"
            )


def load_basis(store: Store, basis_id: str) -> Basis:
    """A stored basis, equal to the one that was fitted. Raises LatentError if there is none with this id."""
    found = store.rows("SELECT * FROM bases WHERE basis_id = ?", [basis_id])
    if not found:
        raise LatentError(
            f"{store.name} holds no basis {basis_id}: see `tubelet basis list --store {store.shell_name}`"
        )
    row, arrays = found[0], _arrays(store, basis_id)
    parameters = json.loads(row["settings"])
    positions = (
        arrays["position"].astype(np.float32).reshape(*parameters["grid"], -1)
        if "position" in arrays
        else None
    )
    clips = store.query(
        "SELECT clip_id FROM basis_clips WHERE basis_id = ? ORDER BY clip_id", [basis_id]
    )
    return Basis(
        basis_id=basis_id, encoder_id=row["encoder_id"], kind=row["kind"], scope=row["scope"], scope_id=row["scope_id"], parameters=parameters, preparation=Preparation(parameters["unit"], positions),
        foreground=Foreground.of(arrays, parameters), model=MODELS[row["kind"]].of(arrays, parameters), limits=arrays["limits"].astype(np.float32),
        explained=np.array(row["explained_variance"]), total=row["total_variance"], tokens=row["tokens"], clip_ids=tuple(clips["clip_id"].to_pylist()),
    )  # fmt: skip


def list_bases(encoder_id: str | None = None) -> Question:
    """One row per basis, the newest first; those of one encoder only, if named."""
    where = "" if encoder_id is None else "\nWHERE b.encoder_id = $encoder"
    sql = f"""SELECT b.basis_id, b.name, b.kind, b.scope, b.scope_id, b.encoder_id, b.tokens, coalesce(c.clips, 0) AS clips,
  CASE WHEN b.total_variance > 0 THEN list_sum(b.explained_variance[:3]) / b.total_variance END AS explained_by_three,
  b.settings, b.created_at
FROM bases b LEFT JOIN (SELECT basis_id, count(*) AS clips FROM basis_clips GROUP BY basis_id) c USING (basis_id){where}
ORDER BY b.created_at DESC, b.basis_id"""
    return Question(sql, {} if encoder_id is None else {"encoder": encoder_id})


def describe_basis(row: ListedBasis) -> str:
    """A row of `list_bases` as a person reads it."""
    settings = json.loads(row.settings)
    chosen = [
        f"{name} {settings[name]}"
        for name in ("clusters", "dimensions", "slices", "foreground")
        if settings.get(name) is not None
    ]
    chosen += [word for word in ("unit", "positions") if settings[word]]
    where = row.scope + (f" {row.scope_id}" if row.scope_id else "")
    if row.kind in DICTIONARIES:
        return _describe_dictionary(row, settings, where)
    explained = (
        ""
        if row.explained_by_three is None or row.kind == "umap"
        else f", first three explain {row.explained_by_three:.0%}"
    )
    name = f"{row.name}: " if row.name else ""
    return f"{row.basis_id}  {name}{row.kind} of {where}, {row.encoder_id}: {count(row.tokens, 'token')}{explained}{''.join(f', {c}' for c in chosen)}"


def _describe_dictionary(row: ListedBasis, settings: dict, where: str) -> str:
    name = f"{row.name}: " if row.name else ""
    file = f" from {settings['file']}" if "file" in settings else ""
    features = count(settings["features"], "feature")
    where = "the corpus" if where == "corpus" else where
    return (
        f"{row.basis_id}  {name}{row.kind} of {features}{file}, {row.encoder_id}: on {count(row.tokens, 'token')} of {where}, "
        f"{settings['active_per_token']:.1f} features active per token (L0), {settings['explained']:.1%} of variance explained, {settings['dead']:,} dead"
    )


def _row(basis: Basis, name: str | None) -> dict:
    return {
        "name": name,
        "basis_id": basis.basis_id,
        "encoder_id": basis.encoder_id,
        "kind": basis.kind,
        "scope": basis.scope,
        "scope_id": basis.scope_id,
        "settings": json.dumps(basis.parameters),
        "tokens": basis.tokens,
        "explained_variance": basis.explained.tolist(),
        "total_variance": basis.total,
        "created_at": now(),
    }


def _vectors(basis: Basis) -> pa.Table:
    arrays = {
        **basis.model.arrays,
        "limits": basis.limits,
        **(basis.foreground.arrays if basis.foreground else {}),
    }
    if basis.preparation.positions is not None:
        arrays["position"] = basis.preparation.positions.reshape(
            -1, basis.preparation.positions.shape[-1]
        )
    return pa.concat_tables(
        [_rows(basis.basis_id, name, values) for name, values in arrays.items()]
    )


def _rows(basis_id: str, name: str, values: np.ndarray) -> pa.Table:
    """The rows of an array ``(n, length)``."""
    count, length = values.shape
    lists = pa.ListArray.from_arrays(
        np.arange(count + 1, dtype=np.int32) * length, values.astype(np.float64).ravel()
    )
    return pa.table(
        [
            pa.array([basis_id] * count),
            pa.array([name] * count),
            np.arange(count, dtype=np.int32),
            lists,
        ],
        schema=BASIS_VECTORS.arrow,
    )


def _arrays(store: Store, basis_id: str) -> dict[str, np.ndarray]:
    """Every array of a basis by its name, float64 ``(n, length)``."""
    table = store.query(
        "SELECT name, vector FROM basis_vectors WHERE basis_id = ? ORDER BY name, number",
        [basis_id],
    )
    names = np.array(table["name"].to_pylist())
    return {
        str(name): scope.vectors(table["vector"].filter(pa.array(names == name)))
        for name in np.unique(names)
    }
