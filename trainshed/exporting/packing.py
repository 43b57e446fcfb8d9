"""Handing all numbers to a converted model as one matrix instead of one input per column.

An input costs as much as a small node does: with fifteen columns of numbers one row takes half the
time. Text stays one input per column, which is how it is looked up.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper

from trainshed.exporting.tidying import replace
from trainshed.serving.onnx_model import COLUMN, NUMBERS
from trainshed.serving.schema import Column


def pack(made: Any, columns: Sequence[Column]) -> list[str]:
    """Replace the inputs of numbers by one matrix; return the columns in its order."""
    graph = made.graph
    inputs = {one.name for one in graph.input}
    if NUMBERS in inputs:  # it takes a matrix already
        return [column.name for column in columns]
    names = [f"{COLUMN}{one.name}" for one in columns if one.type != "string"]
    order = _order(graph, [name for name in names if name in inputs])
    if order:
        _feed_from_matrix(graph, order)
    return [name.removeprefix(COLUMN) for name in order]


def _order(graph: Any, numbers: Sequence[str]) -> list[str]:
    """The order in which most of them are put together anyway, then the rest."""
    known = set(numbers)
    joined = [list(one.input) for one in graph.node if one.op_type == "Concat"]
    whole = [names for names in joined if set(names) <= known and len(set(names)) == len(names)]
    first = max(whole, key=len, default=[])
    return [*first, *(name for name in numbers if name not in set(first))]


def _feed_from_matrix(graph: Any, order: Sequence[str]) -> None:
    place = {name: at for at, name in enumerate(order)}
    nodes, used_alone = [], set()
    for node in graph.node:
        if node.op_type == "Concat" and set(node.input) <= place.keys():
            columns = [place[name] for name in node.input]
            nodes.append(_picked(graph, columns, node.output[0], width=len(order)))
        else:
            nodes.append(node)
            used_alone |= set(node.input) & place.keys()
    alone = [
        _picked(graph, [place[name]], name, width=len(order))
        for name in order
        if name in used_alone
    ]
    replace(graph.node, [*alone, *nodes])
    kept = [one for one in graph.input if one.name not in place]
    matrix = helper.make_tensor_value_info(NUMBERS, onnx.TensorProto.DOUBLE, [None, len(order)])
    replace(graph.input, [*kept, matrix])


def _picked(graph: Any, columns: Sequence[int], output: str, *, width: int) -> Any:
    if list(columns) == list(range(width)):
        return helper.make_node("Identity", [NUMBERS], [output])  # onnxruntime removes it
    name = f"{NUMBERS}:{output}"
    graph.initializer.append(onnx.numpy_helper.from_array(np.array(columns, dtype=np.int64), name))
    return helper.make_node("Gather", [NUMBERS, name], [output], axis=1)
