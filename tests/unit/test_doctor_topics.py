from dataclasses import replace
from typing import Any

import adopting
import doctoring
import pytest

from trainshed import config_file, doctor
from trainshed.doctor.facts import Facts, Missing, Origin, Unknown

HIDDEN = Unknown(why="The token may not read it.")


def test_where_everything_is_right_nothing_else_is_said() -> None:
    assert doctoring.wrong(doctoring.facts()) == []
    assert {one.topic for one in doctor.check(doctoring.facts())} == {
        "Clone and origin", "trainshed.yml", "Workflows", "Workflows on GitHub",
        "Actions and tokens", "Forks", "Rules of tags and branches", "Environments on GitHub",
        "Images",
    }  # fmt: skip


LOCAL = [
    pytest.param({"is_shallow": True}, "warning", "shallow", id="shallow"),
    pytest.param({"peeled_tags": ("churn@v1.0.0",)}, "warning", "plain commits", id="peeled"),
    pytest.param({"is_state_ignored": False}, "warning", ".gitignore", id="not-ignored"),
    pytest.param({"origin": HIDDEN}, "cannot-tell", "origin's tags", id="no-origin"),
    pytest.param(
        {"origin": Origin(has_ledger=True, unusable={"churn@v1.0.0": "no manifest"}, standing=())},
        "warning", "is none: no manifest", id="unusable-tag",
    ),
    pytest.param({"config": HIDDEN}, "problem", "cannot be used", id="malformed"),
    pytest.param({"locks": {}}, "problem", "is not there", id="no-lock-file"),
    pytest.param({"locks": {"requirements.txt": False}}, "warning", "no hashes", id="no-hashes"),
    pytest.param({"images": {doctoring.IMAGE: False}}, "problem", "has no ghcr.io", id="no-image"),
    pytest.param({"images": {doctoring.IMAGE: HIDDEN}}, "cannot-tell", "1 images", id="no-engine"),
    pytest.param({"cleaners": ("clean.yml",)}, "warning", "clean.yml deletes", id="cleaner"),
    pytest.param(
        {"workflows": {**doctoring.WORKFLOWS, "deploy.yml": None}}, "problem", "Not in .github",
        id="no-workflow",
    ),
    pytest.param(
        {"workflows": {**doctoring.WORKFLOWS, "deploy.yml": "on: [delete]\n"}}, "warning",
        "no schedule", id="no-schedule",
    ),
    pytest.param({"framework": HIDDEN}, "cannot-tell", "a newer one", id="no-framework"),
    pytest.param(
        {"framework": adopting.framework(commit="e" * 40)}, "warning", "pinned to 012345678",
        id="old-pin",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "level", "says"), LOCAL)
def test_one_thing_of_the_clone_is_found(changes: dict[str, Any], level: str, says: str) -> None:
    finding = doctoring.only(doctoring.facts(**changes))

    assert (finding.level, says in finding.says) == (level, True), finding
    assert finding.change


@pytest.mark.parametrize(
    ("old", "new", "level", "says"),
    [
        pytest.param("    lock: requirements.txt\n", "", "warning", "no `lock:`", id="no-lock"),
        pytest.param("    image: ghcr.io/acme/churn\n", "", "problem", "no `image:`", id="image"),
        pytest.param(
            f', host: ssh://deploy@example.org, host_key: "{doctoring.KEY}"', "", "warning",
            "no `host:`", id="no-host",
        ),
    ],
)  # fmt: skip
def test_a_gap_in_trainshed_yml_is_found(old: str, new: str, level: str, says: str) -> None:
    assert old in doctoring.CONFIG
    config = config_file.load(doctoring.CONFIG.replace(old, new))

    finding = doctoring.only(doctoring.facts(config=config))

    assert (finding.level, says in finding.says) == (level, True), finding


def test_processes_are_left_out_by_workflows() -> None:
    text = doctoring.CONFIG.partition("environments:")[0]
    place = "environments: {here: {target: process, port: 1}}\n"

    assert (
        "processes" in doctoring.only(doctoring.facts(config=config_file.load(text + place))).says
    )
    assert (
        "No `environments:`" in doctoring.only(doctoring.facts(config=config_file.load(text))).says
    )


def test_an_action_that_is_not_pinned_is_a_problem() -> None:
    loose = {
        name: text.replace(adopting.COMMIT, "v1") for name, text in doctoring.WORKFLOWS.items()
    }
    finding = doctoring.only(doctoring.facts(workflows=loose))

    assert finding.level == "problem"
    assert "acme/trainshed/actions/train@v1" in finding.says


def test_several_pins_and_a_change_by_hand_are_told() -> None:
    mixed = {
        **doctoring.WORKFLOWS,
        "release.yml": doctoring.WORKFLOWS["release.yml"].replace(adopting.COMMIT, "e" * 40),
    }
    assert doctoring.only(doctoring.facts(workflows=mixed)).level == "problem"
    changed = {**doctoring.WORKFLOWS, "release.yml": doctoring.WORKFLOWS["release.yml"] + "# x\n"}
    assert "by hand: release.yml" in doctoring.only(doctoring.facts(workflows=changed)).says


def test_without_a_token_only_that_is_said_of_github() -> None:
    facts: Facts = replace(doctoring.facts(), github=None)

    finding = doctoring.only(facts)

    assert (finding.level, finding.topic) == ("cannot-tell", "Actions and tokens")


def workflows(**states: str) -> dict[str, Any]:
    listed = [
        {"path": f".github/workflows/{name.replace('_', '-')}.yml", "state": state}
        for name, state in {
            "pull-request": "active", "release": "active", "deploy": "active", **states
        }.items()
    ]  # fmt: skip
    return {"actions/workflows": {"workflows": listed}}


RUNS = "actions/workflows/deploy.yml/runs"
FORKS = "actions/permissions/fork-pr-workflows-private-repos"
PRIVATE = {**doctoring.ANSWERS[""], "private": True}
FORK = {
    "run_workflows_from_fork_pull_requests": True, "send_write_tokens_to_workflows": False,
    "send_secrets_and_variables": False, "require_approval_for_fork_pr_workflows": True,
}  # fmt: skip
GITHUB = [
    pytest.param({"actions/permissions": {"enabled": False}}, "problem", "switched off", id="off"),
    pytest.param(
        {"actions/permissions": {"enabled": True, "allowed_actions": "local_only"}}, "problem",
        "not allowed: acme/trainshed/actions/comment", id="local-only",
    ),
    pytest.param({"actions/permissions": HIDDEN}, "cannot-tell", "may run", id="hidden"),
    pytest.param(
        {"actions/permissions/workflow": {
            "default_workflow_permissions": "write", "can_approve_pull_request_reviews": True,
        }}, "warning", "token that writes", id="token-writes",
    ),
    pytest.param(
        {"actions/permissions/workflow": {
            "default_workflow_permissions": "read", "can_approve_pull_request_reviews": False,
        }}, "warning", "may not open pull requests", id="no-pull-requests",
    ),
    pytest.param(
        {"immutable-releases": {"enabled": True, "enforced_by_owner": True}}, "warning",
        "the owner of the repository enforces it", id="immutable",
    ),
    pytest.param(workflows(deploy="disabled_inactivity"), "problem", "60 days", id="inactive"),
    pytest.param(workflows(release="disabled_manually"), "problem", "somebody", id="disabled"),
    pytest.param(workflows(release="deleted"), "problem", "is not on main", id="deleted"),
    pytest.param({RUNS: {"workflow_runs": []}}, "warning", "has not run yet", id="no-run"),
    pytest.param(
        {RUNS: {"workflow_runs": [{"created_at": "2026-05-28T11:00:00Z"}]}}, "warning",
        "4 days ago", id="late",
    ),
    pytest.param({RUNS: HIDDEN}, "cannot-tell", "last ran", id="hidden-runs"),
    pytest.param(
        {"": {**doctoring.ANSWERS[""], "pushed_at": "2026-04-10T00:00:00Z"}}, "warning",
        "in 7 days", id="quiet",
    ),
    pytest.param(
        {"actions/permissions/fork-pr-contributor-approval": {
            "approval_policy": "first_time_contributors_new_to_github",
        }}, "warning", "new to GitHub", id="strangers",
    ),
    pytest.param(
        {"": PRIVATE, FORKS: {**FORK, "send_secrets_and_variables": True}}, "problem",
        "gets secrets:", id="secrets-to-forks",
    ),
    pytest.param(
        {"": PRIVATE, FORKS: {**FORK, "send_write_tokens_to_workflows": True}}, "problem",
        "tokens that write", id="write-tokens-to-forks",
    ),
    pytest.param({"": PRIVATE, FORKS: HIDDEN}, "cannot-tell", "a fork's", id="hidden-forks"),
]  # fmt: skip


@pytest.mark.parametrize(("answers", "level", "says"), GITHUB)
def test_one_setting_is_found(answers: dict[str, Any], level: str, says: str) -> None:
    finding = doctoring.only(doctoring.facts(answers))

    assert (finding.level, says in finding.says) == (level, True), finding
    assert finding.change


@pytest.mark.parametrize("answers", [{"": PRIVATE, FORKS: FORK}, {
    "": PRIVATE, FORKS: {**FORK, "run_workflows_from_fork_pull_requests": False},
}])  # fmt: skip
def test_a_private_repository_that_gives_forks_nothing_is_right(answers: dict[str, Any]) -> None:
    assert doctoring.wrong(doctoring.facts(answers)) == []


@pytest.mark.parametrize(
    ("selected", "is_right"),
    [
        ({"github_owned_allowed": True, "patterns_allowed": ["acme/trainshed/*@*"]}, True),
        ({"github_owned_allowed": True, "patterns_allowed": []}, False),
        ({"github_owned_allowed": False, "patterns_allowed": ["acme/*"]}, False),
    ],
)
def test_a_list_of_allowed_actions_must_have_ours(selected: Any, is_right: bool) -> None:
    answers = {
        "actions/permissions": {"enabled": True, "allowed_actions": "selected"},
        "actions/permissions/selected-actions": selected,
    }

    assert (doctoring.wrong(doctoring.facts(answers)) == []) is is_right


def test_missing_answers_never_count_as_right() -> None:
    for path in ("actions/permissions", "actions/workflows", "rulesets", "rules/branches/main"):
        for answer in (HIDDEN, Missing()):
            hidden = {path: answer, "branches/main/protection": HIDDEN}
            assert doctoring.wrong(doctoring.facts(hidden)), path
