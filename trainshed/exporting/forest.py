"""Decision trees as the attributes of one `TreeEnsemble` node (ai.onnx.ml 5), all in doubles.

The operators before it (`TreeEnsembleClassifier` and `-Regressor`) answer in float32 and know no
sets of categories. In this one an inner node asks one question of one feature, a leaf adds one
weight to one target.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

_LEQ, _MEMBER = 0, 6  # its enumeration of questions


@dataclass(frozen=True, kw_only=True)
class Tree:
    """A tree by node number, 0 is the root. Left is where `value <= threshold` goes."""

    feature: Sequence[int]
    threshold: Sequence[float]
    left: Sequence[int]
    right: Sequence[int]
    is_leaf: Sequence[bool]
    missing_left: Sequence[bool]
    """Whether NaN goes left."""
    weight: Sequence[float]
    """What a leaf adds."""
    target: int
    members: Mapping[int, Sequence[float]] = field(default_factory=dict)
    """Nodes that ask for a set instead of a threshold: what is in it goes left, NaN never is."""


@dataclass(kw_only=True)
class _Columns:
    """The operator's lists, one entry for each inner node, and one for each leaf."""

    roots: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    split: list[float] = field(default_factory=list)
    mode: list[int] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    left_is_leaf: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    right_is_leaf: list[int] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    members: list[float] = field(default_factory=list)

    def add(self, tree: Tree) -> None:
        inner = [node for node, leaf in enumerate(tree.is_leaf) if not leaf]
        leaves = [node for node, leaf in enumerate(tree.is_leaf) if leaf]
        first, first_leaf = len(self.feature), len(self.weight)
        place = {node: first + index for index, node in enumerate(inner)}
        place |= {node: first_leaf + index for index, node in enumerate(leaves)}
        self.roots.append(first)
        self.weight += [float(tree.weight[node]) for node in leaves]
        self.target += [tree.target] * len(leaves)
        for node in inner:
            self._ask(tree, node)
            left, right = int(tree.left[node]), int(tree.right[node])
            self._lead(place[left], place[right], tree.is_leaf[left], tree.is_leaf[right])
        if not inner:  # a tree that is one leaf: a question whose answers are the same
            self._question(0, 0.0, _LEQ, missing=False)
            self._lead(first_leaf, first_leaf, True, True)

    def _ask(self, tree: Tree, node: int) -> None:
        feature, missing = int(tree.feature[node]), bool(tree.missing_left[node])
        if node in tree.members:
            self._question(feature, 0.0, _MEMBER, missing=missing)
            self.members += [*map(float, tree.members[node]), float("nan")]
        else:
            self._question(feature, float(tree.threshold[node]), _LEQ, missing=missing)

    def _question(self, feature: int, split: float, mode: int, *, missing: bool) -> None:
        self.feature.append(feature)
        self.split.append(split)
        self.mode.append(mode)
        self.missing.append(int(missing))

    def _lead(self, left: int, right: int, left_is_leaf: bool, right_is_leaf: bool) -> None:
        self.left.append(left)
        self.right.append(right)
        self.left_is_leaf.append(int(left_is_leaf))
        self.right_is_leaf.append(int(right_is_leaf))


def attributes(trees: Sequence[Tree], *, targets: int) -> dict[str, Any]:
    """Return the attributes of the node that sums the leaves of these trees, for each target."""
    columns = _Columns()
    for tree in trees:
        columns.add(tree)
    given = {
        "n_targets": targets,
        "aggregate_function": 1,  # sum
        "post_transform": 0,  # none
        "tree_roots": columns.roots,
        "nodes_featureids": columns.feature,
        "nodes_splits": _tensor(columns.split),
        "nodes_modes": onnx.numpy_helper.from_array(np.array(columns.mode, dtype=np.uint8)),
        "nodes_missing_value_tracks_true": columns.missing,
        "nodes_truenodeids": columns.left,
        "nodes_trueleafs": columns.left_is_leaf,
        "nodes_falsenodeids": columns.right,
        "nodes_falseleafs": columns.right_is_leaf,
        "leaf_weights": _tensor(columns.weight),
        "leaf_targetids": columns.target,
    }
    if columns.members:
        given["membership_values"] = _tensor(columns.members)
    return given


def _tensor(values: Sequence[float]) -> Any:
    return onnx.numpy_helper.from_array(np.array(values, dtype=np.float64))
