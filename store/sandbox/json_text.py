"""Strict JSON: numbers that are not finite become null."""

import json
import math
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any


def json_text(
    value: Any,
    indent: int | None = None,
    default: Callable[[Any], Any] | None = None,
) -> str:
    """A value as JSON; NaN and infinities, which JSON does not have, as null, at any depth; dates and times as text."""
    return json.dumps(
        _finite(value),
        indent=indent,
        default=default or _date_text,
        ensure_ascii=False,
        allow_nan=False,
    )


def _date_text(value: Any) -> str:
    if isinstance(value, date):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list | tuple) else value
