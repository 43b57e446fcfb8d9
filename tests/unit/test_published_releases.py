"""Which releases get their page, and which one GitHub shows as the latest."""

from collections.abc import Sequence
from typing import Any

import pytest
import repositories

from trainshed import github_release, published_releases
from trainshed.manifest import Manifest
from trainshed.reconcile import Standing
from trainshed.release_page import Asset, Page

V0, V1, FRAUD = "churn@v1.0.0", "churn@v1.1.0", "fraud@v1.0.0"


def manifest(name: str, day: int) -> Manifest:
    return repositories.manifest_of(name, sequence=day, released=f"2026-01-{day:02}T00:00:00+00:00")


def standing(*manifests: Manifest) -> Standing:
    by_model: dict[str, tuple[Manifest, ...]] = {}
    for one in sorted(manifests, key=lambda one: -one.sequence):
        by_model[one.model] = (*by_model.get(one.model, ()), one)
    return Standing(releases=by_model, reverted=(), notes=(), is_all_gone=False)


STANDING = standing(manifest(V0, 1), manifest(V1, 3), manifest(FRAUD, 2))


def page(name: str, **changes: Any) -> Page:
    assets = tuple(
        Asset(id=1, name=one, size=1, digest=None, is_whole=True)
        for one in ("manifest.json", "model-card.md")
    )
    facts: dict[str, Any] = {
        "id": 1, "title": name, "body": "", "is_draft": False, "is_immutable": False,
        "assets": assets,
    }  # fmt: skip
    return Page(tag=name, **(facts | changes))


def due(pages: Sequence[Page], *, first: str | None = None) -> list[str]:
    return published_releases.due(STANDING, pages, {V0, V1, FRAUD}, first=first)


@pytest.mark.parametrize(
    ("pages", "first", "expected"),
    [
        pytest.param([], None, [V1, FRAUD, V0], id="newest-first"),
        pytest.param([], V0, [V0, V1, FRAUD], id="this-run-s-own-before-all"),
        pytest.param([page(V0), page(V1), page(FRAUD)], V1, [], id="all-are-there"),
        pytest.param([page(V0), page(V1, is_draft=True)], None, [V1, FRAUD], id="a-draft"),
    ],
)
def test_pages_that_are_missing_are_made(
    pages: list[Page], first: str | None, expected: list[str]
) -> None:
    assert due(pages, first=first) == expected


def test_a_tag_that_the_ledger_does_not_know_gets_no_page() -> None:
    assert published_releases.due(STANDING, [], {V1}) == [V1]


def test_one_run_makes_a_bounded_number_of_pages() -> None:
    many = [manifest(f"churn@v1.{number}.0", number) for number in range(1, 29)]
    names = {str(one.tag) for one in many}

    made = published_releases.due(standing(*many), [], names, first="churn@v1.1.0")

    assert len(made) == published_releases.MOST_AT_ONCE
    assert made[:2] == ["churn@v1.1.0", "churn@v1.28.0"]


def test_where_the_listing_was_cut_an_old_page_is_not_taken_for_missing() -> None:
    """That of this run's release is: the listing begins with the newest."""
    many = [page(f"other@v1.{number}.0") for number in range(github_release.MOST_PAGES * 100 - 1)]

    assert due([*many, page(V0, is_draft=True)], first=V1) == [V1, V0]


def test_the_latest_is_the_newest_of_a_model_whichever_that_is() -> None:
    assert published_releases.newest_of_all(STANDING) == manifest(V1, 3)
    assert published_releases.newest_of_all(standing(manifest(FRAUD, 2))) == manifest(FRAUD, 2)
    assert published_releases.newest_of_all(standing()) is None


def test_within_a_model_the_sequence_decides_not_the_clock() -> None:
    early = repositories.manifest_of(V1, sequence=2, released="2020-01-01T00:00:00+00:00")
    late = repositories.manifest_of(V0, sequence=1, released="2030-01-01T00:00:00+00:00")

    assert published_releases.newest_of_all(standing(late, early)) == early
