"""Versions of the images in GitHub's own registry."""

from typing import Any

from github_double.routes import Answer, Refusal, Request, not_found, route
from github_double.things import PackageVersion

_VERSIONS = "packages/{package_type}/{package_name}/versions"
_NEEDS = "packages=read"


@route(f"GET /orgs/{{org}}/{_VERSIONS}", needs=_NEEDS)
def of_organisation(request: Request) -> Answer:
    return _versions(request, request.path["org"])


@route(f"GET /users/{{username}}/{_VERSIONS}", needs=_NEEDS)
def of_person(request: Request) -> Answer:
    return _versions(request, request.path["username"])


def _versions(request: Request, owner: str) -> Answer:
    if request.token is None:
        raise Refusal(401, "Requires authentication")
    name = request.path["package_name"]
    for repository in request.double.state.repositories.values():
        found = repository.packages.get(name) if repository.owner == owner else None
        if found is not None and request.path["package_type"] == "container":
            return request.pages(found, _shown)
    raise not_found()


def _shown(request: Request, version: PackageVersion) -> dict[str, Any]:
    owner, kind = request.path.get("org"), "orgs"
    if owner is None:
        owner, kind = request.path["username"], "users"
    name = request.path["package_name"]
    package = f"{request.base}/{kind}/{owner}/packages/container/{name}"
    return {
        "id": version.id,
        "name": version.digest,
        "url": f"{package}/versions/{version.id}",
        "package_html_url": f"https://github.com/{kind}/{owner}/packages/container/package/{name}",
        "created_at": version.created_at,
        "updated_at": version.created_at,
        "html_url": f"https://github.com/{kind}/{owner}/packages/container/{name}/{version.id}",
        "metadata": {"package_type": "container", "container": {"tags": version.tags}},
    }
