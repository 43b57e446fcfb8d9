"""The Open Inference Protocol, version 2, over HTTP: of KServe, Triton and MLServer.

A column is a tensor of its name; one tensor of all columns, in the schema's order, is taken too.
Outputs are named as MLServer's scikit-learn runtime names them: `predict`, which is what a request
without `outputs` gets, and `predict_proba`. Tensors may be binary, as tritonclient sends them and
asks for them unless it is told otherwise.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

from trainshed.serving import protocol, tensors
from trainshed.serving.protocol import Call, Headers, Response
from trainshed.serving.request import RequestIsRefused
from trainshed.serving.schema import Row, Schema, shown
from trainshed.serving.tensors import Tensor

EXTENSIONS = ("binary_tensor_data",)

_PATH = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?(/ready|/infer)?")
_LENGTH = "inference-header-content-length"
_SHAPE = 'Send {"inputs": [{"name": …, "shape": […], "datatype": …, "data": […]}, …]}.'
_PREDICT, _PROBABILITIES = "predict", "predict_proba"

Place = Literal["server", "live", "ready", "model", "model-ready", "infer"]


@dataclass(frozen=True, kw_only=True)
class Model:
    name: str
    version: str | None
    """None before it is released."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a path asks for, of which model; both are None where it names none."""

    place: Place
    model: str | None = None
    version: str | None = None

    @property
    def method(self) -> str:
        return "POST" if self.place == "infer" else "GET"


@dataclass(frozen=True, kw_only=True)
class _Output:
    name: str
    is_binary: bool


def asked(path: str) -> Asked | None:
    """Return what a path asks for, or None when it is none of this protocol's."""
    places: dict[str, Place] = {
        "/v2": "server",
        "/v2/health/live": "live",
        "/v2/health/ready": "ready",
    }
    if path in places:
        return Asked(place=places[path])
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    ends: dict[str | None, Place] = {"/infer": "infer", "/ready": "model-ready", None: "model"}
    return Asked(place=ends[found[3]], model=found[1], version=found[2])


def require(model: Model, what: Asked) -> None:
    """Refuse a path that names another model, or another version, than the one that is served."""
    if what.model not in {None, model.name}:
        raise RequestIsRefused(404, f"There is no model {what.model}. This is {model.name}.")
    if what.version not in {None, model.version}:
        version = model.version or "not released, so it has no version"
        raise RequestIsRefused(
            404, f"There is no version {what.version} of {model.name}. This is {version}."
        )


def live() -> Response:
    return protocol.json_response({"live": True})


def ready(*, is_ready: bool, model: Model | None = None) -> Response:
    """Tell whether predictions are answered, of the server or of its model."""
    about = {"name": model.name} if model else {}
    status, headers = (200, {}) if is_ready else (503, {"retry-after": "1"})
    return protocol.json_response({**about, "ready": is_ready}, status=status, headers=headers)


def server_metadata(*, version: str) -> Response:
    content = {"name": "trainshed", "version": version, "extensions": EXTENSIONS}
    return protocol.json_response(content)


def model_metadata(
    model: Model, schema: Schema, *, platform: str, example: Any | None = None
) -> Response:
    """Describe a model; `example` is one of its answers, which tells what its outputs are."""
    outputs = [] if example is None else [tensors.of(_PREDICT, [protocol.prediction_of(example)])]
    if example is not None and _has_scores(example):
        outputs.append(_probabilities([example]))
    content = {
        "name": model.name,
        **({"versions": [model.version]} if model.version else {}),
        "platform": platform,
        "inputs": [
            {"name": column.name, "datatype": tensors.OF_TYPE[column.type], "shape": [-1, 1]}
            for column in schema.columns or ()
        ],
        "outputs": [
            {"name": one.name, "datatype": one.datatype, "shape": [-1, one.width]}
            for one in outputs
        ],
    }
    return protocol.json_response(content)


@protocol.shallow
def call(body: bytes, headers: Headers, schema: Schema, *, model: Model) -> Call:
    """Read a request to infer.

    Raises:
        RequestIsRefused: the body is malformed, or a row does not fit the schema.
    """
    head, binary = _parts(body, list(headers))
    content = protocol.parsed(head, shape=_SHAPE)
    if not isinstance(content, dict) or not isinstance(content.get("inputs"), list):
        raise RequestIsRefused(400, f"The body has no list of inputs. {_SHAPE}")
    name = content.get("id")
    if not isinstance(name, str | None):
        raise RequestIsRefused(400, f"The id should be a string, got {shown(name)}.")
    outputs = _outputs(content)
    inputs = [tensors.read(given, binary) for given in content["inputs"]]
    if binary.read(1):
        raise RequestIsRefused(400, "Behind the JSON are more bytes than the inputs say.")
    rows = protocol.checked(_rows(inputs, schema), schema)
    render = functools.partial(_render, model=model, id_=name, outputs=outputs)
    return Call(rows=rows, render=render, id=name)


def refusal(error: RequestIsRefused) -> Response:
    """Write a refusal as Triton does: what cannot be used is a 400, whatever is wrong with it."""
    return failure(400 if error.status == 422 else error.status, str(error))


def failure(status: int, message: str, *, headers: Mapping[str, str] | None = None) -> Response:
    return protocol.json_response({"error": message}, status=status, headers=headers)


def _parts(body: bytes, headers: Headers) -> tuple[bytes, BytesIO]:
    """Return the JSON, and what lies behind it."""
    encoding = protocol.header(headers, b"content-encoding")
    if encoding.lower() not in {"", "identity"}:
        raise RequestIsRefused(415, f"The body is compressed ({encoding}). Send it as it is.")
    given = protocol.header(headers, _LENGTH.encode())
    if not given:
        return body, BytesIO()
    if not re.fullmatch(r"[0-9]{1,10}", given) or int(given) > len(body):
        message = f"{_LENGTH} is {given}, but the body has {len(body)} bytes."
        raise RequestIsRefused(400, message)
    return body[: int(given)], BytesIO(body[int(given) :])


def _outputs(content: Mapping[str, Any]) -> list[_Output]:
    """Return what is asked for; without a word about it, what MLServer gives."""
    wanted = content.get("outputs") or [{"name": _PREDICT}]
    if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
        raise RequestIsRefused(400, 'outputs should be a list of {"name": …}.')
    names = protocol.distinct([one.get("name") for one in wanted], where="outputs")
    is_binary = _parameters(content).get("binary_data_output") is True
    found = []
    for name, one in zip(names, wanted, strict=True):
        if name not in {_PREDICT, _PROBABILITIES}:
            message = f"There is no output {name!r}. Ask for {_PREDICT} or {_PROBABILITIES}."
            raise RequestIsRefused(400, message)
        parameters = _parameters(one)
        odd = {"classification", "shared_memory_region"} & parameters.keys()
        if odd:
            message = f"The output {name!r} asks for {min(odd)}, which is not given."
            raise RequestIsRefused(400, message)
        given = parameters.get("binary_data", is_binary) is True
        found.append(_Output(name=name, is_binary=given))
    return found


def _parameters(content: Mapping[str, Any]) -> Mapping[str, Any]:
    parameters = content.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise RequestIsRefused(400, "parameters should be an object.")
    return parameters


def _rows(inputs: Sequence[Tensor], schema: Schema) -> list[Row]:
    names = protocol.distinct([one.name for one in inputs], where="inputs")
    if not names:
        raise RequestIsRefused(400, f"The list of inputs is empty. {_SHAPE}")
    if len(inputs) == 1 and _is_table(inputs[0], schema):
        width, values = inputs[0].width, inputs[0].values
        lists = (list(values[at : at + width]) for at in range(0, len(values), width))
        return protocol.named(lists, protocol.names_of(schema))
    for one in inputs:
        if one.width != 1:
            message = f"The tensor {one.name!r} has {one.width} values in a row, not one."
            raise RequestIsRefused(400, message)
    return protocol.transposed({one.name: one.values for one in inputs})


def _is_table(tensor: Tensor, schema: Schema) -> bool:
    """Tell one tensor of all columns from one column: MLServer's clients name theirs `input-1`."""
    names = [column.name for column in schema.columns or ()]
    return tensor.name not in names and (tensor.width > 1 or len(names) == 1)


def _render(
    answers: Sequence[Any], *, model: Model, id_: str | None, outputs: Sequence[_Output]
) -> Response:
    heads, binary = [], []
    for output in outputs:
        tensor = _tensor(output.name, answers)
        if output.is_binary:
            packed = tensor.packed()
            binary.append(packed)
            heads.append(tensor.head(binary_data_size=len(packed)))
        else:
            heads.append({**tensor.head(), "data": tensor.values})
    content = {
        "model_name": model.name,
        **({"model_version": model.version} if model.version else {}),
        **({"id": id_} if id_ is not None else {}),
        "outputs": heads,
    }
    response = protocol.json_response(content)
    if not any(output.is_binary for output in outputs):
        return response
    return Response(
        status=200,
        body=b"".join([response.body, *binary]),
        content_type="application/octet-stream",
        headers={_LENGTH: str(len(response.body))},
    )


def _tensor(name: str, answers: Sequence[Any]) -> Tensor:
    if name == _PROBABILITIES:
        return _probabilities(answers)
    return tensors.of(_PREDICT, [protocol.prediction_of(answer) for answer in answers])


def _probabilities(answers: Sequence[Any]) -> Tensor:
    """Return a probability for each class, as `predict_proba` orders them.

    Of two classes an answer has that of the second.
    """
    if not all(map(_has_scores, answers)):
        message = f"This model gives no probabilities. Ask for {_PREDICT} alone."
        raise RequestIsRefused(400, message)
    rows = [
        list(answer["scores"].values())
        if "scores" in answer
        else [1 - answer["score"], answer["score"]]
        for answer in answers
    ]
    return tensors.of(_PROBABILITIES, [[float(value) for value in row] for row in rows])


def _has_scores(answer: Any) -> bool:
    if not isinstance(answer, Mapping):
        return False
    scores = answer.get("scores", {"": answer.get("score")})
    return (
        isinstance(scores, Mapping)
        and bool(scores)
        and all(isinstance(score, int | float) for score in scores.values())
    )
