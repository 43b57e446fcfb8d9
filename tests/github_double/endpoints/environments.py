"""Environments: who must approve, how long it waits, and what may deploy there."""

from typing import Any

from github_double.people import user
from github_double.routes import Answer, Request, not_found, route
from github_double.things import Environment

_LIST = "/repos/{owner}/{repo}/environments"
_ONE = f"{_LIST}/{{environment_name}}"


@route(f"GET {_LIST}", needs="actions=read")
def every(request: Request) -> Answer:
    return request.pages(request.repository.environments.values(), shown, within="environments")


@route(f"GET {_ONE}", needs="actions=read")
def get(request: Request) -> Answer:
    return Answer(body=shown(request, _environment(request)))


@route(f"GET {_ONE}/deployment-branch-policies", needs="actions=read")
def policies(request: Request) -> Answer:
    environment = _environment(request)
    patterns = list(enumerate(environment.branch_policies or [], environment.id * 10))
    return request.pages(patterns, _policy, within="branch_policies")


def shown(request: Request, environment: Environment) -> dict[str, Any]:
    example = request.example(f"GET {_ONE}")
    has_policies = environment.branch_policies is not None
    is_limited = environment.protected_branches_only or has_policies
    return example | {
        "id": environment.id,
        "name": environment.name,
        "url": f"{request.url}/environments/{environment.name}",
        "html_url": f"{request.html}/deployments/activity_log"
        f"?environments_filter={environment.name}",
        "created_at": environment.created_at,
        "updated_at": environment.created_at,
        "can_admins_bypass": environment.may_admins_bypass,
        "protection_rules": _rules(request, environment, is_limited=is_limited),
        "deployment_branch_policy": {
            "protected_branches": environment.protected_branches_only,
            "custom_branch_policies": has_policies,
        } if is_limited else None,
    }  # fmt: skip


def _rules(request: Request, environment: Environment, *, is_limited: bool) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    if environment.wait_minutes:
        rules.append({"type": "wait_timer", "wait_timer": environment.wait_minutes})
    if environment.reviewers:
        reviewers = [{"type": "User", "reviewer": user(request, one)}
                     for one in environment.reviewers]  # fmt: skip
        rules.append({
            "type": "required_reviewers", "reviewers": reviewers,
            "prevent_self_review": environment.prevents_self_review,
        })  # fmt: skip
    if is_limited:
        rules.append({"type": "branch_policy"})
    first = environment.id * 10
    return [{"id": first + at, "node_id": f"GA_{first + at}", **one}
            for at, one in enumerate(rules)]  # fmt: skip


def _environment(request: Request) -> Environment:
    found = request.repository.environments.get(request.path["environment_name"])
    if found is None:
        raise not_found()
    return found


def _policy(request: Request, numbered: tuple[int, tuple[str, str]]) -> dict[str, Any]:
    number, (pattern, kind) = numbered
    return {"id": number, "node_id": f"GBP_{number}", "name": pattern, "type": kind}
