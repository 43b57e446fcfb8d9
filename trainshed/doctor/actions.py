"""What GitHub Actions may do in this repository, and releases that nothing may change."""

import fnmatch
from typing import Any

from trainshed.doctor.facts import Facts, GitHubFacts, Missing, Unknown
from trainshed.doctor.finding import Finding, Topic

_TOPIC = Topic("Actions and tokens")
_PAGE = "Settings → Actions → General"


def check(facts: Facts) -> list[Finding]:
    if facts.github is None:
        return [
            _TOPIC.cannot_tell(
                "The settings on GitHub were not looked at: there is no token.",
                "Set TRAINSHED_GITHUB_TOKEN (a person's, with admin read) and GITHUB_REPOSITORY "
                "(owner/name), such as\n"
                "gh auth token",
            )
        ]
    github = facts.github
    return [*_enabled(facts, github), *_token(github), *_immutable(github)]


def _enabled(facts: Facts, github: GitHubFacts) -> list[Finding]:
    answer = github.at("actions/permissions")
    if isinstance(answer, Unknown | Missing):
        return [_unseen("Whether Actions may run", answer)]
    if not answer["enabled"]:
        return [
            _TOPIC.problem(
                "GitHub Actions is switched off: nothing is trained, released or rolled back.",
                f"{_PAGE} → Actions permissions, or\n"
                f"gh api -X PUT repos/{github.repository}/actions/permissions -F enabled=true",
            )
        ]
    allowed = answer.get("allowed_actions", "all")
    needed = _needed(facts)
    if allowed == "local_only" and needed:
        refused = needed
    elif allowed == "selected":
        selected = github.at("actions/permissions/selected-actions")
        if isinstance(selected, Unknown | Missing):
            return [_unseen("Which actions are allowed", selected)]
        refused = [one for one in needed if not _is_allowed(one, selected)]
    else:
        refused = []
    if refused:
        return [
            _TOPIC.problem(
                f"The workflows use actions that are not allowed: {', '.join(refused)}.",
                f"{_PAGE} → Actions permissions → allow these.",
            )
        ]
    return [_TOPIC.ok("Actions may run, and the workflows' actions are allowed.")]


def _needed(facts: Facts) -> list[str]:
    """List the actions of other repositories that the workflows name, without their commit."""
    uses = {
        line.strip().removeprefix("- ").removeprefix("uses: ").partition("@")[0]
        for text in facts.local.workflows.values()
        for line in (text or "").splitlines()
        if line.strip().removeprefix("- ").startswith("uses: ") and "uses: ./" not in line
    }
    # Inside Trainshed's own actions; a policy looks at these too.
    return sorted(uses | ({"actions/cache"} if uses else set()))


def _is_allowed(action: str, selected: Any) -> bool:
    owner = action.partition("/")[0]
    if selected.get("github_owned_allowed") and owner in {"actions", "github"}:
        return True
    patterns = [one.partition("@")[0] for one in selected.get("patterns_allowed", ())]
    return any(fnmatch.fnmatchcase(action, pattern) for pattern in patterns)


def _token(github: GitHubFacts) -> list[Finding]:
    answer = github.at("actions/permissions/workflow")
    if isinstance(answer, Unknown | Missing):
        return [_unseen("What the token of workflows may do by default", answer)]
    path = f"gh api -X PUT repos/{github.repository}/actions/permissions/workflow"
    found = []
    if answer["default_workflow_permissions"] == "write":
        found.append(
            _TOPIC.warning(
                "A workflow that does not say what it needs gets a token that writes. Trainshed's "
                "all say it; others here may not.",
                f"{_PAGE} → Workflow permissions → Read repository contents, or\n"
                f"{path} -f default_workflow_permissions=read",
            )
        )
    else:
        found.append(_TOPIC.ok("The default token only reads; each workflow says what it needs."))
    if not answer["can_approve_pull_request_reviews"]:
        found.append(
            _TOPIC.warning(
                "Actions may not open pull requests, which retraining would do.",
                f"{_PAGE} → Allow GitHub Actions to create and approve pull requests (then require "
                "a person's review: an approval by Actions would count), or\n"
                f"{path} -F can_approve_pull_request_reviews=true",
            )
        )
    else:
        found.append(_TOPIC.ok("Actions may open pull requests."))
    return found


def _immutable(github: GitHubFacts) -> list[Finding]:
    answer = github.at("immutable-releases")
    if isinstance(answer, Unknown):
        return [_unseen("Whether releases are immutable", answer)]
    if isinstance(answer, Missing) or not answer["enabled"]:
        return [_TOPIC.ok("Releases are not immutable: deleting a tag rolls back.")]
    who = " (the owner of the repository enforces it)" if answer["enforced_by_owner"] else ""
    return [
        _TOPIC.warning(
            f"Releases are immutable{who}: GitHub refuses to delete a tag while its release is "
            "there, so a rollback goes by revert.",
            "Actions → Deploy → Run workflow → revert, or\n"
            f"gh workflow run deploy.yml --repo {github.repository} -f verb=revert "
            "-f tag=churn@v1.1.0 -f reason=…",
        )
    ]


def _unseen(what: str, answer: Unknown | Missing) -> Finding:
    why = answer.why if isinstance(answer, Unknown) else "GitHub does not show it to this token."
    return _TOPIC.cannot_tell(f"{what} is not known.", why)
