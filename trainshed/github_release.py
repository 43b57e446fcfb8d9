"""GitHub Releases: list them, and act on what `trainshed.release_page` decided. Never on a tag."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from trainshed import github_api, release_page
from trainshed.errors import ConflictError
from trainshed.github_api import GitHubRefused
from trainshed.release_page import Act, Asset, Attachment, Page, Wanted

if TYPE_CHECKING:
    from github.GitRelease import GitRelease
    from github.Repository import Repository

MOST_PAGES = 10
"""Of 100 releases each: what is older is not looked at."""
_PER_PAGE = 100
_TRIES = 4


class TagIsGone(ConflictError):
    """A release's tag was deleted while its page was being made."""


def listing(repository: Repository) -> list[Page]:
    """List releases, drafts too (which only a token that may write sees), newest first."""
    with github_api.told("list the releases"):
        paged = repository.get_releases()
        pages: list[Page] = []
        for number in range(MOST_PAGES):
            part = paged.get_page(number)
            pages += [page_of(one) for one in part]
            if len(part) < _PER_PAGE:
                break
    return pages


def is_cut(pages: Sequence[Page]) -> bool:
    """Tell whether there may be more releases than were listed."""
    return len(pages) >= MOST_PAGES * _PER_PAGE


def page_of(release: GitRelease) -> Page:
    return Page(
        id=release.id,
        tag=release.tag_name,
        title=release.name or "",
        body=release.body or "",
        is_draft=release.draft,
        is_immutable=bool(release.raw_data.get("immutable")),
        assets=tuple(_asset(one) for one in release.raw_data.get("assets") or []),
        handle=release,
    )


def publish(
    repository: Repository,
    wanted: Wanted,
    *,
    pages: Sequence[Page] | None = None,
    is_there: Callable[[], bool],
) -> bool:
    """Make the page of a release, or complete it. False when it was complete.

    Args:
        repository: where.
        wanted: what it should be.
        pages: what is there, where it was listed a moment ago.
        is_there: asks the origin whether the tag stands. GitHub makes a tag that it lacks for a
            release that is published, and that would be a release that nobody made.

    Raises:
        TagIsGone: it was deleted meanwhile.
        TokenMayNot, GitHubRefused, …: see `trainshed.github_api.told`.
    """
    found, has_changed = pages, False
    for attempt in range(_TRIES):
        found = listing(repository) if found is None else found
        acts = release_page.decide(wanted, found)
        try:
            made = [_do(repository, wanted, act, is_there) for act in acts]
        except GitHubRefused as error:
            # It is there already: somebody else was faster, or an answer was lost on its way.
            if "already_exists" not in error.problem or attempt == _TRIES - 1:
                raise
            found = None
            continue
        has_changed = has_changed or bool(acts)
        created = [one for one in made if one is not None]
        if not created:
            break
        # What was made a moment ago may not be in a listing yet.
        found = [one for one in found if one.tag != wanted.tag] + created
    return has_changed


def tell_reverted(page: Page, *, why: str, who: str, when: str) -> None:
    """Say on the page of a release that it was reverted, and by whom. A draft stays a draft."""
    with github_api.told(f"say that {page.tag} was reverted"):
        page.handle.update_release(
            release_page.standing_title(page.title or page.tag) + release_page.REVERTED,
            release_page.reverted(page.body, why=why, who=who, when=when),
            draft=page.is_draft,
            make_latest="false",
        )


def make_latest(repository: Repository, page: Page) -> None:
    """Have GitHub show a published release as the repository's latest, unless it does."""
    with github_api.told(f"show {page.tag} as the latest release"):
        if _latest(repository) != page.tag:
            page.handle.update_release(page.title, page.body, make_latest="true")


def _latest(repository: Repository) -> str | None:
    from github import UnknownObjectException  # noqa: PLC0415

    try:
        return repository.get_latest_release().tag_name
    except UnknownObjectException:
        return None


def _do(
    repository: Repository, wanted: Wanted, act: Act, is_there: Callable[[], bool]
) -> Page | None:
    """Do one act; return the page that it made, if it made one."""
    with github_api.told(f"{_SAYS[act.verb]} the release {wanted.tag}"):
        if act.verb == "create":
            return page_of(
                repository.create_git_release(
                    wanted.tag, wanted.tag, act.body, draft=True, make_latest="false"
                )
            )
        assert act.page is not None
        if act.verb == "discard":
            act.page.handle.delete_release()
        elif act.verb == "detach":
            assert act.asset is not None
            _detach(repository, act.asset)
        elif act.verb == "attach":
            assert act.attachment is not None
            _attach(act.page.handle, act.attachment)
    if act.verb == "publish":
        _publish(wanted, act, is_there)
    return None


_SAYS: Mapping[str, str] = {
    "create": "draft",
    "discard": "remove a surplus draft of",
    "detach": "remove an attachment of",
    "attach": "attach a file to",
    "publish": "publish",
}


def _detach(repository: Repository, asset: Asset) -> None:
    repository.requester.requestJsonAndCheck(
        "DELETE", f"{repository.url}/releases/assets/{asset.id}"
    )


def _attach(release: GitRelease, attachment: Attachment) -> None:
    release.upload_asset_from_memory(
        io.BytesIO(attachment.content),
        len(attachment.content),
        attachment.name,
        content_type=attachment.kind,
    )


def _publish(wanted: Wanted, act: Act, is_there: Callable[[], bool]) -> None:
    assert act.page is not None
    if not is_there():
        raise TagIsGone(
            f"The tag {wanted.tag} was deleted while its release was being published.",
            fix="Nothing is to be done: the next deployment rolls back. If it was not meant, bring "
            f"it back: scripts/deploy.py revert --unrevert {wanted.tag}",
        )
    with github_api.told(f"publish the release {wanted.tag}"):
        act.page.handle.update_release(
            release_page.standing_title(act.page.title or wanted.tag),
            act.body,
            draft=False,
            make_latest="true" if wanted.is_latest else "false",
        )


def _asset(told: Mapping[str, Any]) -> Asset:
    return Asset(
        id=told["id"],
        name=told["name"],
        size=told["size"],
        digest=told.get("digest"),
        is_whole=told.get("state") == "uploaded",
    )
