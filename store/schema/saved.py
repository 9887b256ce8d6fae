"""Queries that people keep in a store."""

from tubelet.store.schema.columns import MOMENT, Column, Table

SAVED_QUERIES = Table(
    "saved_queries",
    "query that somebody saved",
    ("query_name",),
    (
        Column("query_name", "VARCHAR", "name under which a query was saved"),
        Column("sql", "VARCHAR", "text of the query, its parameters as `$name`"),
        Column("description", "VARCHAR", "what the query answers, in words"),
        Column("defaults", "VARCHAR", "values of its parameters where none are given, as JSON"),
        Column("picture", "VARCHAR", "what its answer is shown as on the SQL page"),
        Column("saved_at", MOMENT, "when it was saved", "UTC"),
    ),
)
