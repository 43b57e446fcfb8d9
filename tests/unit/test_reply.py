"""What a pull request is told of each model, decided without a GitHub."""

from dataclasses import replace
from typing import Any

import pytest
import records
import results
from goldens import Golden
from results import BAD, GOOD, HEAD

from trainshed import artifact, cml, reply, report
from trainshed.artifact import Artifact
from trainshed.commit_status import LONGEST, cut
from trainshed.config import Metric
from trainshed.pull_requests import WorkflowRun
from trainshed.result import Result, ResultIsNotToBeTrusted

RUN = WorkflowRun(
    id=7,
    event="pull_request",
    conclusion="success",
    head=HEAD,
    branch="topic",
    repository="acme/models",
    is_fork=False,
    url="https://github.com/acme/models/actions/runs/7",
)


@pytest.mark.parametrize(
    ("made", "state", "verdict"),
    [
        (results.compared(), "success", "pass"),
        (results.compared(BAD), "failure", "fail"),
        (results.compared({"f1": 0.9}), "failure", "cannot-compare"),
        (results.failed(), "error", "failed"),
    ],
)
def test_each_verdict_has_its_state(made: Result, state: str, verdict: str) -> None:
    told = reply.of_result(made, run=RUN)

    assert (told.status.state, told.verdict) == (state, verdict)
    assert told.status.context == "trainshed/churn"
    assert told.body is not None
    assert told.body.endswith(
        "\n<sub>Commit `abababababab`, [workflow run]"
        "(https://github.com/acme/models/actions/runs/7).</sub>"
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("compared", reply.of_result(results.compared(), run=RUN)),
        ("failed", reply.of_result(results.failed(), run=RUN)),
        (
            "fork",
            reply.of_result(results.failed(), run=replace(RUN, is_fork=True), is_fetched=True),
        ),
        (
            "not_believed",
            reply.of_refusal("churn", ResultIsNotToBeTrusted("It is odd.", fix="Run it."), run=RUN),
        ),
    ],
)
def test_a_reply_is_as_its_golden_file(name: str, told: reply.Reply, golden: Golden) -> None:
    status = f"{told.status.context} {told.status.state}: {cut(told.status.description)}"

    golden(f"{status}\n\n{told.body}\n", f"reply/{name}.md")


def test_a_run_that_says_nothing_of_a_model_never_passes() -> None:
    for conclusion in ["success", "failure", "cancelled", "skipped", "neutral", "stale", "odd"]:
        told = reply.of_silence("churn", run=replace(RUN, conclusion=conclusion))

        assert (told.status.state, told.body) == ("error", None)


def rules(number: int) -> dict[str, Metric]:
    judged = {
        f"{'judged_' * 9}{one}": Metric(direction="maximize", tolerance=0.1)
        for one in range(number)
    }
    return records.RULES | judged


@pytest.mark.parametrize("judged", [0, 30, 3_000])
@pytest.mark.parametrize("further", [0, 9_000])
@pytest.mark.parametrize("after", [0.5, 0.1])
def test_a_comment_fits_and_says_how_many_metrics_it_leaves_out(
    judged: int, further: int, after: float
) -> None:
    named = [name for name in rules(judged) if name not in GOOD]
    others = [f"{'further_' * 9}{one}" for one in range(further)]
    before = dict.fromkeys([*named, *others], 0.5) | GOOD
    metrics = {**before, **dict.fromkeys(named, after)}
    made = results.compared(metrics, parent=before, rules=rules(judged))

    body = reply.of_result(made, run=RUN).body or ""

    whole = cml.with_marker(body, "churn", HEAD)
    assert report.length(whole) <= reply.LONGEST
    shown = sum(body.count(f"\n| {name}") for name in ["judged", "further", "f1 ", "log"])
    left_out = judged + further + 2 - shown
    assert (f"\n{left_out} more metrics are left out" in body) == (left_out > 0)
    assert left_out == 0 or report.length(whole) > reply.LONGEST - 500
    if judged == 3_000 and after == 0.1:  # what is worse comes first
        assert body.count("🔴 |") == shown


def test_an_emoji_counts_as_two_characters() -> None:
    assert report.length("a🟢é") == 4


@pytest.mark.parametrize("text", ["a" * 140, "a" * 141, "a " * 100, "line\nbreak", "\x1b[2Jx", ""])
def test_a_description_is_one_line_that_fits(text: str) -> None:
    shown = cut(text)

    assert len(shown) <= LONGEST
    assert shown.isprintable()
    assert (len(text) <= LONGEST) == (not shown.endswith("…"))


def test_the_default_branchs_models_are_told_of_before_those_that_a_pull_request_adds() -> None:
    listed = [
        Artifact(id=number, name=f"{artifact.PREFIX}a-{number}", size=1, is_expired=False)
        for number in range(40)
    ] + [Artifact(id=99, name=f"{artifact.PREFIX}zebra", size=1, is_expired=False)]

    chosen = reply.chosen(listed, models=["zebra"])

    assert chosen[0].model == "zebra"
    assert len(chosen) == reply.MOST_MODELS


def test_all_of_the_default_branchs_models_are_told_of() -> None:
    models = [f"m-{number}" for number in range(50)]
    listed: list[Any] = [
        Artifact(id=1, name=f"{artifact.PREFIX}{model}", size=1, is_expired=False)
        for model in models
    ]

    assert len(reply.chosen(listed, models=models)) == 50


def test_a_summary_holds_every_reply_and_fits() -> None:
    long = reply.of_result(results.compared(), run=RUN)
    many = [replace(long, body="é" * 60_000)] * 20 + [reply.of_silence("other", run=RUN)]

    text = reply.summary(many)

    assert len(text.encode()) < 1 << 20
    assert text.count("é" * 60_000) == 7
    assert text.count("trainshed/churn: success: ") == 13
    assert "trainshed/other: error: " in text


def test_a_fork_cannot_make_us_ask_for_its_code_to_be_run_with_credentials() -> None:
    """It says itself that fetching failed; whether anything is fetched, the default branch says."""
    told = reply.of_result(results.failed(), run=replace(RUN, is_fork=True))

    assert results.failed().failure
    assert "maintainer" not in f"{told.body}{told.status.description}"
