"""Whether a request and its answer are what GitHub's OpenAPI says they are."""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from github_double import openapi
from github_double.openapi import Operation

_ERROR = {"$ref": "urn:github#/components/schemas/basic-error"}
_PAGES = {"per_page", "page"}
"""PyGithub asks every list for pages, also those that come whole; GitHub takes no notice there."""
_DEPTH = 3  # of the branches of an anyOf that are looked into for the reason

_formats = FormatChecker(formats=())


@_formats.checks("date-time")
def _is_time(value: object) -> bool:
    pattern = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
    return not isinstance(value, str) or re.fullmatch(pattern, value) is not None


@_formats.checks("uri")
def _is_uri(value: object) -> bool:
    """GitHub gives an empty text where there is no address."""
    return not isinstance(value, str) or re.fullmatch(r"|[a-z][a-z0-9+.-]*:\S+", value) is not None


def of_query(operation: Operation, query: Mapping[str, str]) -> Iterator[str]:
    """Say what is wrong with the query. GitHub ignores a name that it does not know: we do not."""
    for name, value in query.items():
        schema = operation.parameters.get(name)
        if schema is None:
            if name in _PAGES:
                continue
            yield f"query: there is no parameter {name!r}"
            continue
        for problem in _problems(schema, _typed(schema, value)):
            yield f"query/{name}{problem}"


def of_body(operation: Operation, body: Any) -> Iterator[str]:
    """Say what is wrong with a body, None where there was none."""
    if operation.body is None:
        if body not in (None, {}):
            yield "body: this request has none"
        return
    if body is None:
        if operation.body_is_required:
            yield "body: it is missing"
        return
    schema = operation.body.get("application/json")
    if schema is None:  # bytes, such as those of a release's file
        return
    for problem in _problems(schema, body):
        yield f"body{problem}"
    known = _names(schema)
    for name in body if known and isinstance(body, dict) else ():
        if name not in known:
            yield f"body: there is no key {name!r}"


def of_answer(operation: Operation, status: int, body: Any) -> Iterator[str]:
    """Say what is wrong with an answer, body None where there is none."""
    if str(status) not in operation.responses:
        if status < 400:
            yield f"answer: there is no status {status} (but {', '.join(operation.responses)})"
        else:
            for problem in _problems(_ERROR, body):
                yield f"answer{problem}"
        return
    schema = operation.responses[str(status)]
    if schema is None:
        if body is not None and status < 400:
            yield f"answer: with status {status} there is no body"
        return
    for problem in _problems(schema, body):
        yield f"answer{problem}"


def _problems(schema: Any, value: Any) -> Iterator[str]:
    for error in _validator(_Schema(schema)).iter_errors(value):
        reason = _innermost(error, _DEPTH)
        path = "".join(f"/{part}" for part in reason.absolute_path)
        yield f"{path}: {reason.message[:300]}"


def _innermost(error: ValidationError, depth: int) -> ValidationError:
    """Return the reason in the branch that came furthest: the others say only "not this kind"."""
    if not error.context or depth == 0:
        return error
    furthest = max(error.context, key=lambda one: len(one.absolute_path))
    return _innermost(furthest, depth - 1)


class _Schema:
    """A schema as a key: the same object is the same schema."""

    def __init__(self, content: Any) -> None:
        self.content = content

    def __hash__(self) -> int:
        return id(self.content)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Schema) and other.content is self.content


@functools.cache
def _validator(schema: _Schema) -> Validator:
    return Draft202012Validator(
        schema.content, registry=_registry(), format_checker=_formats
    )  # fmt: skip


@functools.cache
def _registry() -> Registry[Any]:
    resource = DRAFT202012.create_resource(openapi.load().components)
    registry: Registry[Any] = Registry().with_resource("urn:github", resource)
    return registry


def _names(schema: Any) -> set[str]:
    """Return all keys that a schema names; none where it takes any."""
    if not isinstance(schema, dict) or schema.get("additionalProperties"):
        return set()
    if "$ref" in schema:
        return _names(_registry().resolver().lookup(schema["$ref"]).contents)
    names = set(schema.get("properties", ()))
    for part in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        names |= _names(part)
    return names


def _typed(schema: Any, value: str) -> Any:
    """Return a value of a query as what it is meant to be."""
    kinds = schema.get("type", ()) if isinstance(schema, dict) else ()
    if "integer" in kinds and re.fullmatch(r"-?\d+", value):
        return int(value)
    if "boolean" in kinds and value in {"true", "false"}:
        return value == "true"
    return value
