from typing import Any

import doctoring
import pytest

from trainshed.doctor.facts import Missing, Unknown

PRODUCTION = "environments/production"
POLICIES = f"{PRODUCTION}/deployment-branch-policies"
CUSTOM = {"protected_branches": False, "custom_branch_policies": True}
PROTECTED = {"protected_branches": True, "custom_branch_policies": False}


def environment(*kinds: str, policy: Any = None) -> dict[str, Any]:
    rules = [{"type": kind, "wait_timer": 30} for kind in kinds]
    return {"protection_rules": rules, "deployment_branch_policy": policy}


def policies(*names: str, kind: str = "branch") -> dict[str, Any]:
    return {"branch_policies": [{"name": name, "type": kind} for name in names]}


@pytest.mark.parametrize(
    ("kind", "level", "says"),
    [
        ("required_reviewers", "problem", "required reviewers: a rollback waits"),
        ("wait_timer", "problem", "waits 30 minutes"),
        ("custom_gate", "warning", "custom_gate"),
    ],
)
def test_what_would_hold_a_rollback_is_told(kind: str, level: str, says: str) -> None:
    finding = doctoring.only(doctoring.facts({PRODUCTION: environment(kind)}))

    assert (finding.level, says in finding.says) == (level, True), finding


def test_reviewers_of_releases_are_right_where_they_are() -> None:
    answers = {"environments/release": environment("required_reviewers")}

    assert doctoring.wrong(doctoring.facts(answers)) == []


@pytest.mark.parametrize(
    ("answers", "level"),
    [
        pytest.param({PRODUCTION: environment()}, None, id="all"),
        pytest.param({PRODUCTION: Missing()}, None, id="not-made-yet"),
        pytest.param({PRODUCTION: Unknown(why="x")}, "cannot-tell", id="hidden"),
        pytest.param({PRODUCTION: environment("branch_policy", policy=PROTECTED)}, None, id="main"),
        pytest.param(
            {PRODUCTION: environment(policy=PROTECTED), "branches/main": {"protected": False}},
            "problem", id="main-is-not-protected",
        ),
        pytest.param(
            {PRODUCTION: environment(policy=CUSTOM), POLICIES: policies("ma*")}, None, id="pattern"
        ),
        pytest.param(
            {PRODUCTION: environment(policy=CUSTOM), POLICIES: policies("release/*")}, "problem",
            id="another-branch",
        ),
        pytest.param(
            {PRODUCTION: environment(policy=CUSTOM), POLICIES: policies("main", kind="tag")},
            "problem", id="a-tag-of-that-name",
        ),
        pytest.param(
            {PRODUCTION: environment(policy=CUSTOM), POLICIES: Missing()}, "cannot-tell",
            id="hidden-patterns",
        ),
    ],
)  # fmt: skip
def test_the_default_branch_must_be_admitted(answers: dict[str, Any], level: str | None) -> None:
    found = doctoring.wrong(doctoring.facts(answers))

    assert [one.level for one in found] == ([] if level is None else [level])


@pytest.mark.parametrize(
    ("answer", "patterns", "level"),
    [
        pytest.param(Missing(), None, "problem", id="not-there"),
        pytest.param(environment(), None, None, id="all"),
        pytest.param(environment(policy=CUSTOM), ["main"], "warning", id="no-pull-requests"),
        pytest.param(environment(policy=PROTECTED), None, "warning", id="protected-only"),
        pytest.param(environment(policy=CUSTOM), ["main", "refs/pull/*/merge"], None, id="both"),
        pytest.param(environment(policy=CUSTOM), ["refs/pull/*/merge"], "problem", id="no-main"),
    ],
)
def test_credentials_of_data_are_for_main_and_pull_requests(
    answer: Any, patterns: list[str] | None, level: str | None
) -> None:
    listed = Missing() if patterns is None else policies(*patterns)
    answers = {"environments/data": answer, "environments/data/deployment-branch-policies": listed}

    found = doctoring.wrong(doctoring.with_data_environment(doctoring.facts(answers)))

    assert [one.level for one in found] == ([] if level is None else [level])
