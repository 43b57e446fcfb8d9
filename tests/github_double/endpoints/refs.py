"""Refs and annotated tags, as git has them."""

import hashlib
from typing import Any

from github_double.routes import Answer, Refusal, Request, not_found, route

_REF = "/repos/{owner}/{repo}/git/ref/{ref}"
_REFS = "/repos/{owner}/{repo}/git/refs/{ref}"


@route(f"GET {_REF}", needs="contents=read")
def get(request: Request) -> Answer:
    name = f"refs/{request.path['ref']}"
    if name not in request.repository.all_refs():
        raise not_found()
    return Answer(body=_shown(request, name))


@route("GET /repos/{owner}/{repo}/git/matching-refs/{ref}", needs="contents=read")
def matching(request: Request) -> Answer:
    """List what begins so. GitHub gives them all at once: its OpenAPI knows no pages here."""
    start = f"refs/{request.path['ref']}"
    found = [name for name in request.repository.all_refs() if name.startswith(start)]
    return Answer(body=[_shown(request, name) for name in found])


@route("POST /repos/{owner}/{repo}/git/refs", needs="contents=write")
def create(request: Request) -> Answer:
    name, sha = request.body["ref"], request.body["sha"]
    if not name.startswith("refs/") or name.count("/") < 2:
        raise Refusal(
            422, "Reference name must start with 'refs/' and contain at least two slashes."
        )
    if name in request.repository.all_refs():
        raise Refusal(422, "Reference already exists")
    if not request.repository.has_commit(sha) and request.repository.tag_object(sha) is None:
        raise Refusal(422, "Object does not exist")
    request.repository.set_ref(name, sha)
    return Answer(status=201, body=_shown(request, name))


@route(f"DELETE {_REFS}", needs="contents=write")
def delete(request: Request) -> Answer:
    name = f"refs/{request.path['ref']}"
    if name not in request.repository.all_refs():
        raise Refusal(422, "Reference does not exist")
    if name == f"refs/heads/{request.repository.default_branch}":
        raise Refusal(422, "Cannot delete the default branch")
    request.repository.delete_ref(name)
    request.repository.settle()
    return Answer(status=204)


@route("GET /repos/{owner}/{repo}/git/tags/{tag_sha}", needs="contents=read")
def tag(request: Request) -> Answer:
    sha = request.path["tag_sha"]
    found = request.repository.tag_object(sha)
    if found is None:
        raise not_found()
    commit = found["sha"]
    changes = {
        "sha": sha,
        "tag": found["tag"],
        "message": found["message"],
        "url": f"{request.url}/git/tags/{sha}",
        "object": {
            "type": "commit", "sha": commit, "url": f"{request.url}/git/commits/{commit}",
        },
    }  # fmt: skip
    return Answer(body=request.example() | changes)


def _shown(request: Request, name: str) -> dict[str, Any]:
    kind, sha = request.repository.all_refs()[name]
    return {
        "ref": name,
        "node_id": "REF_" + hashlib.sha256(name.encode()).hexdigest()[:12],
        "url": f"{request.url}/git/{name}",
        "object": {"type": kind, "sha": sha, "url": f"{request.url}/git/{kind}s/{sha}"},
    }
