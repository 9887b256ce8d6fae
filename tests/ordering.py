"""Answers of questions that leave the order of their rows to threads."""

import re

import pyarrow as pa

ORDERED = re.compile(r"ORDER BY [^()]*$")  # at the end of a query


def sort_unordered(text: str, answer: pa.Table) -> pa.Table:
    """The rows of an answer by what names them, where its SQL does not say in which order they come."""
    if ORDERED.search(text):
        return answer
    plain = (pa.types.is_integer, pa.types.is_string)
    keys = [one.name for one in answer.schema if any(is_(one.type) for is_ in plain)]
    return answer.sort_by([(key, "ascending") for key in keys]) if keys else answer
