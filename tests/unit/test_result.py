"""What a pull request's job uploads: read again as it was made, or refused with a reason."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import records
import results
from results import BAD, BASE, BEFORE, GOOD, HEAD

from trainshed import contract, result
from trainshed.contract import TrainerBrokeTheContract
from trainshed.result import Result, ResultIsNotToBeTrusted
from trainshed.trainer import TrainerFailed

HONEST = {
    "better": results.compared(),
    "worse": results.compared(BAD),
    "first": results.compared(parent=None),
    "with-further-metrics": results.compared({**GOOD, "auc@5/eu": 0.5}, parent={"f1": 0.9}),
    "missing": results.compared({"f1": 0.9}),
    "without-predictions": results.compared(predictions=None),
    "failed": results.failed(),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_result_is_read_as_it_was_made(name: str, tmp_path: Path) -> None:
    path = tmp_path / "folder" / result.NAME
    result.write(HONEST[name], path)

    assert read(path.read_bytes()) == HONEST[name]


def test_a_result_against_both_baselines_is_read_as_it_was_made() -> None:
    comparison = records.compare(GOOD, parent=BEFORE, live=BAD)
    run = replace(records.RUN, run_id="1" * 64, metrics=GOOD)
    made = result.of_comparison(comparison, run=run, head=HEAD, base=BASE)

    assert read(made.to_json().encode()) == made


def of_an_older_version(document: Any) -> None:
    """Turn a result into one of format 1, which knew of no evidence."""
    compared = document["comparison"]
    compared["format"] = 1
    for name in ("policy", "noise", "leakage", "determinism"):
        del compared[name]
    for base in compared["baselines"]:
        for name in set(base) - {"name", "side", "findings", "is_same_run"}:
            del base[name]
        for one in base["findings"]:
            del one["level"], one["why_not"]


@pytest.mark.parametrize("name", ["better", "worse", "first", "with-further-metrics"])
def test_a_result_of_an_older_version_is_judged_by_its_numbers(name: str) -> None:
    made = read(results.content(HONEST[name], of_an_older_version))

    assert made.comparison is not None
    assert HONEST[name].comparison is not None
    assert made.comparison.verdict == HONEST[name].comparison.verdict
    assert made.comparison.format == 1


def test_a_comparison_of_a_newer_version_is_refused() -> None:
    def newer(document: Any) -> None:
        document["comparison"]["format"] = 3

    with pytest.raises(ResultIsNotToBeTrusted, match="comparison of a newer format"):
        read(results.content(HONEST["better"], newer))


def test_without_a_head_the_candidate_itself_is_the_head() -> None:
    comparison = records.compare(GOOD)
    run = replace(records.RUN, run_id="1" * 64, metrics=GOOD)

    assert result.of_comparison(comparison, run=run, base=None).head == records.RUN.commit


def test_a_failure_keeps_the_beginning_and_the_end_of_a_long_text() -> None:
    made = results.failed(TrainerFailed("begins " + "x" * 10_000 + " ends", fix="Mend it."))

    assert made.failure is not None
    assert len(made.failure.problem) < 4_000
    assert made.failure.problem.startswith("begins ")
    assert made.failure.problem.endswith(" ends")
    assert read(made.to_json().encode()) == made


FAILURE = {"slug": "a", "problem": "", "fix": ""}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda it: it.update(head="99" * 20), "another commit than GitHub says"),
        (lambda it: it.update(head="HEAD"), "another commit than GitHub says"),
        (lambda it: it.update(model="lifetime"), "another model than its artifact"),
        (lambda it: it.update(base="main"), "something else than a base commit"),
        (lambda it: it.update(format=2), "has format 2"),
        (lambda it: it.update(kind="passed"), "not of this form"),
        (lambda it: it.update(kind="failed"), "does not say why alone"),
        (lambda it: it.update(failure=FAILURE), "said to be compared"),
        (lambda it: it.update(run=None), "no comparison or no run"),
        (lambda it: it.update(comparison=None), "no comparison or no run"),
        (lambda it: it.pop("comparison"), "no comparison or no run"),
        (lambda it: it["comparison"].update(model="lifetime"), "a comparison of another model"),
        (lambda it: it["comparison"].update(format=9), "a newer format"),
        (lambda it: it["comparison"].update(verdict="warn"), "do not follow"),
        (lambda it: it["comparison"].update(gate="live"), "do not follow"),
        (lambda it: it["comparison"].update(missing=["f1"]), "do not follow"),
        (lambda it: baselines(it)[0]["findings"].pop(), "do not follow"),
        (lambda it: finding(it).update(judgement="undecided"), "do not follow"),
        (lambda it: finding(it).update(difference=1.0), "do not follow"),
        (lambda it: finding(it).update(interval=[0.0, 1.0]), "do not follow"),
        (lambda it: candidate(it)["metrics"].update(f1=0.99), "do not follow"),
        (lambda it: candidate(it)["metrics"].update(f1="high"), "not of this form"),
        (lambda it: candidate(it).update(run_id="x"), "something else than a digest"),
        (lambda it: candidate(it).update(dataset="../x"), "something else than a digest"),
        (lambda it: candidate(it).update(commit="main"), "something else than a commit"),
        (lambda it: candidate(it).update(release="lifetime@v1.0.0"), "none of this model"),
        (lambda it: candidate(it).update(release="churn@v1.0.0!"), "none of this model"),
        (lambda it: it["comparison"].update(baselines=2 * baselines(it)), "twice"),
        (lambda it: it["comparison"]["tolerances"].pop("f1"), "half a rule"),
        (lambda it: it["comparison"]["tolerances"].update(f1=-1), "whose rule is none"),
        (lambda it: it["comparison"]["directions"].update(f1="up"), "whose rule is none"),
        (lambda it: it["run"].update(run_id="2" * 64), "not the candidate's"),
        (lambda it: it["run"].update(metrics={"f1": 0.86}), "not the candidate's"),
        (lambda it: it["run"].update(predictions="none"), "something else than a digest"),
        (lambda it: it["run"].update(created="yesterday"), "not of this form"),
        (lambda it: it["run"]["params"].update({"a b": "1"}), "as no trainer may"),
    ],
)  # fmt: skip
def test_what_no_honest_job_makes_is_refused(change: Callable[[Any], object], says: str) -> None:
    with pytest.raises(ResultIsNotToBeTrusted, match=says):
        read(results.content(results.compared(), change))


def test_a_failure_has_the_name_of_an_error() -> None:
    content = results.content(results.failed(), lambda it: it["failure"].update(slug="<b>"))

    with pytest.raises(ResultIsNotToBeTrusted, match="the name of an error"):
        read(content)


GOOD_NAMES = ["f1", "f1.macro", "auc@5", "eu/f1", "a" * 100]
BAD_NAMES = ["", "a" * 101, "@a", "a b", "é", "a\n", ".a", "::a", "<b>"]


@pytest.mark.parametrize("name", GOOD_NAMES + BAD_NAMES)
def test_a_metric_may_have_the_names_that_a_trainer_may_give(name: str) -> None:
    metrics = {**GOOD, name: 0.5}
    content = results.compared(metrics, parent=None).to_json().encode()

    assert trainer_may_give(name) == (name in GOOD_NAMES)
    if name in GOOD_NAMES:
        assert read(content).comparison is not None
    else:
        with pytest.raises(ResultIsNotToBeTrusted, match="as no trainer may"):
            read(content)


def trainer_may_give(name: str) -> bool:
    reader = contract.Reader(data="data.csv")
    for line in ["dataset=data.csv", "artifact=a", f"metric.{name}=0.5"]:
        try:
            for part in line.split("\n"):
                reader.feed(part)
        except TrainerBrokeTheContract:
            return False
    try:
        return name in reader.finish().metrics
    except TrainerBrokeTheContract:
        return False


def test_a_result_may_have_as_many_metrics_as_a_trainer_may_report() -> None:
    metrics = {f"a_rather_long_name_of_a_metric_{number}": number / 7 for number in range(9_998)}
    made = results.compared({**metrics, **GOOD}, parent={**metrics, **BEFORE})

    assert read(made.to_json().encode()) == made


def test_a_result_that_is_too_large_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(ResultIsNotToBeTrusted, match="is larger than 8388608 bytes"):
        read(b"[" * (result.LARGEST + 1))


def test_keys_of_a_newer_writer_are_ignored() -> None:
    content = results.content(results.compared(), lambda it: it.update(weather="fine"))

    assert read(content) == results.compared()


def baselines(document: Any) -> Any:
    return document["comparison"]["baselines"]


def finding(document: Any) -> Any:
    return baselines(document)[0]["findings"][0]


def candidate(document: Any) -> Any:
    return document["comparison"]["candidate"]


def read(content: bytes) -> Result:
    return result.from_bytes(content, head=HEAD, model="churn")


def test_the_json_has_no_whitespace_to_spare() -> None:
    text = results.compared().to_json()

    assert text == json.dumps(json.loads(text), separators=(",", ":")) + "\n"
