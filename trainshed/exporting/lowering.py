"""Lower case taken out of a converted model, and left to whoever feeds it.

onnxruntime lowers text letter by letter, in a locale that must be installed; Python's `str.lower`,
which is what scikit-learn uses, knows letters that become two.
"""

from collections.abc import Iterator
from typing import Any

from onnx import helper

from trainshed.serving.onnx_model import COLUMN

_PASSING = {"Reshape", "Flatten", "Identity"}


def lower_outside(made: Any) -> list[str]:
    """Return the columns that are only ever lowered first; inside the model they no longer are."""
    lowered = []
    for name in (one.name for one in made.graph.input):
        users = list(_users(made.graph, name))
        if users and all(map(_only_lowers, users)):
            lowered.append(name.removeprefix(COLUMN))
            for node in users:
                node.CopyFrom(helper.make_node("Identity", list(node.input), list(node.output)))
    return lowered


def _users(graph: Any, name: str) -> Iterator[Any]:
    """Yield the nodes that read a value, past those that only change its shape."""
    for node in graph.node:
        if name not in node.input:
            continue
        if node.op_type in _PASSING:
            yield from _users(graph, node.output[0])
        else:
            yield node


def _only_lowers(node: Any) -> bool:
    given = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    is_lower = given.get("case_change_action") == b"LOWER"
    return node.op_type == "StringNormalizer" and is_lower and not given.get("stopwords")
