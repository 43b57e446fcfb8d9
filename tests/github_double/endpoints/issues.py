"""Issues. Each pull request is one too, as at GitHub."""

from typing import Any

from github_double.people import user
from github_double.routes import Answer, Request, invalid, not_found, route
from github_double.things import Issue, Pull

_LIST = "/repos/{owner}/{repo}/issues"
_ONE = f"{_LIST}/{{issue_number}}"
_READS = "issues=read; pull_requests=read"
_WRITES = "issues=write; pull_requests=write"
_LONGEST = 65536  # characters


@route(f"GET {_LIST}", needs="issues=read")
def every(request: Request) -> Answer:
    """Filter by state and labels, the newest first; pull requests are among them."""
    state = request.query.get("state", "open")
    labels = set(filter(None, request.query.get("labels", "").split(",")))
    repository = request.repository
    everything: list[Issue | Pull] = [*repository.issues.values(), *repository.pulls.values()]
    found = [
        one for one in everything if state in {"all", one.state} and labels <= set(_labels(one))
    ]
    return request.pages(sorted(found, key=lambda one: -one.number), shown)


@route(f"GET {_ONE}", needs=_READS)
def get(request: Request) -> Answer:
    return Answer(body=shown(request, _issue(request)))


@route(f"POST {_LIST}", needs="issues=write")
def create(request: Request) -> Answer:
    body, state, repository = request.body, request.double.state, request.repository
    _check(body)
    now = state.now()
    issue = Issue(
        number=repository.next_number(), title=str(body["title"]), body=body.get("body") or "",
        author=request.login, created_at=now, updated_at=now,
        labels=[one if isinstance(one, str) else one["name"] for one in body.get("labels", [])],
    )  # fmt: skip
    repository.issues[issue.number] = issue
    url = f"{request.url}/issues/{issue.number}"
    return Answer(status=201, body=shown(request, issue), headers={"Location": url})


@route(f"PATCH {_ONE}", needs=_WRITES)
def update(request: Request) -> Answer:
    issue, body = _issue(request), request.body or {}
    _check(body)
    issue.title = body.get("title", issue.title)
    issue.state = body.get("state", issue.state)
    if isinstance(issue, Issue):
        issue.body = body.get("body", issue.body)
        issue.updated_at = request.double.state.now()
    return Answer(body=shown(request, issue))


def shown(request: Request, issue: Issue | Pull) -> dict[str, Any]:
    url = f"{request.url}/issues/{issue.number}"
    is_pull = isinstance(issue, Pull)
    own = issue if isinstance(issue, Issue) else None
    page = f"{request.html}/{'pull' if is_pull else 'issues'}/{issue.number}"
    comments = [one for one in request.repository.comments.values() if one.number == issue.number]
    example = request.example(f"POST {_LIST}", status=201)
    example.pop("pull_request", None)
    body = example | {
        "id": request.repository.id * 1000 + issue.number,
        "number": issue.number,
        "url": url,
        "repository_url": request.url,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": page,
        "title": issue.title,
        "body": own.body if own else None,
        "user": user(request, issue.author),
        "labels": [_label(request, one) for one in _labels(issue)],
        "state": issue.state,
        "assignee": None,
        "assignees": [],
        "milestone": None,
        "comments": len(comments),
        "closed_at": None if issue.state == "open" else issue.created_at,
        "closed_by": None,
        "created_at": issue.created_at,
        "updated_at": own.updated_at if own else issue.created_at,
    }
    if is_pull:
        body["pull_request"] = {
            "url": f"{request.url}/pulls/{issue.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
        }
    return body


def _labels(issue: Issue | Pull) -> list[str]:
    return [] if isinstance(issue, Pull) else issue.labels


def _label(request: Request, name: str) -> dict[str, Any]:
    example: dict[str, Any] = request.example(f"POST {_LIST}", status=201)["labels"][0]
    return example | {"name": name, "url": f"{request.url}/labels/{name}"}


def _check(body: dict[str, Any]) -> None:
    if len(body.get("body") or "") > _LONGEST:
        message = f"body is too long (maximum is {_LONGEST} characters)"
        raise invalid("Issue", "body", "custom", message)


def _issue(request: Request) -> Issue | Pull:
    number = request.number("issue_number")
    found = request.repository.issues.get(number) or request.repository.pulls.get(number)
    if found is None:
        raise not_found()
    return found
