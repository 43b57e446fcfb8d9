"""As much of JSON Schema as docs/trainshed.schema.json uses; an unknown keyword is an error.

It is here so that the tests need no library for it; what editors do is the same, for these keywords.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
    "null": type(None), "boolean": bool,
}  # fmt: skip
_SILENT = {"$defs", "$schema", "title", "description", "default"}


def accepts(schema: Mapping[str, Any], value: Any, *, root: Mapping[str, Any] | None = None) -> bool:
    """Tell whether a value is valid by a schema; `root` holds the definitions it refers to."""
    root = schema if root is None else root

    def valid(inner: Any, part: Any) -> bool:
        return accepts(inner, part, root=root) if isinstance(inner, Mapping) else inner is True

    return all(
        _RULES[keyword](rule, value, schema, valid)
        if keyword != "$ref"
        else valid(root["$defs"][rule.removeprefix("#/$defs/")], value)
        for keyword, rule in schema.items()
        if keyword not in _SILENT
    )


Valid = Callable[[Any, Any], bool]


def _is_of(kind: str, value: Any) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _others(value: Any, schema: Mapping[str, Any]) -> list[Any]:
    patterns = schema.get("patternProperties", {})
    return [
        part
        for key, part in value.items()
        if key not in schema.get("properties", {})
        and not any(re.search(pattern, key) for pattern in patterns)
    ]


_RULES: Mapping[str, Callable[[Any, Any, Mapping[str, Any], Valid], bool]] = {
    "type": lambda rule, value, _, __: _is_of(rule, value),
    "enum": lambda rule, value, _, __: value in rule,
    "const": lambda rule, value, _, __: value == rule,
    "anyOf": lambda rule, value, _, valid: any(valid(one, value) for one in rule),
    "required": lambda rule, value, _, __: all(key in value for key in rule),
    "properties": lambda rule, value, _, valid: all(
        valid(inner, value[key]) for key, inner in rule.items() if key in value
    ),
    "patternProperties": lambda rule, value, _, valid: all(
        valid(inner, part)
        for pattern, inner in rule.items()
        for key, part in value.items()
        if re.search(pattern, key)
    ),
    "additionalProperties": lambda rule, value, schema, valid: all(
        valid(rule, part) for part in _others(value, schema)
    ),
    "propertyNames": lambda rule, value, _, valid: all(valid(rule, key) for key in value),
    "minProperties": lambda rule, value, _, __: len(value) >= rule,
    "items": lambda rule, value, _, valid: all(valid(rule, one) for one in value),
    "minItems": lambda rule, value, _, __: len(value) >= rule,
    "pattern": lambda rule, value, _, __: re.search(rule, value) is not None,
    "maxLength": lambda rule, value, _, __: len(value) <= rule,
    "minimum": lambda rule, value, _, __: value >= rule,
    "maximum": lambda rule, value, _, __: value <= rule,
}
