"""The page of a release: what it should be, what GitHub lists, and what is to be done. Pure.

A page is made as a draft, gets its attachments, and is published last: where releases are
immutable, nothing can be attached afterwards. What a killed run left undone is seen in the listing,
and done by the next. Notes that are there are kept: a person may have edited them.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from trainshed import release_notes, report

REVERTED = " (reverted)"
"""Follows the title."""
_FROM, _TO = "<!-- trainshed:reverted -->", "<!-- trainshed:reverted end -->"


@dataclass(frozen=True, kw_only=True)
class Attachment:
    name: str
    content: bytes
    kind: str
    """Its media type."""

    @property
    def digest(self) -> str:
        return f"sha256:{hashlib.sha256(self.content).hexdigest()}"


@dataclass(frozen=True, kw_only=True)
class Asset:
    """An attachment as GitHub lists it."""

    id: int
    name: str
    size: int
    digest: str | None
    """`sha256:…`; None on an older GitHub Enterprise."""
    is_whole: bool
    """False for what an upload that broke off left behind."""

    def holds(self, wanted: Attachment) -> bool:
        is_same = self.size == len(wanted.content) and self.digest in {None, wanted.digest}
        return self.is_whole and is_same


@dataclass(frozen=True, kw_only=True)
class Page:
    """A GitHub Release as GitHub lists it."""

    id: int
    tag: str
    title: str
    body: str
    is_draft: bool
    is_immutable: bool
    assets: tuple[Asset, ...]
    handle: Any = None
    """PyGithub's own object, to act on."""

    @property
    def is_ours(self) -> bool:
        return release_notes.MARKER in self.body

    @property
    def says_reverted(self) -> bool:
        return _FROM in self.body

    def has(self, names: Iterable[str]) -> bool:
        whole = {one.name for one in self.assets if one.is_whole}
        return whole.issuperset(names)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the page of a release should be."""

    tag: str
    body: str
    attachments: tuple[Attachment, ...]
    is_latest: bool
    """GitHub shows one release as the repository's latest."""


@dataclass(frozen=True, kw_only=True)
class Act:
    """One request. A page is published by the last of them."""

    verb: Literal["create", "discard", "detach", "attach", "publish"]
    page: Page | None = None
    asset: Asset | None = None
    attachment: Attachment | None = None
    body: str = ""


def pages_of(pages: Sequence[Page], tag: str) -> list[Page]:
    """Return the pages of a tag, the one to go on with first: published, most attached, oldest."""
    mine = [one for one in pages if one.tag == tag]
    return sorted(mine, key=lambda one: (one.is_draft, -len(one.assets), one.id))


def decide(wanted: Wanted, pages: Sequence[Page]) -> list[Act]:
    """Say what is to be done, in order; nothing when the page is as it should be.

    A page that a person made is completed, never discarded. What is immutable is left as it is.
    """
    found = pages_of(pages, wanted.tag)
    page = found[0] if found else None
    surplus = [one for one in found[1:] if one.is_draft and one.is_ours]
    acts = [Act(verb="discard", page=one) for one in surplus]
    if page is None:
        return [*acts, Act(verb="create", body=wanted.body)]
    body = standing(page.body) or wanted.body
    is_settled = not page.is_draft and not page.says_reverted
    if not page.is_immutable:
        changes = _attachments(wanted, page)
        acts += changes
    if not is_settled or standing_title(page.title) != page.title:
        acts.append(Act(verb="publish", page=page, body=body))
    return acts


def _attachments(wanted: Wanted, page: Page) -> list[Act]:
    acts = []
    for one in wanted.attachments:
        there = next((asset for asset in page.assets if asset.name == one.name), None)
        if there is not None and there.holds(one):
            continue
        if there is not None:
            acts.append(Act(verb="detach", page=page, asset=there))
        acts.append(Act(verb="attach", page=page, attachment=one))
    return acts


def missing(pages: Sequence[Page], tags: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the standing releases whose page is not there, not published or not complete."""
    wanted = set(names)
    unfinished = []
    for tag in tags:
        page = next(iter(pages_of(pages, tag)), None)
        is_done = page is not None and not page.is_draft and not page.says_reverted
        if not is_done or (page and not page.is_immutable and not page.has(wanted)):
            unfinished.append(tag)
    return unfinished


def untold(pages: Sequence[Page], reverted: Iterable[str], *, tags: Collection[str]) -> list[Page]:
    """Return the pages of reverted releases that do not say so yet.

    Args:
        pages: the listing.
        reverted: releases under a tombstone.
        tags: those on the origin. GitHub makes a draft of a page whose tag is gone, a moment later;
            to change it before that would make the tag again, so the next run does it.
    """
    gone = set(reverted)
    return [
        one
        for one in pages
        if one.tag in gone and not one.says_reverted and (one.is_draft or one.tag in tags)
    ]


def reverted(body: str, *, why: str, who: str, when: str) -> str:
    """Put what happened above the notes. Once, however often it is told."""
    told = f"> [!CAUTION]\n> Reverted: {report.text(why)} ({report.text(who)}, {when[:10]})."
    kept = standing(body)[: release_notes.MOST_CHARACTERS - len(told) - len(_FROM) - len(_TO) - 8]
    return f"{_FROM}\n{told}\n{_TO}\n\n{kept}"


def standing(body: str) -> str:
    """Return the notes without what was said of a revert."""
    before, found, rest = body.partition(_FROM)
    return before + rest.partition(_TO)[2].lstrip("\r\n") if found else body


def standing_title(title: str) -> str:
    return title.removesuffix(REVERTED)
