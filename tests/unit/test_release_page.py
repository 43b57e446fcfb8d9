from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainshed import release_page
from trainshed.release_notes import MARKER, MOST_CHARACTERS
from trainshed.release_page import Asset, Attachment, Page, Wanted

TAG = "churn@v1.4.0"
NOTES = f"{MARKER}\n**churn@v1.4.0**: new data.\n"
MANIFEST = Attachment(name="manifest.json", content=b"{}", kind="application/json")
CARD = Attachment(name="model-card.md", content=b"# churn", kind="text/markdown")
WANTED = Wanted(tag=TAG, body=NOTES, attachments=(MANIFEST, CARD), is_latest=True)
TOLD = {"why": "complaints", "who": "Ada <ada@example.org>", "when": "2026-01-02T03:04:05+00:00"}


def asset(wanted: Attachment = MANIFEST, **changes: Any) -> Asset:
    facts = {"size": len(wanted.content), "digest": wanted.digest, "is_whole": True}
    return Asset(id=hash(wanted.name) % 1000, name=wanted.name, **(facts | changes))


def page(id: int = 1, **changes: Any) -> Page:  # noqa: A002
    facts: dict[str, Any] = {
        "tag": TAG, "title": TAG, "body": NOTES, "is_draft": False, "is_immutable": False,
        "assets": (asset(), asset(CARD)),
    }  # fmt: skip
    return Page(id=id, **(facts | changes))


def acts(*pages: Page) -> list[str]:
    """What is to be done, shortly: the verb, and what it is done to."""
    told = []
    for act in release_page.decide(WANTED, pages):
        what = act.attachment.name if act.attachment else act.asset.name if act.asset else ""
        told.append(f"{act.verb} {what or (act.page.id if act.page else '')}".strip())
    return told


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        pytest.param([], ["create"], id="nothing-is-there"),
        pytest.param([page()], [], id="all-is-there"),
        pytest.param([page(is_draft=True)], ["publish 1"], id="killed-before-publishing"),
        pytest.param(
            [page(is_draft=True, assets=())],
            ["attach manifest.json", "attach model-card.md", "publish 1"],
            id="killed-before-attaching",
        ),
        pytest.param(
            [page(assets=(asset(),))], ["attach model-card.md"], id="published-by-a-person"
        ),
        pytest.param(
            [page(is_draft=True, assets=(asset(is_whole=False), asset(CARD)))],
            ["detach manifest.json", "attach manifest.json", "publish 1"],
            id="an-upload-broke-off",
        ),
        pytest.param(
            [page(assets=(asset(digest="sha256:00"), asset(CARD)))],
            ["detach manifest.json", "attach manifest.json"],
            id="another-content",
        ),
        pytest.param(
            [page(assets=(asset(digest=None), asset(CARD, digest=None, size=1)))],
            ["detach model-card.md", "attach model-card.md"],
            id="github-tells-no-digests",
        ),
        pytest.param([page(is_immutable=True, assets=())], [], id="immutable"),
        pytest.param(
            [page(7), page(3, is_draft=True), page(4, is_draft=True, body="mine")],
            ["discard 3"],
            id="surplus-drafts-of-our-own",
        ),
        pytest.param(
            [page(5, is_draft=True, assets=()), page(9, is_draft=True)],
            ["discard 5", "publish 9"],
            id="the-fullest-draft-goes-on",
        ),
        pytest.param([page(tag="churn@v1.3.0")], ["create"], id="another-tag"),
        pytest.param(
            [page(body=release_page.reverted(NOTES, **TOLD), title=f"{TAG} (reverted)")],
            ["publish 1"],
            id="brought-back-after-a-mark",
        ),
    ],
)
def test_what_is_to_be_done(pages: list[Page], expected: list[str]) -> None:
    assert acts(*pages) == expected


@pytest.mark.parametrize("body", [NOTES, "what a person wrote\r\n\r\nin two lines", "x\n"])
def test_notes_that_are_there_are_kept(body: str) -> None:
    gone = page(is_draft=True, body=release_page.reverted(body, **TOLD))

    [act] = release_page.decide(WANTED, [gone])

    assert (act.verb, act.body) == ("publish", body)


def test_an_empty_page_gets_the_notes() -> None:
    [act] = release_page.decide(WANTED, [page(is_draft=True, body="")])

    assert act.body == NOTES


def test_a_revert_is_told_once_above_the_notes() -> None:
    once = release_page.reverted(NOTES, **TOLD)
    twice = release_page.reverted(once, **TOLD)

    assert once == twice
    assert once.index("Reverted: complaints (Ada") < once.index(MARKER)
    assert "2026-01-02)" in once


def test_who_reverted_is_never_a_mention() -> None:
    told = release_page.reverted("", why="see @octocat <b>", who="@ada", when="2026-01-02")

    assert "@octocat" not in told
    assert "@ada" not in told
    assert "<b>" not in told


def test_long_notes_still_fit_when_a_revert_is_told() -> None:
    told = release_page.reverted("x" * MOST_CHARACTERS, **TOLD)

    assert len(told) <= MOST_CHARACTERS


@given(st.text(), st.text(), st.text())
def test_what_was_told_of_a_revert_can_be_taken_away(notes: str, why: str, who: str) -> None:
    body = notes.lstrip("\r\n")
    told = release_page.reverted(body, why=why, who=who, when="2026-01-02")

    assert release_page.standing(told) == body
    assert release_page.standing(body) == body


def test_what_is_missing_is_known_from_the_listing() -> None:
    listed = [
        page(1, tag="whole"),
        page(2, tag="draft", is_draft=True),
        page(3, tag="half", assets=(asset(),)),
        page(4, tag="frozen", assets=(), is_immutable=True),
        page(5, tag="fallen", body=release_page.reverted(NOTES, **TOLD)),
        page(6, tag="twice"),
        page(7, tag="twice", is_draft=True),
    ]
    names = [MANIFEST.name, CARD.name]
    tags = ["whole", "draft", "half", "frozen", "fallen", "twice", "none"]

    assert release_page.missing(listed, tags, names) == ["draft", "half", "fallen", "none"]


def test_what_was_not_told_to_be_reverted_is_known_from_the_listing() -> None:
    said = page(1, body=release_page.reverted(NOTES, **TOLD))
    silent, other = page(2, is_draft=True), page(3, tag="churn@v1.3.0")

    assert release_page.untold([said, silent, other], [TAG], tags=[]) == [silent]


def test_a_page_that_is_about_to_become_a_draft_is_left_for_the_next_run() -> None:
    """To change it would make its tag again."""
    assert release_page.untold([page()], [TAG], tags=[]) == []
    assert release_page.untold([page()], [TAG], tags=[TAG]) == [page()]
