from typing import Any

import doctoring
import pytest

from trainshed.doctor import ref_patterns
from trainshed.doctor.facts import Missing, Unknown

APP = {"actor_type": "Integration", "actor_id": 15368, "bypass_mode": "always"}
TEAM = {"actor_type": "Team", "actor_id": 1, "bypass_mode": "always"}
LEDGER = "rules/branches/trainshed-ledger"
PROTECTED = [{"type": "deletion"}, {"type": "non_fast_forward"}]


@pytest.mark.parametrize(
    ("kinds", "changes", "level"),
    [
        pytest.param(["deletion"], {}, "problem", id="nobody-can-delete"),
        pytest.param(["deletion"], {"bypass_actors": [TEAM]}, "warning", id="some-can-delete"),
        pytest.param(["creation"], {}, "problem", id="create"),
        pytest.param(["creation"], {"bypass_actors": [TEAM]}, "problem", id="a-team-is-no-app"),
        pytest.param(["creation"], {"bypass_actors": [APP]}, None, id="an-app-may-pass"),
        pytest.param(["tag_name_pattern"], {}, "problem", id="names"),
        pytest.param(["update", "non_fast_forward"], {}, None, id="may-not-move"),
        pytest.param(["deletion"], {"enforcement": "disabled"}, None, id="disabled"),
        pytest.param(["deletion"], {"enforcement": "evaluate"}, None, id="evaluated-only"),
        pytest.param(["deletion"], {"target": "branch"}, None, id="branches"),
    ],
)
def test_a_rule_for_tags_is_judged(
    kinds: list[str], changes: dict[str, Any], level: str | None
) -> None:
    found = doctoring.wrong(doctoring.facts(doctoring.tag_ruleset(*kinds, **changes)))

    assert [one.level for one in found] == ([] if level is None else [level])


@pytest.mark.parametrize(
    ("include", "exclude", "is_covered"),
    [
        (["~ALL"], [], True),
        (["refs/tags/*"], [], True),
        (["refs/tags/churn@*"], [], True),
        (["refs/tags/v*"], [], False),
        (["~ALL"], ["refs/tags/*@v*"], False),
        (["refs/tags/*!"], [], True),
    ],
)
def test_only_rules_that_cover_release_tags_count(
    include: list[str], exclude: list[str], is_covered: bool
) -> None:
    names = {"ref_name": {"include": include, "exclude": exclude}}
    answers = doctoring.tag_ruleset("creation", conditions=names)

    assert bool(doctoring.wrong(doctoring.facts(answers))) is is_covered


def test_a_ruleset_whose_details_are_hidden_is_no_all_clear() -> None:
    answers = {**doctoring.tag_ruleset("deletion"), "rulesets/7": Missing()}

    assert doctoring.only(doctoring.facts(answers)).level == "cannot-tell"


def test_a_rule_that_covers_the_ledger_is_a_problem() -> None:
    rules = [{"type": "pull_request", "ruleset_id": 9}, *PROTECTED]
    ruleset = {"id": 9, "name": "all branches", "target": "branch", "enforcement": "active"}
    answers = {LEDGER: rules, "rulesets": [ruleset], "rulesets/9": ruleset}

    finding = doctoring.only(doctoring.facts(answers))

    assert finding.level == "problem"
    assert '"all branches" (pull_request) covers trainshed-ledger' in finding.says
    allowed = {**answers, "rulesets/9": {**ruleset, "bypass_actors": [APP]}}
    assert doctoring.wrong(doctoring.facts(allowed)) == []


def test_an_unprotected_ledger_is_a_warning() -> None:
    assert doctoring.only(doctoring.facts({LEDGER: []})).level == "warning"


def test_branch_protection_of_the_older_kind_covers_the_ledger_too() -> None:
    answer = {"required_pull_request_reviews": {"required_approving_review_count": 1}}

    finding = doctoring.only(doctoring.facts({"branches/trainshed-ledger/protection": answer}))

    assert finding.level == "problem"
    locked = {"lock_branch": {"enabled": True}}
    assert doctoring.wrong(doctoring.facts({"branches/trainshed-ledger/protection": locked}))
    free = {"lock_branch": {"enabled": False}}
    assert not doctoring.wrong(doctoring.facts({"branches/trainshed-ledger/protection": free}))


@pytest.mark.parametrize(
    ("rules", "classic", "level"),
    [
        pytest.param([], Missing(), "warning", id="nowhere"),
        pytest.param([], doctoring.NO_CHECKS, "warning", id="other-protection"),
        pytest.param([], Unknown(why="may not"), "cannot-tell", id="hidden"),
        pytest.param(["trainshed/churn"], Missing(), None, id="ruleset"),
        pytest.param(["trainshed/other"], Missing(), "warning", id="of-another-model"),
        pytest.param(["trainshed/churn"], Unknown(why="may not"), None, id="ruleset-is-enough"),
    ],
)
def test_a_merge_should_need_the_verdict(rules: list[str], classic: Any, level: str | None) -> None:
    checks = {"required_status_checks": [{"context": name} for name in rules]}
    answers = {
        "rules/branches/main": [{"type": "required_status_checks", "parameters": checks}],
        "branches/main/protection": classic,
    }

    found = doctoring.wrong(doctoring.facts(answers))

    assert [one.level for one in found] == ([] if level is None else [level])


@pytest.mark.parametrize(
    ("name", "pattern", "does_match"),
    [
        ("main", "main", True),
        ("main", "*", True),
        ("release/1", "*", False),
        ("release/1", "release/*", True),
        ("release/1/2", "release/*", False),
        ("release/1/2", "release/**/*", True),
        ("release/2", "release/**/*", True),
        ("refs/pull/12/merge", "refs/pull/*/merge", True),
        ("v1", "v[0-9]", True),
        ("va", "v[!0-9]", True),
        ("v1", "v?", True),
        ("a.b", "a?b", True),
        ("aXb", "a.b", False),
    ],
)
def test_a_pattern_stops_at_slashes_as_githubs_do(
    name: str, pattern: str, does_match: bool
) -> None:
    assert ref_patterns.matches(name, pattern) is does_match


def test_the_default_branch_has_a_word_of_its_own() -> None:
    include = ["~DEFAULT_BRANCH"]

    assert ref_patterns.covers("refs/heads/main", include=include, default_branch="main")
    assert not ref_patterns.covers("refs/heads/x", include=include, default_branch="main")
