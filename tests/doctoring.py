"""Facts for the doctor: of a repository where everything is right, to be changed by a test."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import adopting

from trainshed import adoption_workflows, config_file, doctor
from trainshed.doctor.facts import Facts, GitHubFacts, Local, Missing, Origin
from trainshed.doctor.finding import Finding

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFEB0t8Z0rrqT2RhnXh9Lr0y3Qv1cUyqVb6cZk1mQm0V"
CONFIG = f"""\
models:
  churn:
    data: data/train.csv
    train: [python, train.py, "{{data}}", "{{out}}"]
    lock: requirements.txt
    metrics: {{f1: {{direction: maximize}}}}
    image: ghcr.io/acme/churn
environments:
  production: {{target: docker, port: 8080, host: ssh://deploy@example.org, host_key: "{KEY}"}}
"""
IMAGE = f"ghcr.io/acme/churn@sha256:{'0a' * 32}"
DEPLOY = 'on:\n  schedule:\n    - cron: "23 * * * *"\n'
WORKFLOWS = {
    name: adoption_workflows.adapted(
        text, framework=adopting.framework(), folder="", branch="main", fetching=adopting.NOTHING
    )
    for name, text in {**adopting.framework().workflows, "deploy.yml": DEPLOY}.items()
}
NO_CHECKS: dict[str, Any] = {"required_status_checks": {"contexts": [], "checks": []}}
ANSWERS: dict[str, Any] = {
    "": {"private": False, "default_branch": "main", "pushed_at": "2026-05-30T00:00:00Z"},
    "actions/permissions": {"enabled": True, "allowed_actions": "all"},
    "actions/permissions/workflow": {
        "default_workflow_permissions": "read", "can_approve_pull_request_reviews": True,
    },
    "actions/permissions/fork-pr-contributor-approval": {
        "approval_policy": "first_time_contributors",
    },
    "immutable-releases": Missing(),
    "actions/workflows": {
        "workflows": [
            {"path": f".github/workflows/{name}", "state": "active"}
            for name in ("pull-request.yml", "release.yml", "deploy.yml")
        ],
    },
    "actions/workflows/deploy.yml/runs": {
        "workflow_runs": [{"created_at": "2026-06-01T11:23:00Z"}],
    },
    "rulesets": [],
    "rules/branches/trainshed-ledger": [{"type": "deletion"}, {"type": "non_fast_forward"}],
    "branches/trainshed-ledger/protection": Missing(),
    "branches/main": {"protected": True},
    "branches/main/protection": {
        "required_status_checks": {"contexts": ["trainshed/churn"], "checks": []},
    },
    "rules/branches/main": [],
    "environments/production": {"protection_rules": [], "deployment_branch_policy": None},
    "environments/release": Missing(),
}  # fmt: skip


def local(**changes: Any) -> Local:
    known: dict[str, Any] = {
        "is_shallow": False,
        "prefix": "",
        "branch": "main",
        "is_state_ignored": True,
        "peeled_tags": (),
        "config": config_file.load(CONFIG),
        "locks": {"requirements.txt": True},
        "workflows": WORKFLOWS,
        "cleaners": (),
        "framework": adopting.framework(),
        "origin": Origin(has_ledger=True, unusable={}, standing=()),
        "images": {IMAGE: True},
    }
    return Local(**{**known, **changes})


def facts(answers: dict[str, Any] | None = None, **changes: Any) -> Facts:
    """Return facts; `answers` replace GitHub's, `changes` are those of the clone."""
    given = {**ANSWERS, **(answers or {})}
    return Facts(
        local=local(**changes),
        github=GitHubFacts(repository="acme/models", default_branch="main", answers=given),
        now=NOW,
        models=("churn",),
        environments=("production",),
    )


def with_data_environment(of: Facts, name: str = "data") -> Facts:
    return replace(of, data_environment=name)


def wrong(of: Facts) -> list[Finding]:
    """Return what is not right."""
    return [finding for finding in doctor.check(of) if finding.level != "ok"]


def only(of: Facts) -> Finding:
    """Return the one thing that is not right."""
    findings: Sequence[Finding] = wrong(of)
    assert len(findings) == 1, findings
    return findings[0]


def tag_ruleset(*kinds: str, **changes: Any) -> dict[str, Any]:
    """Return GitHub's answers when there is one ruleset for tags."""
    ruleset = {
        "id": 7, "name": "tags", "target": "tag", "enforcement": "active",
        "conditions": {"ref_name": {"include": ["~ALL"], "exclude": []}},
        "rules": [{"type": kind} for kind in kinds], "bypass_actors": [], **changes,
    }  # fmt: skip
    return {"rulesets": [ruleset], "rulesets/7": ruleset}
