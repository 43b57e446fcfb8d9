"""MLflow's and SageMaker's `/invocations`, and the `/ping` of both.

Requests are those of MLflow 2 and 3, and the CSV of SageMaker's containers. Answers are MLflow's
`{"predictions": […]}`, or CSV when a caller accepts that, as SageMaker's containers give it.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trainshed.serving import csv_rows, protocol
from trainshed.serving.protocol import JSON, Call, Headers, Response
from trainshed.serving.request import RequestIsRefused
from trainshed.serving.schema import Schema

CSV = "text/csv"

_SHAPE = (
    'Send {"dataframe_split": {"columns": […], "data": [[…], …]}}, or one of dataframe_records, '
    "instances and inputs."
)
_IGNORED = {"params", "signature_name"}
"""Of MLflow and TensorFlow Serving; the models served here have neither."""

_ERROR_CODES = {
    404: "ENDPOINT_NOT_FOUND",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}


@protocol.shallow
def call(body: bytes, headers: Headers, schema: Schema) -> Call:
    """Read a request.

    Raises:
        RequestIsRefused: the body is malformed, or a row does not fit the schema.
    """
    headers = list(headers)
    given = protocol.header(headers, b"content-type") or JSON
    kind, parameters = protocol.media_type(given)
    if parameters.get("charset", "utf-8") not in {"utf-8", "utf8"}:
        raise RequestIsRefused(415, f"The content type is {given}, but only UTF-8 is taken.")
    match kind:
        case "application/json":
            rows: list[Any] = _of_json(body, schema)
        case "text/csv":
            rows = list(csv_rows.of(body, schema, header=parameters.get("header")))
        case _:
            message = f"The content type is {given}. Send {JSON} or {CSV}."
            raise RequestIsRefused(415, message)
    render = _as_csv if _accepts_csv(protocol.header(headers, b"accept")) else _as_json
    return Call(rows=protocol.checked(rows, schema), render=render)


def refusal(error: RequestIsRefused) -> Response:
    """Write a refusal as MLflow does: what cannot be used is a 400, whatever is wrong with it."""
    code = "INVALID_PARAMETER_VALUE" if error.problems else None
    return failure(400 if error.status == 422 else error.status, str(error), code=code)


def failure(
    status: int,
    message: str,
    *,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    error_code = code or _ERROR_CODES.get(status, "BAD_REQUEST")
    content = {"error_code": error_code, "message": message}
    return protocol.json_response(content, status=status, headers=headers)


def ping(*, is_ready: bool) -> Response:
    """Tell whether predictions are answered: SageMaker sends traffic once this is a 200."""
    if not is_ready:
        return failure(503, "The model is still loading.", headers={"retry-after": "1"})
    return Response(status=200, body=b"\n")


def _of_json(body: bytes, schema: Schema) -> list[Any]:
    content = protocol.parsed(body, shape=_SHAPE)
    if not isinstance(content, dict):
        raise RequestIsRefused(422, f"The body is not an object. {_SHAPE}")
    formats = [name for name in _FORMATS if name in content]
    unknown = sorted(content.keys() - _FORMATS.keys() - _IGNORED)
    if unknown:
        raise RequestIsRefused(422, f"The body has unknown keys: {', '.join(unknown)}. {_SHAPE}")
    if len(formats) != 1:
        found = " and ".join(formats) or "none of the formats"
        raise RequestIsRefused(422, f"The body has {found}. {_SHAPE}")
    return _FORMATS[formats[0]](content[formats[0]], schema)


def _split(given: Any, schema: Schema) -> list[Any]:
    shape = 'dataframe_split should be {"columns": […], "data": [[…], …]}'
    if not isinstance(given, dict) or not isinstance(given.get("data"), list):
        raise RequestIsRefused(422, f"{shape}.")
    unknown = sorted(given.keys() - {"columns", "data", "index"})
    if unknown:
        raise RequestIsRefused(422, f"{shape}; it has unknown keys: {', '.join(unknown)}.")
    columns = given.get("columns")
    if columns is None:
        columns = protocol.names_of(schema)
    return protocol.named(
        given["data"], protocol.distinct(columns, where="dataframe_split: columns")
    )


def _records(given: Any, _: Schema) -> list[Any]:
    if not isinstance(given, list):
        raise RequestIsRefused(422, "dataframe_records should be a list of objects.")
    return given


def _instances(given: Any, schema: Schema) -> list[Any]:
    if not isinstance(given, list):
        raise RequestIsRefused(422, "instances should be a list of objects, or of lists.")
    return _objects_or_lists(given, schema)


def _inputs(given: Any, schema: Schema) -> list[Any]:
    """Take columns by their names, one row of scalars, or what `instances` takes."""
    match given:
        case list():
            return _objects_or_lists(given, schema)
        case dict() if not any(isinstance(values, list) for values in given.values()):
            return [given]
        case dict() if all(isinstance(values, list) for values in given.values()):
            return list(protocol.transposed(given))
    raise RequestIsRefused(422, 'inputs should be {"column": [value, …], …}, or a list of rows.')


def _objects_or_lists(given: list[Any], schema: Schema) -> list[Any]:
    if not given or any(isinstance(row, dict) for row in given):
        return given
    return list(protocol.named(given, protocol.names_of(schema)))


_FORMATS: dict[str, Callable[[Any, Schema], list[Any]]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": _instances,
    "inputs": _inputs,
}


def _accepts_csv(accept: str) -> bool:
    """Tell whether CSV comes before JSON in what the caller accepts."""
    for one in accept.split(","):
        kind, _ = protocol.media_type(one)
        if kind in {JSON, "*/*", "application/*"}:
            return False
        if kind == CSV:
            return True
    return False


def _as_json(answers: Sequence[Any]) -> Response:
    return protocol.json_response({"predictions": [protocol.prediction_of(one) for one in answers]})


def _as_csv(answers: Sequence[Any]) -> Response:
    text = io.StringIO()
    lines = (_cells(protocol.prediction_of(one)) for one in answers)
    csv.writer(text, lineterminator="\n").writerows(lines)
    body = text.getvalue().encode(errors="replace")
    return Response(status=200, body=body, content_type=f"{CSV}; charset=utf-8")


def _cells(prediction: Any) -> list[Any]:
    values = prediction if isinstance(prediction, list) else [prediction]
    return [json.dumps(one) if isinstance(one, dict | list) else one for one in values]
