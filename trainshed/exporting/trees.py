"""Converters of scikit-learn's trees, exact in doubles, with splits on sets of categories.

skl2onnx 1.20 converts them to operators that answer in float32, and takes a split on categories
for one on numbers. Ours replace its own in this process, through its own registry.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common.data_types import DoubleTensorType, Int64TensorType, StringTensorType
from sklearn import ensemble, tree

from trainshed.exporting.forest import Tree
from trainshed.exporting.graph import Graph


class ModelIsUnusual(NotImplementedError):
    """The model was fitted with an option that these converters do not know."""


def register() -> None:
    """Put these converters in the place of skl2onnx's own."""
    classifier, regressor = _shapes_of_classes, _shape_of_numbers
    options = {"zipmap": [True, False, "columns"], "nocl": [True, False], "raw_scores": [False]}
    for kind, shapes, convert in (
        (ensemble.HistGradientBoostingClassifier, classifier, _boosted_bins_classifier),
        (ensemble.HistGradientBoostingRegressor, regressor, _boosted_bins_regressor),
        (ensemble.GradientBoostingClassifier, classifier, _boosted_classifier),
        (ensemble.GradientBoostingRegressor, regressor, _boosted_regressor),
        (ensemble.RandomForestClassifier, classifier, _forest_classifier),
        (ensemble.ExtraTreesClassifier, classifier, _forest_classifier),
        (ensemble.RandomForestRegressor, regressor, _forest_regressor),
        (ensemble.ExtraTreesRegressor, regressor, _forest_regressor),
        (tree.DecisionTreeClassifier, classifier, _forest_classifier),
        (tree.DecisionTreeRegressor, regressor, _forest_regressor),
    ):
        update_registered_converter(
            kind,
            f"Trainshed{kind.__name__}",
            shapes,
            convert,
            options=options if shapes is classifier else None,
        )


def _shapes_of_classes(operator: Any) -> None:
    rows, classes = operator.inputs[0].get_first_dimension(), operator.raw_operator.classes_
    kind = StringTensorType if isinstance(classes[0], str) else Int64TensorType
    operator.outputs[0].type = kind([rows])
    operator.outputs[1].type = DoubleTensorType([rows, len(classes)])


def _shape_of_numbers(operator: Any) -> None:
    rows = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type = DoubleTensorType([rows, 1])


def columns_of(model: Any) -> tuple[Sequence[int], Sequence[bool]]:
    """Return, for each feature as its trees number them, the column given, and if it is a category.

    Gradient boosting over bins puts categories first.
    """
    categorical = getattr(model, "is_categorical_", None)
    if categorical is None or getattr(model, "_preprocessor", None) is None:
        count = int(model.n_features_in_)
        return range(count), [False] * count
    block = model._preprocessor.named_transformers_.get("encoder")
    first = 0 if block in {None, "drop"} else len(block.categories_)
    named = [_mask_of(model, name) for name in ("encoder", "numerical")]
    order = [int(column) for mask in named for column in np.flatnonzero(mask)]
    return order, [index < first for index in range(len(order))]


def _mask_of(model: Any, name: str) -> Any:
    masks = {part: columns for part, _, columns in model._preprocessor.transformers_}
    return masks.get(name, np.zeros(model.n_features_in_, dtype=bool))


def _boosted_bins_classifier(scope: Any, operator: Any, container: Any) -> None:
    graph, model = Graph(scope, operator, container), operator.raw_operator
    raw = _boosted_bins(graph, model)
    graph.answer_classes(raw, model, binary="Sigmoid")


def _boosted_bins_regressor(scope: Any, operator: Any, container: Any) -> None:
    graph, model = Graph(scope, operator, container), operator.raw_operator
    links = {"IdentityLink": "Identity", "LogLink": "Exp"}
    link = type(model._loss.link).__name__
    if link not in links:
        raise ModelIsUnusual(f"its loss {model.loss!r} has the link {link}")
    graph.answer(links[link], _boosted_bins(graph, model))


def _boosted_bins(graph: Graph, model: Any) -> str:
    """Return the sum of the trees and the baseline, [N, trees per iteration]."""
    order, categorical = columns_of(model)
    known = _categories(model, sum(categorical))
    # In one node, sets are asked of codes 1, 2, …: onnxruntime puts those up to 64 into one mask,
    # which cuts the fraction off what it is asked. A value that is no category has no code: NaN.
    values = sorted({value for those in known for value in those})
    code = {value: float(index) for index, value in enumerate(values, start=1)}
    name = graph.doubles()
    if values:
        codes = graph.encoded(graph.picked(name, order[: len(known)]), values, [*code.values()])
        rest = order[len(known) :]
        name = graph.concat([codes, graph.picked(name, rest)] if rest else [codes])
    elif list(order) != list(range(len(order))):
        name = graph.picked(name, order)
    trees = [
        _tree_of_bins(predictor, target, [[code[value] for value in those] for those in known])
        for iteration in model._predictors
        for target, predictor in enumerate(iteration)
    ]
    baseline = np.ravel(model._baseline_prediction)
    total = graph.trees(name, trees, targets=len(baseline))
    return graph.node("Add", total, graph.constant(baseline))


def _categories(model: Any, count: int) -> list[list[float]]:
    """Return the values of each category column in the order of their codes in the trees."""
    if not count:
        return []
    encoder = model._preprocessor.named_transformers_["encoder"]
    known = []
    for values in encoder.categories_:
        if any(isinstance(value, str) for value in values):
            raise ModelIsUnusual("it takes text as it is; put an OrdinalEncoder before it")
        numbers = map(float, values)
        known.append([value for value in numbers if not np.isnan(value)])
    return known


def _tree_of_bins(predictor: Any, target: int, codes: Sequence[Sequence[float]]) -> Tree:
    nodes = predictor.nodes
    missing = nodes["missing_go_to_left"].astype(bool).tolist()
    left, right = nodes["left"].tolist(), nodes["right"].tolist()
    members = {}
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & (nodes["is_leaf"] == 0)):
        known = codes[int(nodes["feature_idx"][node])]
        bits = predictor.raw_left_cat_bitsets[int(nodes["bitset_idx"][node])]
        goes_left = [_bit(bits, index) for index in range(len(known))]
        if missing[node]:  # what is unknown goes where NaN does: so name what goes right instead
            goes_left = [not left for left in goes_left]
            left[node], right[node] = right[node], left[node]
            missing[node] = False
        members[int(node)] = [code for code, goes in zip(known, goes_left, strict=True) if goes]
    return Tree(
        feature=nodes["feature_idx"].tolist(),
        threshold=nodes["num_threshold"].tolist(),
        left=left,
        right=right,
        is_leaf=nodes["is_leaf"].astype(bool).tolist(),
        missing_left=missing,
        weight=nodes["value"].tolist(),
        target=target,
        members=members,
    )


def _bit(words: Any, index: int) -> bool:
    return bool(int(words[index // 32]) >> (index % 32) & 1)


def _boosted_classifier(scope: Any, operator: Any, container: Any) -> None:
    graph, model = Graph(scope, operator, container), operator.raw_operator
    raw = _boosted(graph, model)
    if model.loss == "exponential":
        raw = graph.node("Mul", raw, graph.constant([2.0]))
    graph.answer_classes(raw, model, binary="Sigmoid")


def _boosted_regressor(scope: Any, operator: Any, container: Any) -> None:
    graph = Graph(scope, operator, container)
    graph.answer("Identity", _boosted(graph, operator.raw_operator))


def _boosted(graph: Graph, model: Any) -> str:
    if model.init is not None and model.init != "zero":
        raise ModelIsUnusual("it starts from a model of its own (init=)")
    trees = [
        _tree(one, target, one.tree_.value[:, 0, 0] * model.learning_rate)
        for stage in model.estimators_
        for target, one in enumerate(stage)
    ]
    start = np.ravel(model._raw_predict_init(np.zeros((1, model.n_features_in_))))
    total = graph.trees(graph.rounded(), trees, targets=len(start))
    return graph.node("Add", total, graph.constant(start))


def _forest_classifier(scope: Any, operator: Any, container: Any) -> None:
    graph, model = Graph(scope, operator, container), operator.raw_operator
    if np.ndim(model.classes_[0]):
        raise ModelIsUnusual("it answers several outputs at once")
    trees = getattr(model, "estimators_", [model])
    # Of two classes one share is enough. A leaf adds to one target only: a copy for each of more.
    count = len(model.classes_)
    shares = range(1, 2) if count == 2 else range(count)
    grown = []
    for one in trees:
        value = one.tree_.value[:, 0, :]
        share = value / value.sum(axis=1, keepdims=True) / len(trees)
        grown += [_tree(one, target, share[:, of]) for target, of in enumerate(shares)]
    total = graph.trees(graph.rounded(), grown, targets=len(shares))
    graph.answer_classes(total, model, binary="Identity", many="Identity")


def _forest_regressor(scope: Any, operator: Any, container: Any) -> None:
    graph, model = Graph(scope, operator, container), operator.raw_operator
    trees = getattr(model, "estimators_", [model])
    if trees[0].tree_.value.shape[1] != 1:
        raise ModelIsUnusual("it answers several outputs at once")
    grown = [_tree(one, 0, one.tree_.value[:, 0, 0] / len(trees)) for one in trees]
    graph.answer("Identity", graph.trees(graph.rounded(), grown, targets=1))


def _tree(one: Any, target: int, weight: Any) -> Tree:
    nodes = one.tree_
    missing = getattr(nodes, "missing_go_to_left", np.zeros(nodes.node_count))
    return Tree(
        feature=nodes.feature.tolist(),
        threshold=nodes.threshold.tolist(),
        left=nodes.children_left.tolist(),
        right=nodes.children_right.tolist(),
        is_leaf=(nodes.children_left == -1).tolist(),
        missing_left=np.asarray(missing, dtype=bool).tolist(),
        weight=np.asarray(weight).tolist(),
        target=target,
    )
