"""GitHub's published OpenAPI, made fit for a validator of JSON Schema, and read quickly.

The file speaks OpenAPI 3.0, whose `nullable` no JSON Schema knows; it is translated once for each
version of this module and of the package, and kept beside the package.
"""

import functools
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import npm_packages

_ROOT = "urn:github"
_METHODS = ("get", "post", "put", "patch", "delete")
# Prose and hints, which no validation needs.
_DROPPED = {"description", "example", "title", "default", "deprecated", "externalDocs", "readOnly"}
# A parameter that holds slashes, as names of refs do.
_LONG = {"ref", "tag", "basehead", "path", "branch"}


# Old ways to the same thing, which GitHub's documentation names in passing and PyGithub takes.
_LEGACY = {
    "GET /repos/{owner}/{repo}/statuses/{ref}": "GET /repos/{owner}/{repo}/commits/{ref}/statuses"
}


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One request that GitHub knows, such as `GET /repos/{owner}/{repo}`."""

    method: str
    template: str
    documentation: str
    parameters: dict[str, Any]
    """Schema of each parameter of the query, by name."""
    body: dict[str, Any] | None
    """Schema of the body by media type; None where there is none."""
    body_is_required: bool
    responses: dict[str, Any]
    """Schema by status; None where an answer has no body."""
    examples: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"


@dataclass(frozen=True, kw_only=True)
class OpenApi:
    operations: dict[str, Operation]
    components: dict[str, Any]
    """The schemas that others refer to, as one document for the validator."""
    _patterns: tuple[tuple[str, re.Pattern[str], str], ...]

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
        """Return the operation of a path, still percent-encoded, and the values in it."""
        for verb, pattern, name in self._patterns:
            found = pattern.fullmatch(path) if verb == method else None
            if found:
                return self.operations[name], found.groupdict()
        return None


@functools.cache
def load() -> OpenApi:
    package = npm_packages.node_modules() / "@octokit" / "openapi" / "generated"
    source = package / "api.github.com.json"
    version = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    kept = package / f"translated-{version}.json"
    if not kept.exists():
        translated = _translate(json.loads(source.read_text(encoding="utf-8")))
        partial = kept.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps(translated), encoding="utf-8")
        partial.replace(kept)
    content = json.loads(kept.read_text(encoding="utf-8"))
    operations = {one["method"] + " " + one["template"]: Operation(**one)
                  for one in content["operations"]}  # fmt: skip
    ways = {name: name for name in operations} | _LEGACY
    # What says most in plain letters comes first: commits/{ref} would swallow commits/x/status.
    ordered = sorted(ways, key=lambda way: -len(re.sub(r"\{\w+\}", "", way.partition(" ")[2])))
    return OpenApi(
        operations=operations,
        components=content["components"],
        _patterns=tuple(
            (way.partition(" ")[0], _pattern(way.partition(" ")[2]), ways[way]) for way in ordered
        ),
    )


def _translate(document: dict[str, Any]) -> dict[str, Any]:
    operations = [
        _operation(document, method.upper(), template, methods[method])
        for template, methods in document["paths"].items()
        for method in _METHODS
        if method in methods
    ]
    schemas = document["components"]["schemas"]
    components = {"schemas": {name: _schema(one) for name, one in schemas.items()}}
    return {"operations": operations, "components": {"components": components}}


def _operation(
    document: dict[str, Any], method: str, template: str, operation: dict[str, Any]
) -> dict[str, Any]:
    parameters = [_resolve(document, one) for one in operation.get("parameters", [])]
    body = operation.get("requestBody")
    responses = {
        status: _resolve(document, response)
        for status, response in operation.get("responses", {}).items()
    }
    return {
        "method": method,
        "template": template,
        "documentation": operation.get("externalDocs", {}).get("url", ""),
        "parameters": {one["name"]: _schema(one["schema"])
                       for one in parameters if one["in"] == "query"},
        "body": None if body is None else {
            media: _schema(one.get("schema", {})) for media, one in body["content"].items()
        },
        "body_is_required": bool(body and body.get("required")),
        "responses": {status: _content(one) for status, one in responses.items()},
        "examples": {
            status: example
            for status, one in responses.items()
            if (example := _example(document, one)) is not None
        },
    }  # fmt: skip


def _content(response: dict[str, Any]) -> Any:
    content = response.get("content", {})
    media = content.get("application/json") or next(iter(content.values()), None)
    return None if media is None else _schema(media.get("schema", {}))


def _example(document: dict[str, Any], response: dict[str, Any]) -> Any:
    media = response.get("content", {}).get("application/json", {})
    for example in media.get("examples", {}).values():
        return _resolve(document, example).get("value")
    return None


def _resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def _schema(schema: Any) -> Any:
    """Translate one schema. What says `oneOf` there is often true twice, so it becomes `anyOf`."""
    if not isinstance(schema, dict):
        return schema
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "$ref":
            result[key] = _ROOT + value
        elif key == "properties":
            result[key] = {name: _schema(one) for name, one in value.items()}
        elif key in {"items", "additionalProperties", "not"}:
            result[key] = _schema(value)
        elif key in {"oneOf", "anyOf"}:
            result["anyOf"] = [_schema(one) for one in value]
        elif key == "allOf":
            result[key] = [_schema(one) for one in value]
        elif key != "nullable" and key not in _DROPPED and not key.startswith("x-"):
            result[key] = value
    return _nullable(result) if schema.get("nullable") else result


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if "type" not in schema:
        return {"anyOf": [{"type": "null"}, schema]} if schema else schema
    changed = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema and None not in schema["enum"]:
        changed["enum"] = [*schema["enum"], None]
    return changed if "anyOf" not in schema and "allOf" not in schema else {
        "anyOf": [{"type": "null"}, schema]
    }  # fmt: skip


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    written = [
        re.escape(part) if at % 2 == 0 else f"(?P<{part}>{'.+' if part in _LONG else '[^/]+'})"
        for at, part in enumerate(parts)
    ]
    return re.compile("".join(written))
