"""The repository itself, its branches and tags, and who asks."""

import time
from typing import Any

from github_double.people import user
from github_double.routes import Answer, Refusal, Request, not_found, route
from github_double.state import Repository
from github_double.things import ACTIONS

_NEVER = ("source", "parent", "template_repository", "temp_clone_token")


@route("GET /repos/{owner}/{repo}")
def get(request: Request) -> Answer:
    return Answer(body=shown(request, request.repository))


@route("GET /repos/{owner}/{repo}/branches", needs="contents=read")
def branches(request: Request) -> Answer:
    wanted = request.query.get("protected")
    names = [
        name
        for name in _short(request.repository, "refs/heads/")
        if wanted is None or (wanted == "true") == is_protected(request.repository, name)
    ]
    return request.pages(names, _branch)


@route("GET /repos/{owner}/{repo}/branches/{branch}", needs="contents=read")
def branch(request: Request) -> Answer:
    name = request.path["branch"]
    sha = request.repository.commit_of(f"refs/heads/{name}")
    if sha is None:
        raise Refusal(404, "Branch not found")
    example = request.example()
    url = f"{request.url}/branches/{name}"
    commit = {**example["commit"], "sha": sha, "url": f"{request.url}/commits/{sha}"}
    changes = {
        "name": name,
        "commit": commit,
        "protected": is_protected(request.repository, name),
        "protection_url": f"{url}/protection",
        "_links": {"self": url, "html": f"{request.html}/tree/{name}"},
    }
    return Answer(body=example | changes)


@route("GET /repos/{owner}/{repo}/tags", needs="contents=read")
def tags(request: Request) -> Answer:
    return request.pages(reversed(_short(request.repository, "refs/tags/")), _tag)


@route("GET /user")
def myself(request: Request) -> Answer:
    """GitHub knows no user behind the token of an app, so GITHUB_TOKEN is turned away."""
    if request.token is None:
        raise Refusal(401, "Requires authentication")
    if request.token.is_installation:
        raise Refusal(403, "Resource not accessible by integration")
    return Answer(body=request.example() | user(request, request.token.login))


@route("GET /users/{username}")
def somebody(request: Request) -> Answer:
    return Answer(body=request.example() | user(request, request.path["username"]))


@route("GET /apps/{app_slug}")
def app(request: Request) -> Answer:
    slug = request.path["app_slug"]
    if f"{slug}[bot]" != ACTIONS:
        raise not_found()
    return Answer(body=request.example() | {"id": 15368, "slug": slug, "name": "GitHub Actions"})


@route("GET /installation/repositories")
def of_installation(request: Request) -> Answer:
    if request.token is None or not request.token.is_installation:
        raise Refusal(403, "You must authenticate with an installation access token.")
    return request.pages(request.double.state.repositories.values(), shown, within="repositories")


@route("GET /rate_limit")
def rate_limit(request: Request) -> Answer:
    example = request.example()
    core = {"limit": 5000, "used": 1, "remaining": 4999, "reset": int(time.time()) + 3600}
    return Answer(body={"resources": example["resources"] | {"core": core}, "rate": core})


def shown(request: Request, repository: Repository) -> dict[str, Any]:
    example = request.example("GET /repos/{owner}/{repo}")
    kept = {name: value for name, value in example.items() if name not in _NEVER}
    owner = user(request, repository.owner, is_organisation=repository.is_organisation)
    if not repository.is_organisation:
        del kept["organization"]
    token = request.token
    may_write = bool(token and token.allows("contents", "write"))
    return kept | ({"organization": owner} if repository.is_organisation else {}) | {
        "id": repository.id,
        "name": repository.name,
        "full_name": repository.full_name,
        "owner": owner,
        "private": repository.is_private,
        "visibility": "private" if repository.is_private else "public",
        "fork": repository.is_fork,
        "default_branch": repository.default_branch,
        "created_at": repository.created_at,
        "language": "Python",
        "mirror_url": None,
        "html_url": f"https://github.com/{repository.full_name}",
        "permissions": {
            "admin": bool(token and token.allows("administration", "write")),
            "maintain": bool(token and token.allows("administration", "write")),
            "push": may_write,
            "triage": may_write,
            "pull": True,
        },
    }  # fmt: skip


def is_protected(repository: Repository, branch_name: str) -> bool:
    return branch_name in repository.protections


def _short(repository: Repository, prefix: str) -> list[str]:
    return [name.removeprefix(prefix) for name in repository.all_refs() if name.startswith(prefix)]


def _branch(request: Request, name: str) -> dict[str, Any]:
    sha = request.repository.commit_of(f"refs/heads/{name}")
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{request.url}/commits/{sha}"},
        "protected": is_protected(request.repository, name),
    }


def _tag(request: Request, name: str) -> dict[str, Any]:
    sha = request.repository.commit_of(f"refs/tags/{name}")
    return request.example() | {
        "name": name,
        "commit": {"sha": sha, "url": f"{request.url}/commits/{sha}"},
        "zipball_url": f"{request.url}/zipball/refs/tags/{name}",
        "tarball_url": f"{request.url}/tarball/refs/tags/{name}",
    }
