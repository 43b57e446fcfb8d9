"""Ask GitHub all that the doctor wants to know. Every answer is kept as it came."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from trainshed import github_api, ledger
from trainshed.doctor.environments import RELEASE
from trainshed.doctor.facts import Answer, GitHubFacts, Missing, Unknown
from trainshed.doctor.schedule import SCHEDULED
from trainshed.errors import OutsideError
from trainshed.settings import GitHub

if TYPE_CHECKING:
    from github.Requester import Requester

_ALWAYS = (
    "actions/permissions",
    "actions/permissions/workflow",
    "immutable-releases",
    "rulesets",
    f"rules/branches/{ledger.BRANCH}",
    f"branches/{ledger.BRANCH}/protection",
)


def gather(github: GitHub, *, default_branch: str, environments: Iterable[str]) -> GitHubFacts:
    """Ask; what this token may not see is Unknown, what is not there is Missing.

    Raises:
        TokenMayNot, GitHubCannotBeReached: the repository itself cannot be read.
    """
    requester = github_api.connect(github).requester
    with github_api.told(f"read the repository {github.repository}"):
        repository = _get(requester, github, "")
    branch = repository.get("default_branch") or default_branch
    answers: dict[str, Answer] = {"": repository}
    for path in _paths(repository, branch, environments):
        answers[path] = _answer(requester, github, path)
    answers |= _pages(requester, github)
    for path in _further(answers):
        answers[path] = _answer(requester, github, path)
    return GitHubFacts(repository=github.repository, default_branch=branch, answers=answers)


def _paths(repository: Any, branch: str, environments: Iterable[str]) -> list[str]:
    named = dict.fromkeys([*environments, RELEASE])
    forks = "private-repos" if repository["private"] else ""
    approval = "fork-pr-workflows-private-repos" if forks else "fork-pr-contributor-approval"
    return [
        *_ALWAYS,
        f"actions/permissions/{approval}",
        f"branches/{branch}",
        f"branches/{branch}/protection",
        f"rules/branches/{branch}",
        *(f"environments/{name}" for name in named),
    ]


def _pages(requester: "Requester", github: GitHub) -> dict[str, Answer]:
    """Ask for what has a query: one that is long enough, or short enough."""
    runs = f"actions/workflows/{SCHEDULED}/runs"
    return {
        "actions/workflows": _answer(requester, github, "actions/workflows", "per_page=100"),
        runs: _answer(requester, github, runs, "event=schedule&per_page=1"),
    }


def _further(answers: dict[str, Answer]) -> list[str]:
    """List what the first answers tell to ask."""
    paths = []
    rulesets = answers["rulesets"]
    if not isinstance(rulesets, Unknown | Missing):
        paths += [f"rulesets/{one['id']}" for one in rulesets]
    allowed = answers["actions/permissions"]
    if not isinstance(allowed, Unknown | Missing) and allowed.get("allowed_actions") == "selected":
        paths.append("actions/permissions/selected-actions")
    for path, answer in answers.items():
        if path.startswith("environments/") and not isinstance(answer, Unknown | Missing):
            policy = answer.get("deployment_branch_policy")
            if policy and policy["custom_branch_policies"]:
                paths.append(f"{path}/deployment-branch-policies")
    return paths


def _answer(requester: "Requester", github: GitHub, path: str, query: str = "") -> Answer:
    try:
        with github_api.told(f"read {path}"):
            return _get(requester, github, path, query)
    except github_api.GitHubIsNotThere:
        return Missing()
    except OutsideError as error:
        return Unknown(why=error.problem)


def _get(requester: "Requester", github: GitHub, path: str, query: str = "") -> Any:
    below = f"/{quote(path)}" if path else ""
    asked = f"?{query}" if query else ""
    _, data = requester.requestJsonAndCheck("GET", f"/repos/{github.repository}{below}{asked}")
    return data
