"""Environments on GitHub: none may hold a rollback, or turn away the branch that deploys."""

from typing import Any

from trainshed.doctor import ref_patterns
from trainshed.doctor.facts import Facts, GitHubFacts, Missing, Unknown
from trainshed.doctor.finding import Finding, Topic

_TOPIC = Topic("Environments on GitHub")
RELEASE = "release"
"""The environment of release.yml, where reviewers may stand."""
_PULL = "refs/pull/1/merge"


def check(facts: Facts) -> list[Finding]:
    if facts.github is None:
        return []
    github = facts.github
    found: list[Finding] = []
    for name in facts.environments:
        found += _checked(github, name, holds_rollback=True)
    found += _checked(github, RELEASE, holds_rollback=False)
    if facts.data_environment is not None:
        found += _data(github, facts.data_environment)
    return found


def _checked(github: GitHubFacts, name: str, *, holds_rollback: bool) -> list[Finding]:
    answer = github.at(f"environments/{name}")
    if isinstance(answer, Unknown):
        return [_TOPIC.cannot_tell(f"{name} could not be read.", answer.why)]
    if isinstance(answer, Missing):
        return [_TOPIC.ok(f"{name} is not there yet: the first job that names it makes it.")]
    found = []
    kinds = {rule["type"]: rule for rule in answer.get("protection_rules", ())}
    if holds_rollback:
        found += _holding(name, kinds)
    found += _admits(github, name)
    return found or [_TOPIC.ok(f"{name} admits {github.default_branch}.")]


def _holding(name: str, kinds: dict[str, dict[str, object]]) -> list[Finding]:
    page = f"Settings → Environments → {name}"
    found = []
    if "required_reviewers" in kinds:
        found.append(
            _TOPIC.problem(
                f"{name} has required reviewers: a rollback waits for them, too.",
                f"{page}: take them out, and put them on the environment `{RELEASE}`, where they "
                "approve releases and hold nothing else.",
            )
        )
    if "wait_timer" in kinds:
        minutes = kinds["wait_timer"].get("wait_timer")
        found.append(
            _TOPIC.problem(
                f"{name} waits {minutes} minutes before each job: a rollback, too.",
                f"{page} → Wait timer: take it out, or put it on `{RELEASE}`.",
            )
        )
    custom = sorted(set(kinds) - {"required_reviewers", "wait_timer", "branch_policy"})
    if custom:
        found.append(
            _TOPIC.warning(
                f"{name} has further protection rules ({', '.join(custom)}), which a rollback "
                "must pass.",
                f"{page}: make sure that they answer at any hour.",
            )
        )
    return found


def _admits(github: GitHubFacts, name: str) -> list[Finding]:
    """Deployments run on the default branch, whatever started them: a deleted tag is one."""
    answer: Any = github.at(f"environments/{name}")
    policy = answer.get("deployment_branch_policy")
    if policy is None:
        return []
    return _protected(github, name) if policy["protected_branches"] else _listed(github, name)


def _protected(github: GitHubFacts, name: str) -> list[Finding]:
    branch = github.default_branch
    shown = github.at(f"branches/{branch}")
    if isinstance(shown, Unknown | Missing):
        why = shown.why if isinstance(shown, Unknown) else f"GitHub does not know {branch}."
        return [_TOPIC.cannot_tell(f"{name} admits protected branches; is {branch} one?", why)]
    if shown["protected"]:
        return []
    return [
        _TOPIC.problem(
            f"{name} admits protected branches only, and {branch} is none.",
            f"Protect {branch}, or choose it at {_policy_page(name)}.",
        )
    ]


def _listed(github: GitHubFacts, name: str) -> list[Finding]:
    branch = github.default_branch
    patterns = github.at(f"environments/{name}/deployment-branch-policies")
    if isinstance(patterns, Unknown | Missing):
        why = patterns.why if isinstance(patterns, Unknown) else "GitHub does not show it."
        return [_TOPIC.cannot_tell(f"Which branches {name} admits is not known.", why)]
    if any(_admitted(branch, one) for one in patterns["branch_policies"]):
        return []
    return [
        _TOPIC.problem(
            f"{name} does not admit {branch}, on which every deployment and rollback runs.",
            f"{_policy_page(name)} → add {branch}, or\n"
            f"gh api -X POST repos/{github.repository}/environments/{name}/"
            f"deployment-branch-policies -f name={branch}",
        )
    ]


def _policy_page(name: str) -> str:
    return f"Settings → Environments → {name} → Deployment branches and tags"


def _data(github: GitHubFacts, name: str) -> list[Finding]:
    """The credentials of `fetch:` are for main's training and for pull requests of our own."""
    answer = github.at(f"environments/{name}")
    if isinstance(answer, Unknown):
        return [_TOPIC.cannot_tell(f"{name} could not be read.", answer.why)]
    if isinstance(answer, Missing):
        return [
            _TOPIC.problem(
                f"{name}, which holds the credentials of `fetch:`, is not there.",
                f"Settings → Environments → New environment: {name}; add the secrets there.",
            )
        ]
    found = _admits(github, name)
    patterns = github.at(f"environments/{name}/deployment-branch-policies")
    policy = answer.get("deployment_branch_policy")
    is_custom = policy is not None and policy["custom_branch_policies"]
    listed = [] if isinstance(patterns, Unknown | Missing) else patterns["branch_policies"]
    if policy is not None and not (is_custom and any(_admitted(_PULL, one) for one in listed)):
        found.append(
            _TOPIC.warning(
                f"{name} does not admit pull requests, so they cannot fetch data.",
                f"gh api -X POST repos/{github.repository}/environments/{name}/"
                "deployment-branch-policies -f 'name=refs/pull/*/merge'",
            )
        )
    return found or [_TOPIC.ok(f"{name} admits {github.default_branch} and pull requests.")]


def _admitted(name: str, policy: dict[str, str]) -> bool:
    is_branch = policy.get("type", "branch") == "branch"
    return is_branch and ref_patterns.matches(name, policy["name"])
