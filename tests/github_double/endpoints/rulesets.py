"""Rulesets, the rules that hold for a branch, and the older protection of a branch."""

import fnmatch
from typing import Any

from github_double.routes import Answer, Refusal, Request, not_found, route
from github_double.state import Repository
from github_double.things import Ruleset

_LIST = "/repos/{owner}/{repo}/rulesets"
_ONE = f"{_LIST}/{{ruleset_id}}"


@route(f"GET {_LIST}")
def every(request: Request) -> Answer:
    targets = request.query.get("targets", "branch,tag,push").split(",")
    found = [one for one in request.repository.rulesets.values() if one.target in targets]
    return request.pages(found, _short)


@route(f"GET {_ONE}")
def get(request: Request) -> Answer:
    """Show one whole. Who may bypass it is shown to those only who may change it."""
    found = request.repository.rulesets.get(request.number("ruleset_id"))
    if found is None:
        raise not_found()
    body = _short(request, found) | {
        "conditions": {"ref_name": {"include": found.include, "exclude": found.exclude}},
        "rules": found.rules,
    }
    if request.token and request.token.allows("administration", "write"):
        body["bypass_actors"] = found.bypass_actors
    return Answer(body=body)


@route("GET /repos/{owner}/{repo}/rules/branches/{branch}")
def of_branch(request: Request) -> Answer:
    """List the rules that are in force for a branch, whether it exists or not."""
    ref = f"refs/heads/{request.path['branch']}"
    rules = [
        rule | {
            "ruleset_source_type": "Repository",
            "ruleset_source": request.repository.full_name,
            "ruleset_id": ruleset.id,
        }
        for ruleset in request.repository.rulesets.values()
        if ruleset.target == "branch" and ruleset.enforcement == "active"
        and concerns(request.repository, ruleset, ref)
        for rule in ruleset.rules
    ]  # fmt: skip
    return request.pages(rules, lambda _, rule: rule)


@route("GET /repos/{owner}/{repo}/branches/{branch}/protection", needs="administration=read")
def protection(request: Request) -> Answer:
    changes = request.repository.protections.get(request.path["branch"])
    if changes is None:
        raise Refusal(404, "Branch not protected")
    url = f"{request.url}/branches/{request.path['branch']}/protection"
    off = {"enabled": False}
    body = {
        "url": url,
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": False},
        "required_linear_history": off,
        "allow_force_pushes": off,
        "allow_deletions": off,
        "block_creations": off,
        "required_conversation_resolution": off,
        "lock_branch": off,
        "allow_fork_syncing": off,
    }
    return Answer(body=body | changes)


def concerns(repository: Repository, ruleset: Ruleset, ref: str) -> bool:
    """Tell whether a ruleset is about a ref, as its patterns say."""

    def matches(pattern: str) -> bool:
        if pattern == "~DEFAULT_BRANCH":
            return ref == f"refs/heads/{repository.default_branch}"
        return pattern == "~ALL" or fnmatch.fnmatchcase(ref, pattern)

    return any(map(matches, ruleset.include)) and not any(map(matches, ruleset.exclude))


def _short(request: Request, ruleset: Ruleset) -> dict[str, Any]:
    return {
        "id": ruleset.id,
        "name": ruleset.name,
        "target": ruleset.target,
        "source_type": "Repository",
        "source": request.repository.full_name,
        "enforcement": ruleset.enforcement,
        "node_id": f"RRS_{ruleset.id}",
        "_links": {
            "self": {"href": f"{request.url}/rulesets/{ruleset.id}"},
            "html": {"href": f"{request.html}/rules/{ruleset.id}"},
        },
        "created_at": ruleset.created_at,
        "updated_at": ruleset.created_at,
    }
