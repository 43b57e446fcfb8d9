"""Workflows, their runs, and what those uploaded."""

import hashlib
from typing import Any

from github_double.people import minimal_repository, user
from github_double.routes import Answer, Refusal, Request, not_found, route
from github_double.things import Artifact, Dispatch, Run, Workflow

_ACTIONS = "/repos/{owner}/{repo}/actions"
_RUN = f"{_ACTIONS}/runs/{{run_id}}"
_ARTIFACT = f"{_ACTIONS}/artifacts/{{artifact_id}}"
_WORKFLOW = f"{_ACTIONS}/workflows/{{workflow_id}}"


@route(f"GET {_ACTIONS}/runs", needs="actions=read")
def every(request: Request) -> Answer:
    return request.pages(_wanted(request), shown, within="workflow_runs")


@route(f"GET {_RUN}", needs="actions=read")
def get(request: Request) -> Answer:
    return Answer(body=shown(request, _run(request)))


@route(f"GET {_RUN}/artifacts", needs="actions=read")
def of_run(request: Request) -> Answer:
    run, name = _run(request), request.query.get("name")
    found = [(run, one) for one in reversed(run.artifacts) if name in {None, one.name}]
    return request.pages(found, _artifact_shown, within="artifacts")


@route(f"GET {_ACTIONS}/artifacts", needs="actions=read")
def artifacts(request: Request) -> Answer:
    name = request.query.get("name")
    found = [(run, one) for run in reversed(request.repository.runs.values())
             for one in reversed(run.artifacts) if name in {None, one.name}]  # fmt: skip
    return request.pages(found, _artifact_shown, within="artifacts")


@route(f"GET {_ARTIFACT}", needs="actions=read")
def artifact(request: Request) -> Answer:
    return Answer(body=_artifact_shown(request, _artifact(request)))


@route(f"GET {_ARTIFACT}/{{archive_format}}", needs="actions=read")
def download(request: Request) -> Answer:
    """Send the client on to the storage. Even what is public wants a token here."""
    if request.token is None:
        raise Refusal(401, "Requires authentication")
    if request.path["archive_format"] != "zip":
        raise not_found()
    _, found = _artifact(request)
    if found.is_expired:
        raise Refusal(410, "Artifact has expired")
    address = request.double.sign(f"{found.name}.zip", found.content)
    return Answer(status=302, headers={"Location": address})


@route(f"GET {_ACTIONS}/workflows", needs="actions=read")
def workflows(request: Request) -> Answer:
    return request.pages(request.repository.workflows.values(), _workflow_shown, within="workflows")


@route(f"GET {_WORKFLOW}", needs="actions=read")
def workflow(request: Request) -> Answer:
    return Answer(body=_workflow_shown(request, _workflow(request)))


@route(f"GET {_WORKFLOW}/runs", needs="actions=read")
def of_workflow(request: Request) -> Answer:
    number = _workflow(request).id
    found = [one for one in _wanted(request) if one.workflow_id == number]
    return request.pages(found, shown, within="workflow_runs")


@route(f"POST {_WORKFLOW}/dispatches", needs="actions=write")
def dispatch(request: Request) -> Answer:
    """Note it: nothing runs here."""
    found = _workflow(request)
    if request.repository.commit_of(request.body["ref"]) is None:
        raise Refusal(422, f"No ref found for: {request.body['ref']}")
    if found.state != "active":
        raise Refusal(422, "Cannot trigger a 'workflow_dispatch' on a disabled workflow")
    made = Dispatch(
        workflow=found.path, ref=request.body["ref"], inputs=request.body.get("inputs", {})
    )
    request.repository.dispatches.append(made)
    return Answer(status=204)


def shown(request: Request, run: Run) -> dict[str, Any]:
    url, page = f"{request.url}/actions/runs/{run.id}", f"{request.html}/actions/runs/{run.id}"
    repository = request.repository
    used = repository.workflows[run.workflow_id]
    example = request.example(f"GET {_RUN}")
    suite = run.id * 10
    links = {
        f"{name}_url": f"{url}/{name}" for name in ("jobs", "logs", "artifacts", "cancel", "rerun")
    }
    return example | links | {
        "id": run.id,
        "name": run.name,
        "node_id": f"WFR_{run.id}",
        "check_suite_id": suite,
        "check_suite_url": f"{request.url}/check-suites/{suite}",
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "path": used.path,
        "run_number": list(repository.runs).index(run.id) + 1,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion if run.status == "completed" else None,
        "workflow_id": run.workflow_id,
        "url": url,
        "html_url": page,
        "pull_requests": [_pull(request, number) for number in run.pulls],
        "created_at": run.created_at,
        "updated_at": run.created_at,
        "run_started_at": run.created_at,
        "run_attempt": run.attempt,
        "previous_attempt_url": None,
        "referenced_workflows": [],
        "workflow_url": f"{request.url}/actions/workflows/{run.workflow_id}",
        "actor": user(request, "octocat"),
        "triggering_actor": user(request, "octocat"),
        "head_commit": example["head_commit"] | {"id": run.head_sha},
        "repository": minimal_repository(request, repository.full_name, repository),
        "head_repository": minimal_repository(
            request, run.head_repository, request.double.state.find(run.head_repository)
        ),
    }  # fmt: skip


def _wanted(request: Request) -> list[Run]:
    """Return the newest first. `status` is a status or, once it is completed, a conclusion."""
    query = request.query
    return [
        run
        for run in reversed(request.repository.runs.values())
        if query.get("event") in {None, run.event}
        and query.get("branch") in {None, run.head_branch}
        and query.get("head_sha") in {None, run.head_sha}
        and query.get("status") in {None, run.status, run.conclusion}
    ]


def _pull(request: Request, number: int) -> dict[str, Any]:
    pull = request.repository.pulls[number]
    ours = request.repository
    sides = {
        "head": (pull.head_ref, pull.head_sha, pull.head_repository),
        "base": (pull.base_ref, pull.base_sha, ours.full_name),
    }
    shown_sides = {
        side: {
            "ref": ref,
            "sha": sha,
            "repo": {
                "id": ours.id,
                "name": name.partition("/")[2],
                "url": f"{request.base}/repos/{name}",
            },
        }
        for side, (ref, sha, name) in sides.items()
    }  # fmt: skip
    return {
        "id": ours.id * 1000 + number,
        "number": number,
        "url": f"{request.url}/pulls/{number}",
        **shown_sides,
    }


def _run(request: Request) -> Run:
    found = request.repository.runs.get(request.number("run_id"))
    if found is None:
        raise not_found()
    return found


def _artifact(request: Request) -> tuple[Run, Artifact]:
    number = request.number("artifact_id")
    for run in request.repository.runs.values():
        for one in run.artifacts:
            if one.id == number:
                return run, one
    raise not_found()


def _artifact_shown(request: Request, of: tuple[Run, Artifact]) -> dict[str, Any]:
    run, one = of
    url = f"{request.url}/actions/artifacts/{one.id}"
    return {
        "id": one.id,
        "node_id": f"A_{one.id}",
        "name": one.name,
        "size_in_bytes": len(one.content),
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": one.is_expired,
        "created_at": one.created_at,
        "expires_at": "2026-04-01T00:00:00Z",
        "updated_at": one.created_at,
        "digest": "sha256:" + hashlib.sha256(one.content).hexdigest(),
        "workflow_run": {
            "id": run.id,
            "repository_id": request.repository.id,
            "head_repository_id": request.repository.id,
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
        },
    }


def _workflow(request: Request) -> Workflow:
    """Find it by its number or by its file's name."""
    wanted = request.path["workflow_id"]
    for one in request.repository.workflows.values():
        if wanted in {str(one.id), one.path.rpartition("/")[2]}:
            return one
    raise not_found()


def _workflow_shown(request: Request, one: Workflow) -> dict[str, Any]:
    branch = request.repository.default_branch
    return {
        "id": one.id,
        "node_id": f"W_{one.id}",
        "name": one.name,
        "path": one.path,
        "state": one.state,
        "created_at": one.created_at,
        "updated_at": one.created_at,
        "url": f"{request.url}/actions/workflows/{one.id}",
        "html_url": f"{request.html}/blob/{branch}/{one.path}",
        "badge_url": f"{request.html}/workflows/{one.name}/badge.svg",
    }
