"""Deployments and their statuses.

GitHub sets only what is neither transient nor in production inactive by itself: the deployment
that was live in production before stays `success` until somebody says so.
"""

from typing import Any

from github_double.endpoints.statuses import latest_of
from github_double.people import user
from github_double.routes import Answer, Refusal, Request, invalid, not_found, route
from github_double.things import Deployment, DeploymentStatus

_LIST = "/repos/{owner}/{repo}/deployments"
_ONE = f"{_LIST}/{{deployment_id}}"
_STATUSES = f"{_ONE}/statuses"
_LONGEST = 140


@route(f"GET {_LIST}", needs="deployments=read")
def every(request: Request) -> Answer:
    wanted = {name: request.query[name] for name in ("sha", "ref", "task", "environment")
              if request.query.get(name, "none") != "none"}  # fmt: skip
    found = [one for one in request.repository.deployments.values()
             if all(getattr(one, name) == value for name, value in wanted.items())]  # fmt: skip
    return request.pages(reversed(found), shown)


@route(f"GET {_ONE}", needs="deployments=read")
def get(request: Request) -> Answer:
    return Answer(body=shown(request, _deployment(request)))


@route(f"POST {_LIST}", needs="deployments=write")
def create(request: Request) -> Answer:
    body, state, repository = request.body, request.double.state, request.repository
    sha = repository.commit_of(body["ref"])
    if sha is None:
        raise Refusal(422, f"No ref found for: {body['ref']}")
    _require(request, sha)
    environment = body.get("environment", "production")
    deployment = Deployment(
        id=state.next_id(), sha=sha, ref=body["ref"], task=body.get("task", "deploy"),
        payload=body.get("payload", {}), environment=environment,
        description=body.get("description"), creator=request.login, created_at=state.now(),
        is_transient=body.get("transient_environment", False),
        is_production=body.get("production_environment", environment == "production"),
    )  # fmt: skip
    repository.deployments[deployment.id] = deployment
    if environment not in repository.environments:
        repository.add_environment(environment)
    return Answer(status=201, body=shown(request, deployment))


@route(f"DELETE {_ONE}", needs="deployments=write")
def delete(request: Request) -> Answer:
    """Delete one that is not active, or the only one."""
    deployment = _deployment(request)
    is_only = len(request.repository.deployments) == 1
    if deployment.state not in {None, "inactive"} and not is_only:
        raise Refusal(
            422,
            "We cannot delete an active deployment unless it is the only deployment in a given "
            "environment.",
        )
    del request.repository.deployments[deployment.id]
    return Answer(status=204)


@route(f"GET {_STATUSES}", needs="deployments=read")
def statuses(request: Request) -> Answer:
    deployment = _deployment(request)
    return request.pages(
        reversed(deployment.statuses), lambda inner, one: _status_shown(inner, deployment, one)
    )


@route(f"GET {_STATUSES}/{{status_id}}", needs="deployments=read")
def status(request: Request) -> Answer:
    deployment, number = _deployment(request), request.number("status_id")
    for one in deployment.statuses:
        if one.id == number:
            return Answer(body=_status_shown(request, deployment, one))
    raise not_found()


@route(f"POST {_STATUSES}", needs="deployments=write")
def create_status(request: Request) -> Answer:
    deployment, body = _deployment(request), request.body
    if len(body.get("description", "")) > _LONGEST:
        message = f"description is too long (maximum is {_LONGEST} characters)"
        raise invalid("DeploymentStatus", "description", "custom", message)
    for name in ("log_url", "target_url", "environment_url"):
        if body.get(name) and not body[name].startswith(("http://", "https://")):
            raise invalid("DeploymentStatus", name, "custom", f"{name} must use http(s) scheme")
    made = _add(request, deployment, body)
    if made.state == "success" and body.get("auto_inactive", True):
        _retire_others(request, deployment)
    url = f"{request.url}/deployments/{deployment.id}/statuses/{made.id}"
    return Answer(
        status=201, body=_status_shown(request, deployment, made), headers={"Location": url}
    )


def _add(request: Request, deployment: Deployment, body: dict[str, Any]) -> DeploymentStatus:
    state = request.double.state
    before = deployment.statuses[-1].environment if deployment.statuses else deployment.environment
    made = DeploymentStatus(
        id=state.next_id(), state=body["state"], description=body.get("description", ""),
        environment=body.get("environment", before),
        environment_url=body.get("environment_url", ""),
        log_url=body.get("log_url") or body.get("target_url", ""),
        creator=request.login, created_at=state.now(),
    )  # fmt: skip
    deployment.statuses.append(made)
    return made


def _retire_others(request: Request, live: Deployment) -> None:
    for one in request.repository.deployments.values():
        is_prior = one.id < live.id and one.environment == live.environment
        if is_prior and one.state == "success" and not (one.is_transient or one.is_production):
            _add(request, one, {"state": "inactive"})


def _require(request: Request, sha: str) -> None:
    """Refuse what failed its statuses: all of them, or those that were named."""
    newest = [one for one in reversed(request.repository.statuses) if one.sha == sha]
    states = {one.context: one.state for one in latest_of(newest)}
    wanted = request.body.get("required_contexts")
    if wanted is not None:
        states = {context: states.get(context, "pending") for context in wanted}
    if all(state == "success" for state in states.values()):
        return
    error = {
        "contexts": [{"context": context, "state": state} for context, state in states.items()],
        "resource": "Deployment",
        "field": "required_contexts",
        "code": "invalid",
    }
    message = f"Conflict: Commit status checks failed for {request.body['ref']}."
    raise Refusal(409, message, errors=[error])


def _deployment(request: Request) -> Deployment:
    found = request.repository.deployments.get(request.number("deployment_id"))
    if found is None:
        raise not_found()
    return found


def shown(request: Request, deployment: Deployment) -> dict[str, Any]:
    url = f"{request.url}/deployments/{deployment.id}"
    return request.example(f"GET {_LIST}") | {
        "id": deployment.id,
        "url": url,
        "sha": deployment.sha,
        "ref": deployment.ref,
        "task": deployment.task,
        "payload": deployment.payload,
        "original_environment": deployment.environment,
        "environment": deployment.environment,
        "description": deployment.description,
        "creator": user(request, deployment.creator),
        "created_at": deployment.created_at,
        "updated_at": deployment.created_at,
        "statuses_url": f"{url}/statuses",
        "repository_url": request.url,
        "transient_environment": deployment.is_transient,
        "production_environment": deployment.is_production,
    }


def _status_shown(
    request: Request, deployment: Deployment, one: DeploymentStatus
) -> dict[str, Any]:
    url = f"{request.url}/deployments/{deployment.id}"
    return request.example(f"POST {_STATUSES}", status=201) | {
        "id": one.id,
        "url": f"{url}/statuses/{one.id}",
        "state": one.state,
        "description": one.description,
        "environment": one.environment,
        "environment_url": one.environment_url,
        "target_url": one.log_url,
        "log_url": one.log_url,
        "creator": user(request, one.creator),
        "created_at": one.created_at,
        "updated_at": one.created_at,
        "deployment_url": url,
        "repository_url": request.url,
    }
