from typing import Any

import numpy as np
import predictions_samples as samples
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trainshed.statistics import bootstrap, difference, metrics, seed
from trainshed.statistics.means import Means
from trainshed.statistics.metrics import Metric
from trainshed.statistics.ranks import Ranks
from trainshed.statistics.sides import Classified

IDS = ("baseline", "candidate")
OF_CLASSES = {
    name: Metric(name=name)
    for name in ("accuracy", "precision", "recall", "f1", "roc_auc", "average_precision",
                 "log_loss", "brier")
}  # fmt: skip
OF_NUMBERS = {name: Metric(name=name) for name in ("mae", "rmse", "r2")}


def resample(pair: Any, names: dict[str, Metric], **options: Any) -> dict[str, Any]:
    given_ = {"run_ids": IDS, "paired": True, "resamples": 400, **options}
    return bootstrap.resample(pair, names, **given_)


@pytest.mark.parametrize("name", ["accuracy", "f1", "log_loss", "brier", "roc_auc"])
def test_intervals_agree_with_scipys_on_the_same_resamples(name: str) -> None:
    """SciPy draws the rows and asks scikit-learn; ours sees how often each was drawn."""
    pair = samples.binary_pair(80)
    metric = Metric(name=name)
    weights: list[Any] = []

    def statistic(rows: Any) -> float:
        rows = rows.astype(int)
        weights.append(np.bincount(rows, minlength=80))
        return metrics.value(metric, pair[1].take(rows)) - metrics.value(metric, pair[0].take(rows))

    theirs = stats.bootstrap(
        (np.arange(80),), statistic, n_resamples=300, method="percentile", vectorized=False,
        rng=np.random.default_rng(7),
    )  # fmt: skip

    drawn = [one for one in weights if one.max() > 1]  # the first call is that of the sample
    ours = _on(np.array(drawn[-300:]), pair, metric)
    assert len(drawn) == 300
    assert np.sort(ours) == pytest.approx(np.sort(theirs.bootstrap_distribution), abs=1e-12)
    many = difference.of(0.0, ours, rows=10**9)  # so many that nothing is widened
    assert many.interval() == pytest.approx(tuple(theirs.confidence_interval), abs=1e-9)


def _on(weights: Any, pair: tuple[Classified, Classified], metric: Metric) -> Any:
    if metric.family == "counts":
        tallies = [
            [samples.tally_of(side.take(np.repeat(np.arange(80), row))) for side in pair]
            for row in weights
        ]
        return np.array([(b.values(metric) - a.values(metric))[0] for a, b in tallies])
    scorer: Any = Means if metric.family == "means" else Ranks
    first, second = (scorer(side, {"it": metric}).values(weights)["it"] for side in pair)
    return second - first


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "f1"])
def test_counts_of_cells_vary_as_counts_of_rows_do(name: str) -> None:
    """Two samples of one distribution: SciPy's, by rows, and ours, by cells."""
    pair = samples.binary_pair(120)
    ours = resample(pair, {name: Metric(name=name)}, resamples=20_000)[name]
    scores = {
        "accuracy": lambda t, a: (t == a).mean(-1),
        "precision": lambda t, a: (t & a).sum(-1) / a.sum(-1),
        "recall": lambda t, a: (t & a).sum(-1) / t.sum(-1),
        "f1": lambda t, a: 2 * (t & a).sum(-1) / (t.sum(-1) + a.sum(-1)),
    }
    rows = np.random.default_rng(0).integers(120, size=(20_000, 120))
    truth, before, after = pair[0].truth[rows], pair[0].answer[rows], pair[1].answer[rows]
    theirs = scores[name](truth, after) - scores[name](truth, before)

    assert stats.ks_2samp(ours, theirs).pvalue > 0.001
    assert np.quantile(ours, [0.025, 0.975]) == pytest.approx(
        np.quantile(theirs, [0.025, 0.975]), abs=0.01
    )


def test_the_spread_of_roc_auc_agrees_with_delong() -> None:
    """DeLong's variance is another road to the same: from placements, without resampling."""
    pair = samples.binary_pair(2_000, decimals=9)
    found = resample(pair, {"roc_auc": OF_CLASSES["roc_auc"]}, resamples=2_000)["roc_auc"]

    truth = pair[0].truth == 1
    placed = []
    for side in pair:
        high, low = side.score[truth], side.score[~truth]  # type: ignore[index]
        wins = (high[:, None] > low).astype(float)
        placed.append((wins.mean(axis=1), wins.mean(axis=0)))
    by_row = [placed[1][kind] - placed[0][kind] for kind in (0, 1)]
    delong = sum(np.var(one, ddof=1) / len(one) for one in by_row) ** 0.5

    assert found.std() == pytest.approx(delong, rel=0.06)


@given(rows=st.integers(5, 60))
@settings(max_examples=20, deadline=None)
def test_swapping_the_runs_turns_every_sign(rows: int) -> None:
    for pair, names in (
        (samples.binary_pair(rows), OF_CLASSES),
        (samples.multiclass_pair(rows), {"f1": OF_CLASSES["f1"], "roc_auc": OF_CLASSES["roc_auc"]}),
        (samples.regression_pair(rows), OF_NUMBERS),
    ):
        there = resample(pair, names, resamples=50)
        back = resample(pair[::-1], names, run_ids=IDS[::-1], resamples=50)

        for name in names:
            assert there[name].tolist() == (-back[name]).tolist()


@pytest.mark.parametrize("paired", [True, False])
def test_the_same_runs_get_the_same_resamples_and_others_get_others(paired: bool) -> None:
    pair = samples.binary_pair(60)
    names = {"f1": OF_CLASSES["f1"], "brier": OF_CLASSES["brier"]}
    first = resample(pair, names, paired=paired)
    again = resample(pair, names, paired=paired)
    other = resample(pair, names, paired=paired, run_ids=("baseline", "another"))

    for name in names:
        assert first[name].tolist() == again[name].tolist()
        assert first[name].tolist() != other[name].tolist()


def test_the_seed_of_two_runs_never_changes() -> None:
    """Pinned: an interval that was published can be computed again."""
    found = seed.sequence("a", "b", purpose="counts")

    assert found.entropy == seed.sequence("b", "a", purpose="counts").entropy
    assert np.random.default_rng(found).integers(1_000_000, size=3).tolist() == [
        343557,
        44379,
        390114,
    ]


def test_threads_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = samples.binary_pair(3_000)
    names = {name: OF_CLASSES[name] for name in ("roc_auc", "log_loss")}
    alone = resample(pair, names)
    monkeypatch.setattr(bootstrap, "_WORTH_THREADS", 1)

    together = resample(pair, names)

    for name in names:
        assert together[name].tolist() == alone[name].tolist()


def test_a_pair_has_a_narrower_interval_than_strangers() -> None:
    pair = samples.binary_pair(500)
    first, second = pair
    similar = first, first.take(np.arange(500))
    del second

    together = resample(similar, OF_CLASSES)
    apart = resample(similar, OF_CLASSES, paired=False)

    for name in OF_CLASSES:
        assert together[name].std() == 0
        assert apart[name].std() > 0


def test_many_classes_are_resampled_in_bounded_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from trainshed.statistics import counts

    pair = samples.multiclass_pair(200, classes=8)
    names = {"f1": Metric(name="f1"), "f1_weighted": Metric(name="f1", average="weighted")}
    monkeypatch.setattr(counts, "_BLOCK", 1_000)

    found = resample(pair, names)

    assert {name: len(values) for name, values in found.items()} == dict.fromkeys(names, 400)
    for name, metric in names.items():
        true = metrics.value(metric, pair[1]) - metrics.value(metric, pair[0])
        assert abs(found[name].mean() - true) < 0.02


def test_a_thousand_classes_fit_into_memory_and_are_counted_rightly() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(1_000, size=5_000).astype(np.int32)
    answers = [np.where(random.random(5_000) < 0.8, truth, truth[::-1]) for _ in (1, 2)]
    pair = tuple(
        Classified(
            classes=tuple(map(str, range(1_000))),
            truth=truth,
            answer=answer.astype(np.int32),
            score=None,
        )
        for answer in answers
    )

    found = resample(pair, {"accuracy": OF_CLASSES["accuracy"]}, resamples=2_000)["accuracy"]

    right = [(answer == truth).astype(float) for answer in answers]
    assert found.mean() == pytest.approx((right[1] - right[0]).mean(), abs=0.002)
    assert found.std() == pytest.approx((right[1] - right[0]).std() / 5_000**0.5, rel=0.1)


def test_ranks_of_very_many_classes_say_that_they_would_take_hours() -> None:
    pair = samples.multiclass_pair(90)
    many = tuple(one.take(np.tile(np.arange(90), 20_000)) for one in pair)

    assert bootstrap.why_not(pair, OF_CLASSES["roc_auc"]) is None
    assert "would take hours" in str(bootstrap.why_not(many, OF_CLASSES["roc_auc"]))  # type: ignore[arg-type]
    assert bootstrap.why_not(many, OF_CLASSES["log_loss"]) is None  # type: ignore[arg-type]
