"""A query as lines of Python for a notebook, with its values filled in: they give the same rows."""

from tubelet.store import Store
from tubelet.store.sandbox.untrusted import Query


def write_snippet(store: Store, query: Query) -> str:
    """Lines that open the store and ask the query, as a table of Arrow."""
    values = f", {dict(query.values)!r}" if query.values else ""
    return "\n".join(
        [
            "import tubelet",
            "",
            f"store = tubelet.open({store.name!r})",
            f"rows = store.query({_quote(query.sql.rstrip().rstrip(';'))}{values})",
            "rows.to_pandas()",
        ]
    )


def _quote(sql: str) -> str:
    """The text as Python writes it, over several lines where that is the same text."""
    quoted = f'"""\n{sql}\n"""'
    plain = "\\" not in sql and '"""' not in sql and not sql.endswith('"') and sql.isascii()
    return quoted if plain and "\n" in sql and "\r" not in sql and "\0" not in sql else repr(sql)
