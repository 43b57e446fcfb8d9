"""Pull requests: listed, looked at, found by commit."""

from typing import Any

from github_double.people import minimal_repository, user
from github_double.routes import Answer, Request, not_found, route
from github_double.things import Pull

_LIST = "GET /repos/{owner}/{repo}/pulls"
_ONE = "GET /repos/{owner}/{repo}/pulls/{pull_number}"


@route(_LIST, needs="pull_requests=read")
def every(request: Request) -> Answer:
    """Filter as GitHub does: `head` is `user:branch`, and without a user it filters nothing."""
    state, base = request.query.get("state", "open"), request.query.get("base")
    head = request.query.get("head", "")
    found = [
        pull
        for pull in request.repository.pulls.values()
        if state in {"all", pull.state}
        and (base is None or pull.base_ref == base)
        and (":" not in head or label(pull) == head)
    ]
    descending = request.query.get("direction", "desc") == "desc"
    return request.pages(sorted(found, key=lambda one: one.number, reverse=descending), short)


@route(_ONE, needs="pull_requests=read")
def get(request: Request) -> Answer:
    pull = request.repository.pulls.get(request.number("pull_number"))
    if pull is None:
        raise not_found()
    return Answer(body=_full(request, pull))


@route(
    "GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls",
    needs="pull_requests=read",
)
def of_commit(request: Request) -> Answer:
    """List the open ones that hold a commit. Here: whose head it is, or what one was merged as."""
    sha = request.path["commit_sha"]
    pulls = request.repository.pulls.values()
    return request.pages(
        [one for one in pulls if sha in {one.head_sha, one.merge_commit_sha}], short
    )


def label(pull: Pull) -> str:
    return f"{pull.head_repository.partition('/')[0]}:{pull.head_ref}"


def short(request: Request, pull: Pull) -> dict[str, Any]:
    return _shown(request, pull, request.example(_LIST))


def _full(request: Request, pull: Pull) -> dict[str, Any]:
    comments = [one for one in request.repository.comments.values() if one.number == pull.number]
    return _shown(request, pull, request.example(_ONE)) | {
        "merged": pull.merged_at is not None,
        "merged_by": user(request, pull.author) if pull.merged_at else None,
        "comments": len(comments),
        "mergeable": None if pull.merged_at else True,
        "mergeable_state": "unknown" if pull.merged_at else "clean",
        "rebaseable": True,
    }


def _shown(request: Request, pull: Pull, example: dict[str, Any]) -> dict[str, Any]:
    url, page = f"{request.url}/pulls/{pull.number}", f"{request.html}/pull/{pull.number}"
    issue = f"{request.url}/issues/{pull.number}"
    changes: dict[str, Any] = {
        "url": url,
        "id": request.repository.id * 1000 + pull.number,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue,
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{request.url}/pulls/comments{{/number}}",
        "comments_url": f"{issue}/comments",
        "statuses_url": f"{request.url}/statuses/{pull.head_sha}",
        "number": pull.number,
        "state": pull.state,
        "title": pull.title,
        "user": user(request, pull.author),
        "body": None,
        "labels": [],
        "milestone": None,
        "created_at": pull.created_at,
        "updated_at": pull.created_at,
        "closed_at": pull.merged_at,
        "merged_at": pull.merged_at,
        "merge_commit_sha": pull.merge_commit_sha,
        "assignee": None,
        "assignees": [],
        "requested_reviewers": [],
        "requested_teams": [],
        "draft": pull.is_draft,
        "head": _side(request, pull.head_repository, pull.head_ref, pull.head_sha),
        "base": _side(request, request.repository.full_name, pull.base_ref, pull.base_sha),
    }
    changes["_links"] = {
        name: {"href": changes.get(f"{name}_url" if name != "self" else "url", url)}
        for name in example["_links"]
    }
    changes["_links"]["html"] = {"href": page}
    changes["_links"]["issue"] = {"href": issue}
    return example | changes


def _side(request: Request, full_name: str, ref: str, sha: str) -> dict[str, Any]:
    owner = full_name.partition("/")[0]
    known = request.double.state.find(full_name)
    example = request.example(_ONE)["base"]["repo"]
    repository = minimal_repository(request, full_name, known)
    return {
        "label": f"{owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user(request, owner),
        "repo": example | {key: value for key, value in repository.items() if value is not None},
    }
