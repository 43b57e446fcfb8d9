import math
from collections.abc import Sequence
from typing import Any

import pytest

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

import numpy as np  # noqa: E402

from trainshed.exporting import forest  # noqa: E402
from trainshed.exporting.forest import Tree  # noqa: E402

STUMP = {
    "feature": [0, 0, 0],
    "left": [1, 0, 0],
    "right": [2, 0, 0],
    "is_leaf": [False, True, True],
    "weight": [0.0, 1.0, 2.0],
}
"""Left adds 1, right adds 2."""


def stump(threshold: float = 0.0, *, missing_left: bool = False, **more: Any) -> Tree:
    return Tree(
        threshold=[threshold, 0.0, 0.0],
        missing_left=[missing_left, False, False],
        **{"target": 0, **STUMP, **more},
    )


def asked(trees: Sequence[Tree], values: Sequence[float], *, targets: int = 1) -> list[Any]:
    """Ask onnxruntime, each value alone and all at once: it goes other ways for many."""
    helper, double = onnx.helper, onnx.TensorProto.DOUBLE
    attributes = forest.attributes(trees, targets=targets)
    node = helper.make_node("TreeEnsemble", ["X"], ["Y"], domain="ai.onnx.ml", **attributes)
    graph = helper.make_graph(
        [node],
        "trees",
        [helper.make_tensor_value_info("X", double, [None, 1])],
        [helper.make_tensor_value_info("Y", double, [None, targets])],
    )
    opsets = [helper.make_opsetid("", 19), helper.make_opsetid("ai.onnx.ml", 5)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.checker.check_model(made)
    session = onnxruntime.InferenceSession(made.SerializeToString())
    table = np.array([[value] for value in values])
    together = session.run(None, {"X": table})[0]
    alone = [session.run(None, {"X": row[None, :]})[0][0] for row in table]
    assert np.array_equal(together, np.array(alone))
    return together.tolist() if targets > 1 else together[:, 0].tolist()


@pytest.mark.parametrize("threshold", [0.1, 264.6, 1e-300, -3.5, 1 / 3])
def test_a_value_goes_left_up_to_the_threshold_and_not_the_smallest_step_further(
    threshold: float,
) -> None:
    beyond = math.nextafter(threshold, math.inf)

    assert asked([stump(threshold)], [threshold, beyond]) == [1.0, 2.0]


def test_a_missing_value_goes_where_training_sent_it() -> None:
    assert asked([stump(missing_left=True)], [math.nan]) == [1.0]
    assert asked([stump(missing_left=False)], [math.nan]) == [2.0]


@pytest.mark.parametrize("count", [3, 64, 200])
@pytest.mark.parametrize("missing_left", [False, True])
def test_a_set_of_categories_is_asked_exactly(count: int, missing_left: bool) -> None:
    """onnxruntime puts the first 64 into a mask, and asks for the others one by one."""
    codes = [float(code) for code in range(1, count + 1)]
    members = codes[::3]
    values = [*codes, count + 1.0, -1.0, math.nan]
    wanted = [1.0 if value in members else 2.0 for value in values[:-1]]
    wanted.append(1.0 if missing_left else 2.0)

    tree = stump(missing_left=missing_left, members={0: members})

    assert asked([tree], values) == wanted


def test_a_tree_of_one_leaf_adds_its_weight_whatever_comes() -> None:
    leaf = Tree(
        feature=[0], threshold=[0.0], left=[0], right=[0], is_leaf=[True],
        missing_left=[False], weight=[4.5], target=0,
    )  # fmt: skip

    assert asked([leaf, stump()], [-1.0, 1.0, math.nan]) == [5.5, 6.5, 6.5]


def test_each_tree_adds_to_its_own_target() -> None:
    trees = [stump(), stump(5.0, target=1), stump(7.0, target=1)]

    assert asked(trees, [6.0], targets=2) == [[2.0, 3.0]]


def test_numbers_are_summed_as_doubles() -> None:
    trees = [stump(weight=[0.0, 1e-12, 1.0]), stump(weight=[0.0, 1.0, 1.0])]

    assert asked(trees, [-1.0]) == [1.0 + 1e-12]
