"""The description of the server's interface, made from what the model was trained on."""

from collections.abc import Mapping
from typing import Any

from trainshed.serving.schema import Column, Schema
from trainshed.serving.served import Served

_PROBLEM = {
    "type": "object",
    "properties": {
        "row": {"type": "integer", "description": "Index in rows, from 0."},
        "column": {"type": ["string", "null"]},
        "expected": {"type": "string"},
        "got": {"type": "string"},
    },
    "required": ["row", "column", "expected", "got"],
}
_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "request_id": {"type": "string"},
                "problems": {"type": "array", "items": _PROBLEM},
            },
            "required": ["message"],
        }
    },
    "required": ["error"],
}
_ANSWER = {
    "type": "object",
    "properties": {
        "model": {"type": "string"},
        "release": {"type": ["string", "null"]},
        "dataset": {"type": "string", "description": "sha256 of the data trained on."},
        "request_id": {"type": "string"},
        "predictions": {"type": "array", "description": "One per row, in the rows' order."},
    },
    "required": ["model", "release", "dataset", "request_id", "predictions"],
}


def document(
    served: Served, schema: Schema, *, example: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return an OpenAPI 3.1 document; `example` is one row that the model can predict."""
    return {
        "openapi": "3.1.0",
        "info": {"title": served.model, "version": served.release or "unreleased"},
        "paths": {
            "/predict": {"post": _predict(schema, example)},
            "/healthz": _get("Whether the process is alive.", {"200": "It is."}),
            "/readyz": _get(
                "Whether the model is loaded.", {"200": "It is.", "503": "Still loading."}
            ),
            "/info": _get("The release's manifest and the run.", {"200": "What is served."}),
        },
    }


def _predict(schema: Schema, example: Mapping[str, Any] | None) -> dict[str, Any]:
    body: dict[str, Any] = {"schema": _body(schema)}
    if example is not None:
        body["example"] = {"rows": [example]}
    return {
        "operationId": "predict",
        "summary": "Predict one value per row.",
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": _response("The predictions.", _ANSWER),
            "400": _response("The body is not JSON.", _ERROR),
            "413": _response("The body is too large.", _ERROR),
            "422": _response("A row cannot be used; the column is named.", _ERROR),
            "500": _response("The predictor failed; the server's log says how.", _ERROR),
            "503": _response("Not loaded yet, or the log cannot be written.", _ERROR),
        },
    }


def _body(schema: Schema) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"rows": {"type": "array", "items": _row(schema)}},
        "required": ["rows"],
        "additionalProperties": False,
    }


def _row(schema: Schema) -> dict[str, Any]:
    if schema.columns is None:
        return {"type": "object"}
    return {
        "type": "object",
        "properties": {column.name: _value(column) for column in schema.columns},
        "required": [column.name for column in schema.columns],
        "additionalProperties": False,
    }


def _value(column: Column) -> dict[str, Any]:
    if column.type == "any":
        return {}
    return {"type": [column.type, "null"] if column.nullable else column.type}


def _get(summary: str, answers: Mapping[str, str]) -> dict[str, Any]:
    responses = {status: {"description": text} for status, text in answers.items()}
    return {"get": {"summary": summary, "responses": responses}}


def _response(description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
