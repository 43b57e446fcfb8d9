"""Tensors of the Open Inference Protocol: columns out of what was sent, and answers into them.

Values lie in JSON, or after it as bytes, as Triton's binary tensor data extension has them:
numbers little-endian, each text behind its length in four bytes.
"""

import itertools
import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from trainshed.serving import protocol
from trainshed.serving.request import RequestIsRefused
from trainshed.serving.schema import Problem, Type, shown

OF_TYPE: Mapping[Type, str] = {
    "string": "BYTES",
    "integer": "INT64",
    "number": "FP64",
    "boolean": "BOOL",
    "any": "BYTES",
}
"""The datatype under which the metadata offers a column."""

_LAYOUTS = {
    "BOOL": "?",
    "INT8": "b",
    "INT16": "h",
    "INT32": "i",
    "INT64": "q",
    "UINT8": "B",
    "UINT16": "H",
    "UINT32": "I",
    "UINT64": "Q",
    "FP16": "e",
    "FP32": "f",
    "FP64": "d",
}
_DATATYPES = ("BYTES", *_LAYOUTS)
_LENGTH = struct.Struct("<I")
_PLAIN_TYPES = (None, "np", "pd", "str")
"""Of MLServer's content types, those that say no more than the datatype does."""


@dataclass(frozen=True, kw_only=True)
class Tensor:
    name: str
    datatype: str
    shape: tuple[int, ...]
    """The number of rows and, of a table, that of the values in each."""
    values: Sequence[Any]
    """Row by row; a gap is None."""

    @property
    def width(self) -> int:
        return math.prod(self.shape[1:])

    def head(self, **parameters: Any) -> dict[str, Any]:
        about = {"name": self.name, "shape": list(self.shape), "datatype": self.datatype}
        return {**about, "parameters": {"content_type": "np", **parameters}}

    def packed(self) -> bytes:
        if self.datatype == "BYTES":
            texts = [text.encode(errors="replace") for text in self.values]
            return b"".join(_LENGTH.pack(len(text)) + text for text in texts)
        return struct.pack(f"<{len(self.values)}{_LAYOUTS[self.datatype]}", *self.values)


def read(given: Any, binary: BytesIO) -> Tensor:
    """Read one of a request's inputs; `binary` stands where its bytes begin, if it has any.

    Raises:
        RequestIsRefused: it is malformed, or one of its values is not of its datatype.
    """
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise RequestIsRefused(400, "Each of inputs should be an object with a name.")
    name, datatype, shape = given["name"], given.get("datatype"), _shape(given)
    if datatype not in _DATATYPES:
        raise _refusal(name, f"has the datatype {shown(datatype)}; take {', '.join(_DATATYPES)}")
    parameters = _parameters(name, given)
    size = parameters.get("binary_data_size")
    if size is None:
        values = _listed(name, datatype, given.get("data"), width=math.prod(shape[1:]))
    else:
        values = _unpacked(name, datatype, _bytes(name, size, binary))
    if len(values) != math.prod(shape):
        raise _refusal(name, f"has {len(values)} values, but its shape is {list(shape)}")
    return Tensor(name=name, datatype=datatype, shape=shape, values=values)


def of(name: str, values: Sequence[Any]) -> Tensor:
    """Make a tensor of one value per row; what has no datatype becomes text of JSON."""
    width = _width(values)
    flat = list(itertools.chain.from_iterable(values)) if width else values
    datatype = _datatype(flat)
    if datatype is None:
        width, flat, datatype = 0, [json.dumps(value) for value in values], "BYTES"
    return Tensor(name=name, datatype=datatype, shape=(len(values), width or 1), values=flat)


def _shape(given: Mapping[str, Any]) -> tuple[int, ...]:
    shape = given.get("shape")
    if (
        not isinstance(shape, list)
        or len(shape) not in {1, 2}
        or not all(type(size) is int and 0 < size < 2**31 for size in shape)
    ):
        problem = f"has the shape {shown(shape)}; it should be [rows], or [rows, values in each]"
        raise _refusal(given["name"], problem)
    return tuple(shape)


def _parameters(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    parameters = given.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise _refusal(name, "has parameters that are not an object")
    if "shared_memory_region" in parameters:
        raise _refusal(name, "lies in shared memory, which is not taken: send its data")
    if parameters.get("content_type") not in _PLAIN_TYPES:
        kind = shown(parameters["content_type"])
        raise _refusal(name, f"has the content type {kind}; take np, pd or str, or leave it out")
    return parameters


def _listed(name: str, datatype: str, data: Any, *, width: int) -> list[Any]:
    if not isinstance(data, list):
        raise _refusal(name, "should have a list of data")
    while data and all(isinstance(value, list) for value in data):
        data = list(itertools.chain.from_iterable(data))
    protocol.refuse(
        [
            Problem(row=index // width, column=name, expected=datatype, got=shown(value))
            for index, value in enumerate(data)
            if value is not None and not _is(datatype, value)
        ]
    )
    return list(data)


def _is(datatype: str, value: Any) -> bool:
    if datatype == "BYTES":
        return isinstance(value, str)
    if datatype == "BOOL" or isinstance(value, bool):
        return datatype == "BOOL" and isinstance(value, bool)
    if datatype.startswith("FP"):
        # An integer beyond 64 bits is refused here as it is in a row.
        return isinstance(value, float) or (isinstance(value, int) and abs(value) < 2**63)
    bits = int(datatype.removeprefix("U").removeprefix("INT"))
    least, most = (0, 2**bits) if datatype[0] == "U" else (-(2 ** (bits - 1)), 2 ** (bits - 1))
    return isinstance(value, int) and least <= value < most


def _bytes(name: str, size: Any, binary: BytesIO) -> bytes:
    if type(size) is not int or size < 0:
        raise _refusal(name, f"has the binary_data_size {shown(size)}; it should be a number")
    raw = binary.read(size)
    if len(raw) < size:
        raise _refusal(name, f"should have {size} bytes behind the JSON, but there are {len(raw)}")
    return raw


def _unpacked(name: str, datatype: str, raw: bytes) -> list[Any]:
    if datatype == "BYTES":
        return _texts(name, raw)
    layout = _LAYOUTS[datatype]
    count, rest = divmod(len(raw), struct.calcsize(f"<{layout}"))
    if rest:
        raise _refusal(name, f"has {len(raw)} bytes, which are no whole number of {datatype}")
    values = struct.unpack(f"<{count}{layout}", raw)
    # NaN is how tensors and tables say that there is no value.
    return [None if value != value else value for value in values]  # noqa: PLR0124


def _texts(name: str, raw: bytes) -> list[str]:
    texts: list[str] = []
    place = 0
    while place < len(raw):
        start = place + _LENGTH.size
        if start > len(raw):
            raise _refusal(name, "ends within the length of a text")
        place = start + _LENGTH.unpack_from(raw, place)[0]
        if place > len(raw):
            raise _refusal(name, "ends within a text")
        try:
            texts.append(raw[start:place].decode())
        except UnicodeDecodeError:
            got = "bytes that are not"
            problem = Problem(row=len(texts), column=name, expected="UTF-8 text", got=got)
            protocol.refuse([problem])
    return texts


def _width(values: Sequence[Any]) -> int:
    """Return how many numbers or texts each value lists, or 0 where they are no such lists."""
    widths = {len(value) if isinstance(value, list) else 0 for value in values}
    return widths.pop() if len(widths) == 1 else 0


def _datatype(values: Sequence[Any]) -> str | None:
    for datatype in ("BOOL", "INT64", "FP64", "BYTES"):
        if all(_is(datatype, value) for value in values):
            return datatype
    return None


def _refusal(name: str, problem: str) -> RequestIsRefused:
    return RequestIsRefused(400, f"The tensor {name!r} {problem}.")
