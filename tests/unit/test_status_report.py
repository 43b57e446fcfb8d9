from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from goldens import Golden
from repositories import deployment_of, manifest_of, tombstone_of

from trainshed import reconcile, status_report, tags
from trainshed.ledger import Deployment, Ledger, Release
from trainshed.manifest import Manifest
from trainshed.reconcile import Current, Standing
from trainshed.tags import Tag
from trainshed.verification import Checked
from trainshed.world import Annotated, World

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
CHURN = [f"churn@v1.{minor}.0" for minor in range(3)]
DIGEST = "sha256:" + "5a" * 32


def test_the_status_has_a_line_per_environment_and_model(golden: Golden) -> None:
    many = {"f1": 0.8421, "log_loss": 0.00012, "rows": 4000.0, "recall": 0.0, "fifth": 1.0}
    manifests = [
        manifest_of(CHURN[0]),
        manifest_of(CHURN[1], sequence=2, metrics=many),
        manifest_of("lifetime@v2.0.0", metrics={"rmse": 1234567.0}),
    ]
    ledger = ledger_of(
        manifests,
        live(CHURN[0], "staging", ago=timedelta(days=3)),
        live(CHURN[1], "staging", ago=timedelta(hours=5)),
        live(CHURN[0], "production", ago=timedelta(days=9, hours=23)),
        live("lifetime@v2.0.0", "production", ago=timedelta(seconds=12)),
    )
    places = [
        ("staging", "churn", Current(tag=tag(CHURN[1]))),
        ("production", "churn", Current(tag=tag(CHURN[0]), is_healthy=False)),
        ("production", "lifetime", Current(tag=tag("lifetime@v2.0.0"))),
        ("elsewhere", "churn", Current(tag=None)),
    ]

    golden(told(places, ledger), "status_report/status.txt")


@pytest.mark.parametrize(
    ("ago", "age"),
    [
        pytest.param(timedelta(seconds=-5), "0 s", id="a-clock-that-is-ahead"),
        pytest.param(timedelta(seconds=59), "59 s", id="seconds"),
        pytest.param(timedelta(seconds=60), "1 min", id="minutes"),
        pytest.param(timedelta(hours=1), "1 h", id="hours"),
        pytest.param(timedelta(hours=47, minutes=59), "1 d", id="days"),
    ],
)
def test_the_age_of_a_release_is_told_in_its_largest_unit(ago: timedelta, age: str) -> None:
    ledger = ledger_of([manifest_of(CHURN[0])], live(CHURN[0], "production", ago=ago))

    assert cells(told([("production", "churn", Current(tag=tag(CHURN[0])))], ledger))[3] == age


@pytest.mark.parametrize(
    "deployments",
    [
        pytest.param([], id="nothing-is-written-down"),
        pytest.param([CHURN[0], CHURN[1]], id="another-one-is-written-down"),
    ],
)
def test_the_age_is_left_open_where_the_ledger_does_not_know_it(deployments: list[str]) -> None:
    records = [live(name, "production", ago=timedelta(hours=1)) for name in deployments]
    ledger = ledger_of([manifest_of(CHURN[0])], *records)

    line = cells(told([("production", "churn", Current(tag=tag(CHURN[0])))], ledger))

    assert line[2:5] == [CHURN[0], "–", "answers"]


def test_a_release_that_the_ledger_lacks_is_told_from_its_tag() -> None:
    manifest = manifest_of(CHURN[0])
    found = {manifest.tag: Annotated(tag=manifest.tag, manifest=manifest)}
    world = World(
        branch="main", head=None, tags=found,
        marks=frozenset(), ledger=Ledger(), ledger_commit=None,
    )  # fmt: skip
    places = [("production", "churn", Current(tag=tag(CHURN[0])))]

    text = status_report.status(places, Ledger(), reconcile.fold(world), now=NOW)

    assert cells(text)[-1] == "f1=0.9000"


def test_a_release_that_nobody_knows_is_named_all_the_same() -> None:
    text = told([("production", "churn", Current(tag=tag(CHURN[0])))], Ledger())

    assert cells(text)[2:] == [CHURN[0], "–", "answers", "–", "–"]


def test_without_environments_the_status_says_so() -> None:
    assert told([], Ledger()) == "No environment serves a model.\n"


def test_the_history_tells_what_went_live_when_and_what_was_reverted_by_whom(
    golden: Golden,
) -> None:
    at = "2026-02-01T10:00:00+00:00"
    events = [
        deployed(CHURN[0], "staging", when="2026-01-01T09:00:00+00:00", why="release"),
        deployed(CHURN[0], when="2026-01-01T10:00:00+00:00", why="release"),
        deployed(
            CHURN[1], when="2026-01-03T10:00:00+00:00", outcome="failed", previous=CHURN[0],
            why="churn@v1.1.0 was started, but ended by itself. It said:\n  Traceback\n  no column",
        ),
        deployed(CHURN[1], when="2026-01-04T10:00:00+00:00", previous=CHURN[0], why="release"),
        tombstone_of(tag(CHURN[1]), when=at, who="octocat", why="complaints"),
        deployed(CHURN[0], when=at, previous=CHURN[1], seconds=0.04, why="converge"),
        tombstone_of(
            tag(CHURN[1]), when="2026-02-02T10:00:00+00:00", is_lifted=True, why="all well"
        ),
    ]  # fmt: skip

    golden(status_report.history(events), "status_report/history.txt")


def test_the_history_of_a_new_repository_says_that_there_is_none() -> None:
    assert status_report.history([]) == "Nothing went live yet.\n"


def test_what_was_verified_is_told_release_by_release(golden: Golden) -> None:
    checked = [
        Checked(tag=CHURN[2], what=f"ghcr.io/acme/churn@{DIGEST}", problem=None),
        Checked(
            tag=CHURN[1], what=f"ghcr.io/acme/churn@{DIGEST}", problem="its image holds no run"
        ),
        Checked(tag=CHURN[0], what="run 0a1b2c3d4e5f in the run store", problem="it is gone"),
    ]

    golden(status_report.verified(checked), "status_report/verified.txt")


def test_where_no_release_stands_there_is_none_to_verify() -> None:
    assert status_report.verified([]) == "No release stands, so there is none to verify.\n"


def told(places: list[tuple[str, str, Current]], ledger: Ledger) -> str:
    standing = Standing(releases={}, reverted=(), notes=(), is_all_gone=False)
    return status_report.status(places, ledger, standing, now=NOW)


def cells(text: str) -> list[str]:
    """Return the cells of the first line below the heading."""
    return [cell.strip() for cell in text.splitlines()[1].split("  ") if cell]


def ledger_of(
    manifests: list[Manifest],
    *deployments: Deployment,
    tombstones: Mapping[Tag, Any] | None = None,
) -> Ledger:
    places: dict[tuple[str, str], tuple[Deployment, ...]] = {}
    for one in deployments:
        place = (one.environment, one.model)
        places[place] = (*places.get(place, ()), one)
    return Ledger(
        releases={
            one.tag: Release(
                manifest=one, tag_object="0" * 40, tagger="Ada <ada@example.org> 1 +0000"
            )
            for one in manifests
        },
        tombstones=tombstones or {},
        deployments=places,
    )


def live(name: str, environment: str, *, ago: timedelta) -> Deployment:
    return deployment_of(tag(name), environment, when=(NOW - ago).isoformat())


def deployed(name: str, environment: str = "production", **changes: Any) -> Deployment:
    return deployment_of(tag(name), environment, **changes)


def tag(name: str) -> Tag:
    return tags.require(name)
