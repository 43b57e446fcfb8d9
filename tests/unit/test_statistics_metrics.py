from collections.abc import Callable
from typing import Any

import numpy as np
import predictions_samples as samples
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn

from trainshed.statistics import bootstrap, metrics
from trainshed.statistics.means import Means
from trainshed.statistics.metrics import Metric
from trainshed.statistics.ranks import Ranks
from trainshed.statistics.sides import Classified, Measured, Side

COUNTED = ["accuracy", "precision", "recall", "f1"]
AVERAGED = ["f1_macro", "f1_weighted", "f1_micro", "precision_weighted", "recall_macro"]

# What a reader would call by hand. Nothing of ours is in here.
SCIKIT: dict[str, Callable[..., Any]] = {
    "accuracy": lambda t, a, s: sklearn.accuracy_score(t, a),
    "precision": lambda t, a, s: sklearn.precision_score(t, a, zero_division=0),
    "recall": lambda t, a, s: sklearn.recall_score(t, a, zero_division=0),
    "f1": lambda t, a, s: sklearn.f1_score(t, a, zero_division=0),
    "f1_macro": lambda t, a, s: sklearn.f1_score(t, a, average="macro", zero_division=0),
    "f1_weighted": lambda t, a, s: sklearn.f1_score(t, a, average="weighted", zero_division=0),
    "f1_micro": lambda t, a, s: sklearn.f1_score(t, a, average="micro", zero_division=0),
    "precision_weighted": lambda t, a, s: sklearn.precision_score(
        t, a, average="weighted", zero_division=0
    ),
    "recall_macro": lambda t, a, s: sklearn.recall_score(t, a, average="macro", zero_division=0),
    "roc_auc": lambda t, a, s: sklearn.roc_auc_score(t, s, multi_class="ovr"),
    "roc_auc_weighted": lambda t, a, s: sklearn.roc_auc_score(
        t, s, multi_class="ovr", average="weighted"
    ),
    "average_precision": lambda t, a, s: sklearn.average_precision_score(t, s),
    "average_precision_weighted": lambda t, a, s: sklearn.average_precision_score(
        t, s, average="weighted"
    ),
    "log_loss": lambda t, a, s: sklearn.log_loss(t, s, labels=range(3 if s.ndim == 2 else 2)),
    "brier": lambda t, a, s: sklearn.brier_score_loss(t, s, labels=range(3 if s.ndim == 2 else 2)),
    "mae": lambda t, a, s: sklearn.mean_absolute_error(t, a),
    "rmse": lambda t, a, s: sklearn.root_mean_squared_error(t, a),
    "r2": lambda t, a, s: sklearn.r2_score(t, a),
}
BINARY = [*COUNTED, "roc_auc", "average_precision", "log_loss", "brier"]
MULTICLASS = [
    "accuracy", *AVERAGED, "roc_auc", "roc_auc_weighted", "average_precision",
    "average_precision_weighted", "log_loss", "brier",
]  # fmt: skip
REGRESSION = ["mae", "rmse", "r2"]


@st.composite
def classified(draw: st.DrawFn, classes: int) -> Classified:
    """Any answers; few rows and rounded scores, so that ties and empty cells are common."""
    rows = draw(st.integers(classes + 2, 25))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    truth = np.concatenate([np.arange(classes), random.integers(classes, size=rows - classes)])
    score = random.integers(1, 6, size=(rows, classes)) / 5.0
    score = score[:, 1] if classes == 2 else score / score.sum(axis=1, keepdims=True)
    return Classified(
        classes=tuple("abc"[:classes]),
        truth=truth.astype(np.int32),
        answer=random.integers(classes, size=rows).astype(np.int32),
        score=score,
    )


def metric(name: str) -> Metric:
    found = metrics.named(name)
    assert found is not None
    return found


def by_hand(name: str, side: Side) -> float:
    score = side.score if isinstance(side, Classified) else None
    is_plain = metric(name).average is None and isinstance(side, Classified)
    if is_plain and len(side.classes) > 2 and name in {"precision", "recall", "f1"}:  # type: ignore[union-attr]
        name = f"{name}_macro"
    return float(SCIKIT[name](side.truth, side.answer, score))


@pytest.mark.filterwarnings("ignore")
@given(side=classified(2))
@settings(max_examples=50)
def test_binary_values_are_scikit_learns(side: Classified) -> None:
    for name in BINARY:
        assert metrics.why_not(metric(name), side) is None
        assert metrics.value(metric(name), side) == by_hand(name, side), name


@pytest.mark.filterwarnings("ignore")
@given(side=classified(3))
@settings(max_examples=50)
def test_multiclass_values_are_scikit_learns(side: Classified) -> None:
    for name in [*MULTICLASS, "f1"]:
        assert metrics.why_not(metric(name), side) is None
        assert metrics.value(metric(name), side) == pytest.approx(by_hand(name, side), rel=1e-15), (
            name
        )


@given(
    numbers=st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3)), min_size=2, max_size=30)
)
def test_regression_values_are_scikit_learns(numbers: list[tuple[float, float]]) -> None:
    side = Measured(truth=np.array(numbers)[:, 0], answer=np.array(numbers)[:, 1])

    for name in REGRESSION:
        assert metrics.value(metric(name), side) == by_hand(name, side)


@pytest.mark.filterwarnings("ignore")
@given(side=classified(2) | classified(3), seed=st.integers(0, 1_000))
@settings(max_examples=100)
def test_a_resamples_value_is_that_of_its_rows(side: Classified, seed: int) -> None:
    """The fast way (weights, ranks sorted once) tells what scikit-learn says of the rows drawn."""
    names = BINARY if side.is_binary else MULTICLASS
    order = np.argsort(side.truth, kind="stable")
    side = side.take(order)
    strata = np.bincount(side.truth).tolist()
    weights = bootstrap.draw(np.random.default_rng(seed), strata, 3)
    wanted = {name: metric(name) for name in names}
    ranked = Ranks(side, {n: m for n, m in wanted.items() if m.family == "ranks"}).values(weights)
    meant = Means(side, {n: m for n, m in wanted.items() if m.family == "means"}).values(weights)

    for place, row in enumerate(weights):
        drawn = side.take(np.repeat(np.arange(len(side)), row))
        tally = samples.tally_of(drawn)
        for name, one in wanted.items():
            found = {**ranked, **meant}[name][place] if name in {**ranked, **meant} else None
            if found is None:
                found = tally.values(one)[0]
            assert found == pytest.approx(by_hand(name, drawn), rel=1e-12, abs=1e-15), name


@pytest.mark.filterwarnings("ignore")
@given(side=classified(3), data=st.data())
@settings(max_examples=50)
def test_a_class_that_a_resample_lost_counts_as_scikit_learn_counts_it(
    side: Classified, data: st.DataObject
) -> None:
    rows = data.draw(st.lists(st.integers(0, len(side) - 1), min_size=1, max_size=6))
    drawn = side.take(np.array(rows))

    for name in ["accuracy", "f1", *AVERAGED]:
        found = samples.tally_of(drawn).values(metric(name))[0]
        assert found == pytest.approx(by_hand(name, drawn), rel=1e-12), name


@given(seed=st.integers(0, 1_000), shift=st.sampled_from([0.0, 1e6]))
def test_a_resamples_value_is_that_of_its_rows_in_a_regression(seed: int, shift: float) -> None:
    plain, _ = samples.regression_pair(20)
    side = Measured(truth=plain.truth + shift, answer=plain.answer + shift)
    weights = bootstrap.draw(np.random.default_rng(seed), [20], 3)

    found = Means(side, {name: metric(name) for name in REGRESSION}).values(weights)

    for place, row in enumerate(weights):
        drawn = side.take(np.repeat(np.arange(20), row))
        for name in REGRESSION:
            assert found[name][place] == pytest.approx(by_hand(name, drawn), rel=1e-9), name


@pytest.mark.parametrize("errors", [0.0, 1.0])
def test_r2_of_one_truth_alone_is_scikit_learns(errors: float) -> None:
    side = Measured(truth=np.full(5, 3.0), answer=np.full(5, 3.0 + errors))

    found = Means(side, {"r2": metric("r2")}).values(np.ones((1, 5), dtype=np.int64))

    assert found["r2"][0] == sklearn.r2_score(side.truth, side.answer)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        *((name, Metric(name=name)) for name in metrics.NAMES),
        ("f1_score", Metric(name="f1")),
        ("brier_score_loss", Metric(name="brier")),
        ("roc_auc_ovr", Metric(name="roc_auc")),
        ("roc_auc_ovr_weighted", Metric(name="roc_auc", average="weighted")),
        ("f1_macro", Metric(name="f1", average="macro")),
        ("precision_micro", Metric(name="precision", average="micro")),
        ("root_mean_squared_error", Metric(name="rmse")),
    ],
)
def test_a_trainers_name_means_a_metric(name: str, meant: Metric) -> None:
    assert metrics.named(name) == meant


@pytest.mark.parametrize(
    "name", ["auc", "rows", "f1_best", "accuracy_macro", "log_loss_weighted", "F1", "_macro", ""]
)
def test_any_other_name_is_the_trainers_own(name: str) -> None:
    assert metrics.named(name) is None


def test_losses_are_the_metrics_that_should_be_small() -> None:
    small = {name for name in metrics.NAMES if Metric(name=name).direction == "minimize"}

    assert small == {"log_loss", "brier", "mae", "rmse"}


def _side(truth: list[int], score: list[float] | None) -> Classified:
    return Classified(
        classes=("no", "yes"),
        truth=np.array(truth, dtype=np.int32),
        answer=np.array(truth, dtype=np.int32),
        score=None if score is None else np.array(score),
    )


@pytest.mark.parametrize(
    ("name", "side", "said"),
    [
        pytest.param("roc_auc", _side([0, 1], None), "no y_score", id="no-scores"),
        pytest.param("roc_auc", _side([0, 0], [0.1, 0.2]), "only 1 of 2 classes", id="one-class"),
        pytest.param("log_loss", _side([0, 1], [-3, 2]), "not a probability", id="log-odds"),
        pytest.param("f1_macro", _side([0, 1], None), None, id="macro-of-two"),
        pytest.param("roc_auc_weighted", _side([0, 1], [0, 1]), "more than two", id="auc-of-two"),
        pytest.param("rmse", _side([0, 1], None), "not a number", id="rmse-of-classes"),
        pytest.param("roc_auc", _side([0, 1], [-3, 2]), None, id="ranks-of-log-odds"),
        pytest.param("log_loss", _side([0, 0], [0.1, 0.2]), None, id="loss-of-one-class"),
    ],
)
def test_a_metric_without_value_says_why(name: str, side: Classified, said: str | None) -> None:
    found = metrics.why_not(metric(name), side)

    assert (found is None) if said is None else (said in str(found))
    if found is None:
        assert 0 <= metrics.value(metric(name), side) <= 1


def test_classes_of_one_name_have_an_accuracy_and_nothing_else() -> None:
    one = np.zeros(5, dtype=np.int32)
    side = Classified(classes=("no",), truth=one, answer=one, score=None)

    assert metrics.why_not(metric("accuracy"), side) is None
    assert metrics.why_not(metric("f1"), side) == "y_true and y_pred hold one class only"


def test_numbers_have_no_metric_of_classes() -> None:
    side, _ = samples.regression_pair()

    assert metrics.why_not(metric("f1"), side) == "y_true and y_pred are numbers, not classes"
