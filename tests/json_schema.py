"""As much of JSON Schema as docs/trainshed.schema.json uses; an unknown keyword is an error.

It is here so that the tests need no library. For these keywords, editors do the same.
"""

import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "integer": (int,), "number": (int, float)
}  # fmt: skip
_DESCRIBES = {"$schema", "$defs", "title", "description", "default"}
_DECIDES = {
    *("$ref", "type", "const", "enum", "anyOf", "pattern", "maxLength", "minimum", "maximum"),
    *("items", "minItems", "properties", "patternProperties", "additionalProperties"),
    *("propertyNames", "minProperties", "required"),
}


def accepts(schema: Schema, value: Any, *, root: Schema | None = None) -> bool:
    """Tell whether a value is valid by a schema; `root` holds the definitions it refers to."""
    root = schema if root is None else root
    assert not schema.keys() - _DESCRIBES - _DECIDES, "a keyword that is not checked here"
    if "$ref" in schema:
        return accepts(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], value, root=root)
    branches = schema.get("anyOf")
    return (
        ("type" not in schema or _is_of(schema["type"], value))
        and value in schema.get("enum", [value])
        and value == schema.get("const", value)
        and (branches is None or any(accepts(one, value, root=root) for one in branches))
        and _accepts_what_it_holds(schema, value, root)
    )


def _accepts_what_it_holds(schema: Schema, value: Any, root: Schema) -> bool:
    if isinstance(value, dict):
        return _accepts_object(schema, value, root)
    if isinstance(value, list):
        each = schema.get("items", {})
        is_long_enough = len(value) >= schema.get("minItems", 0)
        return is_long_enough and all(accepts(each, one, root=root) for one in value)
    if isinstance(value, str):
        is_short_enough = len(value) <= schema.get("maxLength", len(value))
        return is_short_enough and re.search(schema.get("pattern", ""), value) is not None
    return value is None or bool(
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
    )


def _is_of(kind: str, value: Any) -> bool:
    return isinstance(value, _TYPES[kind]) and not isinstance(value, bool)


def _accepts_object(schema: Schema, value: Mapping[Any, Any], root: Schema) -> bool:
    if len(value) < schema.get("minProperties", 0) or set(schema.get("required", ())) - set(value):
        return False
    return all(
        isinstance(key, str)
        and accepts(schema.get("propertyNames", {}), key, root=root)
        and all(
            one is not False and (one is True or accepts(one, part, root=root))
            for one in _schemas_of(schema, key)
        )
        for key, part in value.items()
    )


def _schemas_of(schema: Schema, key: str) -> list[Any]:
    """Return the schemas that the value of a key must be valid by."""
    patterns = schema.get("patternProperties", {})
    found = [one for pattern, one in patterns.items() if re.search(pattern, key)]
    if key in schema.get("properties", {}):
        found.append(schema["properties"][key])
    return found or [schema.get("additionalProperties", True)]
