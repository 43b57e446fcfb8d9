"""Adding nodes to the graph that skl2onnx builds, in the few shapes that our converters need."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType

from trainshed.exporting import forest
from trainshed.exporting.forest import Tree

ML = "ai.onnx.ml"
_FLOAT, _DOUBLE = onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE
_STRING, _INT64 = onnx.TensorProto.STRING, onnx.TensorProto.INT64


class Graph:
    """One operator's part of the graph. Names stand for values; all numbers are doubles."""

    def __init__(self, scope: Any, operator: Any, container: Any) -> None:
        self._scope = scope
        self._operator = operator
        self._container = container

    def node(self, kind: str, *inputs: str, to: str | None = None, **attributes: Any) -> str:
        """Add a node of the standard operators; return its output, or call it `to`."""
        version = _versions[kind]
        return self._add(kind, inputs, output=to, version=version, attributes=attributes)

    def cast(self, name: str, kind: int) -> str:
        return self._add("Cast", [name], version=_versions["Cast"], attributes={"to": kind})

    def constant(self, values: Any, *, kind: int = _DOUBLE) -> str:
        name = str(self._scope.get_unique_variable_name("constant"))
        array = np.asarray(values, dtype=object if kind == _STRING else None)
        listed = [one.encode() for one in array.ravel()] if kind == _STRING else array.ravel()
        self._container.add_initializer(name, kind, list(array.shape), list(listed))
        return name

    def doubles(self) -> str:
        """Return all inputs as one matrix of doubles, [N, features]."""
        names = [
            one.full_name
            if isinstance(one.type, DoubleTensorType)
            else self.cast(one.full_name, _DOUBLE)
            for one in self._operator.inputs
        ]
        return self.concat(names)

    def rounded(self) -> str:
        """Return the inputs as what scikit-learn's older trees see: rounded to float32."""
        return self.cast(self.cast(self.doubles(), _FLOAT), _DOUBLE)

    def columns(self) -> list[tuple[str, bool]]:
        """Return each input column by itself, [N, 1], and whether it is text."""
        found = []
        for one in self._operator.inputs:
            is_text = isinstance(one.type, StringTensorType)
            is_double = isinstance(one.type, DoubleTensorType)
            name = one.full_name
            if not is_text and not is_double:
                name = self.cast(name, _DOUBLE)
            width = one.type.shape[1]
            names = [name] if width == 1 else [self.picked(name, [at]) for at in range(width)]
            found += [(each, is_text) for each in names]
        return found

    def concat(self, names: Sequence[str], *, to: str | None = None) -> str:
        if len(names) == 1:
            return names[0] if to is None else self.node("Identity", names[0], to=to)
        return self.node("Concat", *names, to=to, axis=1)

    def picked(self, name: str, columns: Sequence[int]) -> str:
        at = self.constant([int(one) for one in columns], kind=_INT64)
        return self.node("Gather", name, at, axis=1)

    def encoded(
        self,
        name: str,
        keys: Sequence[Any],
        values: Sequence[float],
        *,
        default: float = float("nan"),
    ) -> str:
        """Replace each key, text or number, by its value, and all else by the default."""
        is_text = isinstance(keys[0], str)
        kind = {"keys_strings": [one.encode() for one in keys]} if is_text else {}
        if not is_text:
            kind = {"keys_tensor": _tensor(keys)}
        given = {"values_tensor": _tensor(values), "default_tensor": _tensor([default])}
        return self._learnt("LabelEncoder", name, kind | given)

    def trees(self, name: str, trees: Sequence[Tree], *, targets: int) -> str:
        """Return the sums of the trees' leaves, [N, targets]."""
        return self._learnt("TreeEnsemble", name, forest.attributes(trees, targets=targets))

    def answer(self, kind: str, *inputs: str, output: int = 0, **attributes: Any) -> str:
        """Add the node whose output is the operator's own."""
        name = self._operator.outputs[output].full_name
        return self.node(kind, *inputs, to=name, **attributes)

    def answer_classes(self, raw: str, model: Any, *, binary: str, many: str = "Softmax") -> None:
        """Answer label and probabilities from raw values: of two classes one column, else each."""
        if len(model.classes_) == 2:
            second = self.node(binary, raw)
            first = self.node("Sub", self.constant([1.0]), second)
            probabilities = self.concat([first, second], to=self._operator.outputs[1].full_name)
        else:
            options = {"axis": 1} if many == "Softmax" else {}
            probabilities = self.answer(many, raw, output=1, **options)
        best = self.node("ArgMax", probabilities, axis=1, keepdims=0)
        is_text = isinstance(model.classes_[0], str)
        listed = [str(one) if is_text else int(one) for one in model.classes_]
        kind = _STRING if is_text else _INT64
        self.answer("Gather", self.constant(listed, kind=kind), best)

    def _learnt(self, kind: str, name: str, attributes: Mapping[str, Any]) -> str:
        """Add a node of ai.onnx.ml 5, under the version that skl2onnx still takes."""
        return self._add(kind, [name], domain=ML, version=3, attributes=attributes)

    def _add(
        self,
        kind: str,
        inputs: Sequence[str],
        *,
        version: int,
        output: str | None = None,
        domain: str = "",
        attributes: Mapping[str, Any],
    ) -> str:
        name = output or str(self._scope.get_unique_variable_name(kind.lower()))
        self._container.add_node(
            kind, list(inputs), name, op_version=version, op_domain=domain,
            name=self._scope.get_unique_operator_name(kind), **attributes,
        )  # fmt: skip
        return name


_versions = {
    "Add": 14, "And": 7, "ArgMax": 13, "Cast": 13, "Concat": 13, "Equal": 19, "Exp": 13,
    "Gather": 13, "Identity": 16, "IsNaN": 13, "Mul": 14, "Not": 1, "Sigmoid": 13, "Softmax": 13,
    "Sub": 14, "Where": 16,
}  # fmt: skip


def _tensor(values: Sequence[float]) -> Any:
    return onnx.numpy_helper.from_array(np.array([float(one) for one in values]))
