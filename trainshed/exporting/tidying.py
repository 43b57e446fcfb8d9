"""What a model that skl2onnx made still needs: one output, its true type, names that are ours."""

from collections.abc import Mapping, Sequence
from typing import Any

import onnx


def keep_output(made: Any, index: int) -> None:
    """Leave one output; of nodes, constants and inputs, those that it needs."""
    graph = made.graph
    name = graph.output[index].name
    needed, kept = {name}, []
    for node in reversed(graph.node):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
    replace(graph.node, kept[::-1])
    for field in (graph.initializer, graph.input):
        replace(field, [one for one in field if one.name in needed])
    replace(graph.output, [graph.output[index]])
    _declare_true_type(made)


def _declare_true_type(made: Any) -> None:
    """skl2onnx guesses the output's type from the first column's; onnxruntime then refuses it."""
    output = made.graph.output[0]
    bare = type(made).FromString(made.SerializeToString())
    del bare.graph.output[:]
    for one in onnx.shape_inference.infer_shapes(bare).graph.value_info:
        if one.name == output.name:
            output.type.tensor_type.elem_type = one.type.tensor_type.elem_type


def rename_inputs(made: Any, names: Mapping[str, str]) -> None:
    """Give inputs names of ours: skl2onnx keeps letters and digits of a column's name only."""
    for one in made.graph.input:
        one.name = names[one.name]
    for node in made.graph.node:
        for at, name in enumerate(node.input):
            node.input[at] = names.get(name, name)


def replace(field: Any, values: Sequence[Any]) -> None:
    """Fill a repeated field anew; the values may be its own."""
    copies = [type(one).FromString(one.SerializeToString()) for one in values]
    del field[:]
    field.extend(copies)
