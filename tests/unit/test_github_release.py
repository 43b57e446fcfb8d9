"""Publishing a release's page, through a double of GitHub: whatever happens in between."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import github_double
import pytest
import repositories
from github_double import Double
from github_double.state import Release
from repositories import Repo

from trainshed import github_api, github_release, release_page
from trainshed.github_release import TagIsGone
from trainshed.release_notes import MARKER
from trainshed.release_page import Attachment, Wanted
from trainshed.settings import GitHub

TAG = "churn@v1.0.0"
NOTES = f"{MARKER}\n**churn@v1.0.0**: the first release of churn.\n"
MANIFEST = Attachment(name="manifest.json", content=b'{"a": 1}\n', kind="application/json")
CARD = Attachment(name="model-card.md", content="# churn – ü\n".encode(), kind="text/markdown")
WANTED = Wanted(tag=TAG, body=NOTES, attachments=(MANIFEST, CARD), is_latest=True)


@pytest.fixture
def repo(tmp_path: Any) -> Repo:
    made = repositories.make(tmp_path, {"a.txt": "a"})
    made.released(TAG)
    return made


@pytest.fixture
def double(repo: Repo) -> Iterator[Double]:
    with github_double.serve("acme/churn", git=repo.origin_folder) as serving:
        yield serving


def hub(double: Double, token: str = github_double.EVERYTHING) -> GitHub:
    return GitHub(
        repository="acme/churn", token=token, api=double.url, server="https://github.com",
        run_url=None,
    )  # fmt: skip


def publish(double: Double, wanted: Wanted = WANTED, *, is_there: bool = True) -> bool:
    repository = github_api.repository(hub(double))
    return github_release.publish(repository, wanted, is_there=lambda: is_there)


def releases(double: Double) -> list[Release]:
    return list(double.state.repository.releases.values())


def writes(double: Double) -> list[str]:
    return [one.method for one in double.requests if one.method not in {"GET", "HEAD"}]


def assert_whole(double: Double) -> None:
    [release] = releases(double)
    attached = [(one.name, one.content, one.content_type) for one in release.assets]
    assert (release.tag_name, release.is_draft, release.is_prerelease) == (TAG, False, False)
    assert (release.name, release.body) == (TAG, NOTES)
    assert sorted(attached) == [(one.name, one.content, one.kind) for one in (MANIFEST, CARD)]


def test_a_page_is_drafted_filled_and_published_last(double: Double) -> None:
    assert publish(double)

    assert_whole(double)
    assert writes(double) == ["POST", "POST", "POST", "PATCH"]
    created, *_, published = [one for one in double.requests if one.method != "GET"]
    assert (created.body["draft"], created.body["make_latest"]) == (True, "false")
    assert (published.body["draft"], published.body["make_latest"]) == (False, "true")
    assert double.state.repository.all_refs().keys() >= {f"refs/tags/{TAG}"}


def test_publishing_twice_changes_nothing(double: Double) -> None:
    publish(double)
    before = len(writes(double))

    assert not publish(double)
    assert len(writes(double)) == before


def test_an_older_release_is_not_made_the_latest(double: Double) -> None:
    publish(double, replace(WANTED, is_latest=False))

    assert double.requests[-1].body["make_latest"] == "false"


@pytest.mark.parametrize(
    ("fault", "attached"),
    [
        pytest.param({"method": "POST", "path": "/assets"}, 0, id="after-the-draft"),
        pytest.param(
            {"method": "POST", "path": "/assets", "is_done": True}, 1, id="after-one-file"
        ),
        pytest.param({"method": "PATCH"}, 2, id="before-publishing"),
    ],
)
def test_a_run_that_broke_off_is_completed_by_the_next(
    double: Double, fault: dict[str, Any], attached: int
) -> None:
    double.faults.add(status=422, **fault)
    with pytest.raises(github_api.GitHubRefused):
        publish(double)
    [release] = releases(double)
    assert (release.is_draft, len(release.assets)) == (True, attached)

    assert publish(double)
    assert_whole(double)


@pytest.mark.parametrize("path", ["/releases$", "/assets", "/releases/\\d+$"])
def test_answers_that_are_lost_on_their_way_leave_one_whole_page(double: Double, path: str) -> None:
    """GitHub did it, said 502, and the request was tried again."""
    for method in ("POST", "PATCH"):
        double.faults.add(method=method, path=path, status=502, is_done=True)

    publish(double)
    publish(double)

    assert_whole(double)


def test_where_releases_are_immutable_the_page_is_whole(double: Double) -> None:
    double.state.repository.settings.are_releases_immutable = True

    publish(double)

    assert_whole(double)
    assert releases(double)[0].is_immutable
    assert not publish(double)


def test_a_tag_that_was_deleted_meanwhile_is_not_made_again(double: Double, repo: Repo) -> None:
    repo.delete_tag(TAG)

    with pytest.raises(TagIsGone, match="was deleted while"):
        publish(double, is_there=False)

    assert repo.tag_names() == []
    assert releases(double)[0].is_draft


def test_the_draft_that_a_deleted_tag_left_is_used_again(double: Double) -> None:
    publish(double)
    [release] = releases(double)
    release.is_draft, release.body = True, "Edited by a person"

    assert publish(double)

    [again] = releases(double)
    assert (again.id, again.is_draft, again.body) == (release.id, False, "Edited by a person")


def test_a_revert_is_said_on_a_draft_and_taken_back(double: Double) -> None:
    publish(double)
    releases(double)[0].is_draft = True

    tell_reverted(double)

    [release] = releases(double)
    assert (release.name, release.is_draft) == (f"{TAG} (reverted)", True)
    assert "Reverted: complaints" in (release.body or "")
    publish(double)
    assert_whole(double)


def test_a_revert_is_said_on_a_published_page_that_is_no_longer_the_latest(
    double: Double,
) -> None:
    double.state.repository.settings.are_releases_immutable = True
    publish(double)

    tell_reverted(double)

    [release] = releases(double)
    assert (release.name, release.is_draft) == (f"{TAG} (reverted)", False)
    assert double.requests[-1].body["make_latest"] == "false"


def tell_reverted(double: Double) -> None:
    [page] = github_release.listing(github_api.repository(hub(double)))
    github_release.tell_reverted(page, why="complaints", who="ada", when="2026-01-02")


def test_the_latest_is_asked_for_before_it_is_set(double: Double) -> None:
    publish(double)
    repository = github_api.repository(hub(double))
    [page] = github_release.listing(repository)
    before = len(writes(double))

    github_release.make_latest(repository, page)

    assert len(writes(double)) == before


def test_a_token_that_may_only_read_is_told_with_the_permission(double: Double) -> None:
    double.state.add_token("reads", permissions={"contents": "read", "metadata": "read"})

    with pytest.raises(github_api.TokenMayNot, match=f"may not draft the release {TAG}") as caught:
        github_release.publish(
            github_api.repository(hub(double, "reads")), WANTED, is_there=lambda: True
        )

    assert "contents: write" in caught.value.fix
    assert releases(double) == []


def test_a_listing_has_every_page(double: Double) -> None:
    for number in range(205):
        name = f"other@v1.0.{number}"
        double.state.repository.releases[number] = Release(
            id=number, tag_name=name, target="main", name=name, body=None, author="ada",
            created_at="2026-01-02T03:04:05Z", is_draft=True,
        )  # fmt: skip

    listed = github_release.listing(github_api.repository(hub(double)))

    assert len(listed) == 205
    assert not github_release.is_cut(listed)
    assert [one.body for one in listed] == [""] * 205
    assert release_page.pages_of(listed, "other@v1.0.7")[0].id == 7
