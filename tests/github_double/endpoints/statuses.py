"""Statuses of commits, and what they amount to together."""

from typing import Any

from github_double.people import minimal_repository, user
from github_double.routes import Answer, Refusal, Request, invalid, not_found, route
from github_double.things import Status

_LONGEST = 140
_MOST = 1000  # of one context on one commit


@route("POST /repos/{owner}/{repo}/statuses/{sha}", needs="statuses=write")
def create(request: Request) -> Answer:
    repository, sha = request.repository, request.path["sha"]
    if len(sha) != 40:
        raise invalid("Status", "sha", "custom", "sha must be a 40 character SHA1")
    if not repository.has_commit(sha):
        raise Refusal(422, f"No commit found for SHA: {sha}")
    description = request.body.get("description")
    if len(description or "") > _LONGEST:
        message = f"description is too long (maximum is {_LONGEST} characters)"
        raise invalid("Status", "description", "custom", message)
    target = request.body.get("target_url")
    if target and not target.startswith(("http://", "https://")):
        raise invalid("Status", "target_url", "custom", "target_url must use http(s) scheme")
    context = request.body.get("context", "default")
    if sum(one.sha == sha and one.context == context for one in repository.statuses) >= _MOST:
        message = "This SHA and context has reached the maximum number of statuses."
        raise invalid("Status", "base", "custom", message)
    state = request.double.state
    status = Status(
        id=state.next_id(), sha=sha, context=context, state=request.body["state"],
        description=description, target_url=target, creator=request.login, created_at=state.now(),
    )  # fmt: skip
    repository.statuses.append(status)
    return Answer(
        status=201,
        body=_shown(request, status),
        headers={"Location": f"{request.url}/statuses/{sha}"},
    )


@route("GET /repos/{owner}/{repo}/commits/{ref}/statuses", needs="statuses=read")
def all_of(request: Request) -> Answer:
    return request.pages(_of_commit(request, _sha(request)), _shown)


@route("GET /repos/{owner}/{repo}/commits/{ref}/status", needs="statuses=read")
def together(request: Request) -> Answer:
    sha = _sha(request)
    latest = latest_of(_of_commit(request, sha))
    body = request.example() | {
        "sha": sha,
        "state": state_of(latest),
        "statuses": [_simple(request, one) for one in latest],
        "total_count": len(latest),
        "repository": minimal_repository(request, request.repository.full_name, request.repository),
        "commit_url": f"{request.url}/commits/{sha}",
        "url": f"{request.url}/commits/{sha}/status",
    }
    return Answer(body=body)


def latest_of(newest_first: list[Status]) -> list[Status]:
    """Return the newest status of each context."""
    latest: dict[str, Status] = {}
    for status in newest_first:
        latest.setdefault(status.context, status)
    return list(latest.values())


def state_of(latest: list[Status]) -> str:
    """Sum up: failure if any failed, pending if one is or there is none, else success."""
    states = {status.state for status in latest}
    if states & {"failure", "error"}:
        return "failure"
    return "success" if states == {"success"} else "pending"


def _of_commit(request: Request, sha: str) -> list[Status]:
    return [one for one in reversed(request.repository.statuses) if one.sha == sha]


def _sha(request: Request) -> str:
    found = request.repository.commit_of(request.path["ref"])
    if found is None:
        raise not_found()
    return found


def _shown(request: Request, status: Status) -> dict[str, Any]:
    return _simple(request, status) | {"creator": user(request, status.creator)}


def _simple(request: Request, status: Status) -> dict[str, Any]:
    return {
        "url": f"{request.url}/statuses/{status.sha}",
        "avatar_url": user(request, status.creator)["avatar_url"],
        "id": status.id,
        "node_id": f"SC_{status.id}",
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": status.created_at,
        "updated_at": status.created_at,
    }
