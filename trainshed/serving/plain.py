"""Values of a model's libraries as plain JSON values."""

import math
from collections.abc import Mapping
from typing import Any


class NotJson(ValueError):
    """The value has no form in JSON."""


def plain(value: Any) -> Any:
    """Return a value with numpy and pandas types turned into those of JSON.

    Raises:
        NotJson: it is NaN, infinite, or of a type that JSON does not have.
    """
    match value:
        case None | bool() | int():
            return value
        case str():
            return str(value)
        case float():
            return _finite(value)
        case Mapping():
            return {str(plain(key)): plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
    if hasattr(value, "tolist"):  # numpy's arrays and scalars, pandas' columns
        return plain(value.tolist())
    raise NotJson(f"{type(value).__name__} has no form in JSON")


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise NotJson(f"{value} has no form in JSON")
    return float(value)
