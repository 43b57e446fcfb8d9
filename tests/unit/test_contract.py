import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed.contract import Reader, Report, TrainerBrokeTheContract

DATA = "data/v1/train.csv"
WHOLE = (f"dataset={DATA}", "metric.f1=0.842", "artifact=models/churn.pkl")


def read(lines: Iterable[str], *, required: Iterable[str] = ()) -> Report:
    reader = Reader(data=DATA)
    for line in lines:
        reader.feed(line)
    return reader.finish(required_metrics=frozenset(required))


def test_the_designs_three_lines_are_a_report() -> None:
    assert read(WHOLE) == Report(
        dataset=DATA, metrics={"f1": 0.842}, params={}, files={"artifact": "models/churn.pkl"}
    )


def test_every_optional_line_is_taken_in_any_order() -> None:
    report = read(
        [
            "examples=models/churn.examples.jsonl",
            "param.max_depth=7",
            "param.note= a = b ",
            "predictions=models/churn.predictions.csv",
            *WHOLE,
            "metric.log_loss=3e-1",
            "schema=models/churn.schema.json",
        ]
    )

    assert report.metrics == {"f1": 0.842, "log_loss": 0.3}
    assert report.params == {"max_depth": "7", "note": "a = b"}
    assert report.files == {
        "artifact": "models/churn.pkl",
        "examples": "models/churn.examples.jsonl",
        "predictions": "models/churn.predictions.csv",
        "schema": "models/churn.schema.json",
    }


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("Epoch 3: loss=0.2", id="a-log-line"),
        pytest.param("", id="nothing"),
        pytest.param("f1=0.842", id="an-unknown-key"),
        pytest.param("metrics.f1=0.842", id="a-key-that-only-begins-alike"),
        pytest.param("metric_f1=abc", id="an-underscore-for-the-dot"),
        pytest.param(" artifact=other.pkl", id="indented"),
        pytest.param("the artifact=other.pkl", id="within-a-sentence"),
        pytest.param("ARTIFACT=other.pkl", id="in-capitals"),
        pytest.param("artifact: other.pkl", id="a-colon-for-the-equals-sign"),
        pytest.param("metric.f1 is nan", id="without-an-equals-sign"),
    ],
)
def test_a_line_of_the_programs_own_passes_through(line: str) -> None:
    assert read([line, *WHOLE, line]) == read(WHOLE)


@pytest.mark.parametrize("ending", ["\n", "\r\n", " \r\n"])
def test_the_ending_of_a_line_is_no_part_of_it(ending: str) -> None:
    assert read(line + ending for line in WHOLE) == read(WHOLE)


@pytest.mark.parametrize("path", [f"./{DATA}", "data//v1/train.csv", "data/v1/train.csv/"])
def test_another_spelling_of_the_datasets_path_is_the_same_dataset(path: str) -> None:
    assert read([f"dataset={path}", *WHOLE[1:]]).dataset == path


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param("metric.auc=abc", "is not a number", id="not-a-number"),
        pytest.param("metric.auc=", "is not a number", id="no-number"),
        pytest.param("metric.auc=0,8", "is not a number", id="a-comma"),
        pytest.param("metric.auc=80%", "is not a number", id="a-percentage"),
        pytest.param("metric.auc=1_0", "is not a number", id="an-underscore"),
        pytest.param("metric.auc=nan", "is not a finite number", id="nan"),
        pytest.param("metric.auc=NaN", "is not a finite number", id="nan-of-other-languages"),
        pytest.param("metric.auc=-inf", "is not a finite number", id="infinite"),
        pytest.param("metric.auc=1e999", "is not a finite number", id="too-large"),
        pytest.param("metric.f1=0.9", "gives f1 a second time", id="a-metric-twice"),
        pytest.param("metric.f1=0.842", "gives f1 a second time", id="even-if-it-is-the-same"),
        pytest.param("metric.=1", "has an odd name", id="a-metric-without-a-name"),
        pytest.param("metric.<b>=1", "has an odd name", id="an-odd-name"),
        pytest.param(f"metric.{'a' * 101}=1", "has an odd name", id="a-long-name"),
        pytest.param("param.|=1", "has an odd name", id="a-param-with-an-odd-name"),
        pytest.param("param.c=2", "gives c a second time", id="a-param-twice"),
        pytest.param("artifact=other.pkl", "is a second `artifact=`", id="a-second-artifact"),
        pytest.param(f"dataset={DATA}", "is a second `dataset=`", id="a-second-dataset"),
        pytest.param("schema=/tmp/schema.json", "it is absolute", id="an-absolute-path"),
        pytest.param("schema=../schema.json", "it leads upwards", id="a-path-outside"),
        pytest.param("schema=a/../../b", "it leads upwards", id="a-path-outside-in-the-end"),
        pytest.param("examples=", "it is empty", id="no-path"),
        pytest.param("predictions=a\0b", "it is empty or holds", id="a-zero-byte"),
    ],
)
def test_a_line_that_breaks_the_contract_stops_the_run_and_is_named(line: str, told: str) -> None:
    with pytest.raises(TrainerBrokeTheContract) as raised:
        read(["param.c=1", *WHOLE, line])

    assert raised.value.problem.startswith("The trainer's line `")
    assert line[:90] in raised.value.problem
    assert told in raised.value.problem
    assert raised.value.fix


def test_another_dataset_than_the_one_that_was_given_is_refused() -> None:
    with pytest.raises(
        TrainerBrokeTheContract, match=r"names another dataset .* data/v1/train\.csv"
    ):
        read(["dataset=data/v2/train.csv"])


def test_a_long_line_is_shown_in_part() -> None:
    with pytest.raises(TrainerBrokeTheContract) as raised:
        read([f"metric.auc={'x' * 9999}"])

    assert len(raised.value.problem) < 300


def test_more_names_than_anybody_reads_are_refused() -> None:
    with pytest.raises(TrainerBrokeTheContract, match="more than 10000"):
        read(f"param.p{number}=1" for number in range(10_001))


@pytest.mark.parametrize(
    ("left_out", "named"),
    [
        pytest.param(0, "dataset=<path>", id="dataset"),
        pytest.param(1, "metric.<name>=<number>", id="metrics"),
        pytest.param(2, "artifact=<path>", id="artifact"),
    ],
)
def test_a_required_line_that_is_missing_is_named(left_out: int, named: str) -> None:
    lines = [line for number, line in enumerate(WHOLE) if number != left_out]

    with pytest.raises(TrainerBrokeTheContract, match=f"never printed `{named}`"):
        read(lines)


def test_a_metric_that_trainshed_yml_judges_is_required() -> None:
    with pytest.raises(TrainerBrokeTheContract, match=r"never printed `metric\.auc=<number>`"):
        read(WHOLE, required=["f1", "log_loss", "auc"])


KEYS = (
    "dataset",
    "artifact",
    "schema",
    "predictions",
    "examples",
    "metric.a",
    "param.a",
    "metric.",
)
LINES = st.text() | st.builds("{}={}".format, st.sampled_from(KEYS), st.text())


@given(st.lists(LINES))
def test_no_output_does_anything_but_report_or_break_the_contract(lines: list[str]) -> None:
    try:
        report = read([*lines, *WHOLE])
    except TrainerBrokeTheContract as error:
        assert error.fix  # noqa: PT017  # either ending is right
    else:
        assert all(math.isfinite(value) for value in report.metrics.values())
        assert set(report.files) >= {"artifact"}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_read_to_the_last_digit(value: float) -> None:
    report = read([WHOLE[0], f"metric.f1={value!r}", WHOLE[2]])

    assert report.metrics == {"f1": value}
