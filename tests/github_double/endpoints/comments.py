"""Comments of issues and of pull requests, which are issues here."""

from typing import Any

from github_double.people import user
from github_double.routes import Answer, Request, invalid, not_found, route
from github_double.things import Comment

_LONGEST = 65536  # characters
_READS = "issues=read; pull_requests=read"
_WRITES = "issues=write; pull_requests=write"
_LIST = "/repos/{owner}/{repo}/issues/{issue_number}/comments"
_ONE = "/repos/{owner}/{repo}/issues/comments/{comment_id}"


@route(f"GET {_LIST}", needs=_READS)
def of_issue(request: Request) -> Answer:
    number = _number(request)
    found = [one for one in request.repository.comments.values() if one.number == number]
    since = request.query.get("since", "")
    return request.pages([one for one in found if one.updated_at >= since], shown)


@route("GET /repos/{owner}/{repo}/issues/comments", needs=_READS)
def of_repository(request: Request) -> Answer:
    return request.pages(request.repository.comments.values(), shown)


@route(f"POST {_LIST}", needs=_WRITES)
def create(request: Request) -> Answer:
    number = _number(request)
    body = _body(request)
    comment = request.repository.add_comment(number, body, author=request.login)
    url = f"{request.url}/issues/comments/{comment.id}"
    return Answer(status=201, body=shown(request, comment), headers={"Location": url})


@route(f"GET {_ONE}", needs=_READS)
def get(request: Request) -> Answer:
    return Answer(body=shown(request, _comment(request)))


@route(f"PATCH {_ONE}", needs=_WRITES)
def update(request: Request) -> Answer:
    comment = _comment(request)
    comment.body = _body(request)
    comment.updated_at = request.double.state.now()
    return Answer(body=shown(request, comment))


@route(f"DELETE {_ONE}", needs=_WRITES)
def delete(request: Request) -> Answer:
    del request.repository.comments[_comment(request).id]
    return Answer(status=204)


def shown(request: Request, comment: Comment) -> dict[str, Any]:
    url = f"{request.url}/issues/comments/{comment.id}"
    kind = "pull" if comment.number in request.repository.pulls else "issues"
    example = request.example(f"GET {_ONE}")
    is_ours = comment.author.endswith("[bot]")
    return example | {
        "id": comment.id,
        "url": url,
        "html_url": f"{request.html}/{kind}/{comment.number}#issuecomment-{comment.id}",
        "issue_url": f"{request.url}/issues/{comment.number}",
        "body": comment.body,
        "user": user(request, comment.author),
        "created_at": comment.created_at,
        "updated_at": comment.updated_at,
        "author_association": "NONE" if is_ours else "CONTRIBUTOR",
    }


def _number(request: Request) -> int:
    number = request.number("issue_number")
    if number not in request.repository.pulls and number not in request.repository.issues:
        raise not_found()
    return number


def _comment(request: Request) -> Comment:
    found = request.repository.comments.get(request.number("comment_id"))
    if found is None:
        raise not_found()
    return found


def _body(request: Request) -> str:
    body: str = request.body["body"]
    if not body.strip():
        raise invalid("IssueComment", "data", "unprocessable", "Body cannot be blank")
    if len(body) > _LONGEST:
        message = f"Body is too long (maximum is {_LONGEST} characters)"
        raise invalid("IssueComment", "data", "unprocessable", message)
    return body
