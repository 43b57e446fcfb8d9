import json

import doctoring
from goldens import Golden

from trainshed import doctor
from trainshed.doctor import finding
from trainshed.doctor.facts import Unknown
from trainshed.doctor.finding import Topic


def sick() -> list[finding.Finding]:
    """Findings of a repository where much is wrong."""
    why = "The token may not read actions/permissions: Resource not accessible by integration"
    answers = {
        "actions/permissions": Unknown(why=why),
        "actions/permissions/workflow": {
            "default_workflow_permissions": "write", "can_approve_pull_request_reviews": False,
        },
        **doctoring.tag_ruleset("deletion", "creation"),
        "rules/branches/trainshed-ledger": [],
        "environments/production": {
            "protection_rules": [{"type": "required_reviewers"}],
            "deployment_branch_policy": None,
        },
        "immutable-releases": {"enabled": True, "enforced_by_owner": False},
    }  # fmt: skip
    changes = {"is_shallow": True, "images": {doctoring.IMAGE: False}, "locks": {}}
    return doctor.check(doctoring.facts(answers, **changes))


def test_the_report_matches_its_golden_file(golden: Golden) -> None:
    golden(finding.text(sick()), "doctor/sick.txt")
    golden(finding.text(doctor.check(doctoring.facts())), "doctor/well.txt")


def test_json_holds_every_finding() -> None:
    listed = json.loads(finding.as_json(sick()))

    assert len(listed) == len(sick())
    assert {one["level"] for one in listed} == {"ok", "warning", "problem", "cannot-tell"}
    assert all(one["change"] for one in listed if one["level"] != "ok")


def test_a_name_from_github_cannot_command_a_terminal_or_a_log() -> None:
    odd = Topic("t").problem("\x1b[31mred ::error::x", "gh \x1b[2J\n::warning::y")
    shown = finding.text([odd])

    assert "\x1b" not in shown
    assert "::error::" not in shown
    assert "::warning::" not in shown


def test_a_command_is_never_broken() -> None:
    command = "gh api " + "x" * 200

    assert f"      {command}\n" in finding.text([Topic("t").warning("a", f"Do\n{command}")])
