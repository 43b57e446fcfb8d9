"""Turn JSON into frozen dataclasses, checked. One place, so that every record is read one way."""

from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

T = TypeVar("T")


def from_json(kind: type[T], text: str | bytes) -> T:
    """Read JSON as a dataclass; keys it does not know are ignored (a newer writer may add some).

    Raises:
        ValueError: it is not JSON or does not fit; the message names the first place that does not.
    """
    try:
        value: T = _adapter(cast("Any", kind)).validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = "/".join(str(part) for part in first["loc"])
        raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from None
    return value


@cache
def _adapter(kind: Any) -> Any:
    return TypeAdapter(kind)
