"""GitHub Releases, and the files that hang on them.

Only a published release holds its tag: there may be several drafts of one. Publishing makes the
tag where there is none, at `target_commitish`; deleting the tag makes a draft of it.
"""

from typing import Any

from github_double.people import user
from github_double.routes import Answer, Refusal, Request, invalid, not_found, route
from github_double.things import Asset, Release

_LIST = "/repos/{owner}/{repo}/releases"
_ONE = f"{_LIST}/{{release_id}}"
_ASSETS = f"{_ONE}/assets"
_ASSET = f"{_LIST}/assets/{{asset_id}}"
_LONGEST = 125000  # characters of the notes


@route(f"GET {_LIST}", needs="contents=read")
def every(request: Request) -> Answer:
    """List the newest first; drafts are shown to those only who may push."""
    may_push = bool(request.token and request.token.allows("contents", "write"))
    found = [one for one in request.repository.releases.values() if may_push or not one.is_draft]
    return request.pages(reversed(found), shown)


@route(f"GET {_LIST}/latest", needs="contents=read")
def latest(request: Request) -> Answer:
    """Return the newest by its commit's date. Here: that was made last."""
    found = [one for one in request.repository.releases.values()
             if not one.is_draft and not one.is_prerelease]  # fmt: skip
    if not found:
        raise not_found()
    return Answer(body=shown(request, found[-1]))


@route(f"GET {_LIST}/tags/{{tag}}", needs="contents=read")
def of_tag(request: Request) -> Answer:
    found = _published(request, request.path["tag"])
    if found is None:
        raise not_found()
    return Answer(body=shown(request, found))


@route(f"GET {_ONE}", needs="contents=read")
def get(request: Request) -> Answer:
    return Answer(body=shown(request, _release(request)))


@route(f"POST {_LIST}", needs="contents=write")
def create(request: Request) -> Answer:
    body, state = request.body, request.double.state
    tag = body["tag_name"]
    if not tag:
        raise invalid("Release", "tag_name", "missing_field")
    release = Release(
        id=state.next_id(), tag_name=tag,
        target=body.get("target_commitish") or request.repository.default_branch,
        name=body.get("name"), body=_notes(body), author=request.login, created_at=state.now(),
        is_draft=True, is_prerelease=body.get("prerelease", False),
    )  # fmt: skip
    if not body.get("draft", False):
        _publish(request, release)
    request.repository.releases[release.id] = release
    url = f"{request.url}/releases/{release.id}"
    return Answer(status=201, body=shown(request, release), headers={"Location": url})


@route(f"PATCH {_ONE}", needs="contents=write")
def update(request: Request) -> Answer:
    release, body = _release(request), request.body or {}
    _notes(body)
    tag = body.get("tag_name", release.tag_name)
    if release.is_immutable and tag != release.tag_name:
        raise invalid(
            "Release", "tag_name", "custom", "tag_name cannot be changed when release is immutable"
        )
    if not release.is_draft and tag != release.tag_name and _published(request, tag):
        raise invalid("Release", "tag_name", "already_exists")
    release.tag_name = tag
    release.target = body.get("target_commitish", release.target)
    release.name = body.get("name", release.name)
    release.body = body.get("body", release.body)
    release.is_prerelease = body.get("prerelease", release.is_prerelease)
    if release.is_draft and body.get("draft") is False:
        _publish(request, release)
    elif body.get("draft") is True:
        release.is_draft, release.published_at = True, None
    return Answer(body=shown(request, release))


@route(f"DELETE {_ONE}", needs="contents=write")
def delete(request: Request) -> Answer:
    """Delete it and its files. The tag stays."""
    del request.repository.releases[_release(request).id]
    return Answer(status=204)


@route(f"GET {_ASSETS}", needs="contents=read")
def assets(request: Request) -> Answer:
    release = _release(request)
    return request.pages(release.assets, lambda inner, one: _asset_shown(inner, release, one))


@route(f"POST {_ASSETS}", needs="contents=write")
def upload(request: Request) -> Answer:
    release, name = _release(request), request.query.get("name")
    if not name:
        raise invalid("ReleaseAsset", "name", "missing_field")
    if release.is_immutable:
        raise Refusal(422, "Cannot upload assets to an immutable release.")
    if not request.headers.get("Content-Type"):
        raise Refusal(400, "Bad Content-Type")
    if not request.body:
        raise Refusal(400, "Bad Content-Length: 0")
    if any(one.name == name for one in release.assets):
        raise invalid("ReleaseAsset", "name", "already_exists")
    state = request.double.state
    asset = Asset(
        id=state.next_id(), name=name, label=request.query.get("label"),
        content_type=request.headers["Content-Type"], content=request.body,
        uploader=request.login, created_at=state.now(),
    )  # fmt: skip
    release.assets.append(asset)
    return Answer(status=201, body=_asset_shown(request, release, asset))


@route(f"GET {_ASSET}", needs="contents=read")
def asset(request: Request) -> Answer:
    """Show it, or bring its content to who accepts bytes.

    GitHub either brings it or sends the client on; it says that clients must expect both.
    """
    release, found = _asset(request)
    if request.headers.get("Accept") == "application/octet-stream":
        found.downloads += 1
        return Answer(content=found.content, headers={"Content-Type": "application/octet-stream"})
    return Answer(body=_asset_shown(request, release, found))


@route(f"DELETE {_ASSET}", needs="contents=write")
def delete_asset(request: Request) -> Answer:
    release, found = _asset(request)
    if release.is_immutable:
        raise Refusal(422, "Cannot delete asset from an immutable release.")
    release.assets.remove(found)
    return Answer(status=204)


def shown(request: Request, release: Release) -> dict[str, Any]:
    url = f"{request.url}/releases/{release.id}"
    # Without a tag to name it by, a draft has an address of its own.
    page = f"untagged-{release.id:020x}" if release.is_draft else release.tag_name
    example = request.example(f"GET {_LIST}/latest")
    del example["discussion_url"]
    return example | {
        "id": release.id,
        "url": url,
        "html_url": f"{request.html}/releases/tag/{page}",
        "assets_url": f"{url}/assets",
        "upload_url": f"{url}/assets{{?name,label}}",
        "tarball_url": None if release.is_draft else f"{request.url}/tarball/{release.tag_name}",
        "zipball_url": None if release.is_draft else f"{request.url}/zipball/{release.tag_name}",
        "tag_name": release.tag_name,
        "target_commitish": release.target,
        "name": release.name,
        "body": release.body,
        "draft": release.is_draft,
        "prerelease": release.is_prerelease,
        "immutable": release.is_immutable,
        "created_at": release.created_at,
        "published_at": release.published_at,
        "author": user(request, release.author),
        "assets": [_asset_shown(request, release, one) for one in release.assets],
    }


def _publish(request: Request, release: Release) -> None:
    repository = request.repository
    if _published(request, release.tag_name):
        raise invalid("Release", "tag_name", "already_exists")
    if f"refs/tags/{release.tag_name}" not in repository.all_refs():
        commit = repository.commit_of(release.target)
        if commit is None:
            raise invalid("Release", "target_commitish", "invalid")
        repository.set_ref(f"refs/tags/{release.tag_name}", commit)
    release.is_draft = False
    release.is_immutable = repository.settings.are_releases_immutable
    release.published_at = request.double.state.now()


def _published(request: Request, tag: str) -> Release | None:
    for release in request.repository.releases.values():
        if release.tag_name == tag and not release.is_draft:
            return release
    return None


def _release(request: Request) -> Release:
    found = request.repository.releases.get(request.number("release_id"))
    may_push = bool(request.token and request.token.allows("contents", "write"))
    if found is None or (found.is_draft and not may_push):
        raise not_found()
    return found


def _asset(request: Request) -> tuple[Release, Asset]:
    number = request.number("asset_id")
    for release in request.repository.releases.values():
        for one in release.assets:
            if one.id == number:
                return release, one
    raise not_found()


def _notes(body: dict[str, Any]) -> str | None:
    notes: str | None = body.get("body")
    if notes is not None and len(notes) > _LONGEST:
        message = f"body is too long (maximum is {_LONGEST} characters)"
        raise invalid("Release", "body", "custom", message)
    return notes


def _asset_shown(request: Request, release: Release, one: Asset) -> dict[str, Any]:
    return request.example(f"GET {_ASSET}") | {
        "id": one.id,
        "url": f"{request.url}/releases/assets/{one.id}",
        "browser_download_url": f"{request.html}/releases/download/{release.tag_name}/{one.name}",
        "name": one.name,
        "label": one.label,
        "state": "uploaded",
        "content_type": one.content_type,
        "size": len(one.content),
        "digest": one.digest,
        "download_count": one.downloads,
        "created_at": one.created_at,
        "updated_at": one.created_at,
        "uploader": user(request, one.uploader),
    }
