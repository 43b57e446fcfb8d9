from collections.abc import Mapping

import pytest
from goldens import Golden
from repositories import deployment_of, manifest_of, tombstone_of

from trainshed import deploy_report, ledger, reconcile, tags
from trainshed.deployment import Plan
from trainshed.ledger import Ledger
from trainshed.manifest import Manifest
from trainshed.reconcile import Current
from trainshed.tags import Tag
from trainshed.world import Annotated, Unusable, World

CHURN = [f"churn@v1.{minor}.0" for minor in range(9)]
TAGGER = "Ada <ada@example.org> 1700000000 +0000"


def test_the_plan_tells_all_that_can_be_told(golden: Golden) -> None:
    world = eventful()
    steps = {
        ("keep", "churn", CHURN[7]): Current(tag=tag(CHURN[7])),
        ("restart", "churn", CHURN[7]): Current(tag=tag(CHURN[7]), is_healthy=False),
        ("gone", "churn", CHURN[7]): Current(tag=None),
        ("rollback", "churn", CHURN[7]): Current(tag=tag(CHURN[8])),
        ("wait", "churn", ""): Current(tag=None),
        ("none-left", "lifetime", ""): Current(tag=tag("lifetime@v1.0.0")),
        ("empty", "lifetime", ""): Current(tag=None),
        ("forward", "churn", ""): Current(tag=tag(CHURN[6])),
        ("first", "churn", ""): Current(tag=None),
    }

    golden(told(world, steps, forward={"forward", "first"}), "deploy_report/eventful.txt")


def test_the_plan_of_a_new_repository_says_that_there_is_nothing() -> None:
    world = world_of({}, Ledger())

    assert told(world, {}) == "nothing is deployed and nothing was released\n"


@pytest.mark.parametrize("count", [1, 5, 6])
def test_the_five_newest_releases_are_listed(count: int) -> None:
    manifests = [manifest_of(CHURN[at], sequence=at + 1) for at in range(count)]
    world = world_of(
        {one.tag: Annotated(tag=one.tag, manifest=one) for one in manifests}, ledger_of(manifests)
    )

    newest = ", ".join(str(one.tag) for one in reversed(manifests[-5:]))
    older = " and 1 older" if count == 6 else ""
    assert told(world, {}) == f"releases of churn: {newest}{older}\n"


def eventful() -> World:
    """Eight releases of churn stand, one is under a tombstone, one is gone, one marked, …"""
    churn = [manifest_of(name, sequence=at + 1) for at, name in enumerate(CHURN)]
    lifetime = manifest_of("lifetime@v1.0.0")
    gone = manifest_of("churn@v2.0.0", sequence=10)
    tombstone = tombstone_of(tag(CHURN[8]), who="Ada <ada@example.org>", why="complaints")
    lifted = tombstone_of(tag(CHURN[2]), is_lifted=True)
    facts: dict[Tag, Annotated | Unusable] = {
        one.tag: Annotated(tag=one.tag, manifest=one) for one in [*churn, lifetime]
    }
    lightweight, by_hand = tag("churn@v3.0.0"), tag("churn@v3.1.0")
    facts[lightweight] = Unusable(tag=lightweight, why="is a lightweight tag: it holds no manifest")
    facts[by_hand] = Unusable(tag=by_hand, why="is not a manifest")
    live = {
        (name, model): (deployment_of(tag(release), name),)
        for name, model, release in [
            ("keep", "churn", CHURN[7]),
            ("restart", "churn", CHURN[7]),
            ("gone", "churn", CHURN[7]),
            ("rollback", "churn", CHURN[7]),
            ("forward", "churn", CHURN[6]),
            ("none-left", "lifetime", "lifetime@v1.0.0"),
        ]
    }
    records = ledger_of(
        [*churn, gone, lifetime],
        tombstones={one: (record,) for one, record in
                    ((tag(CHURN[8]), tombstone), (tag(CHURN[2]), lifted))},
        deployments=live,
    )  # fmt: skip
    return world_of(facts, records, marks=[tag("lifetime@v1.0.0")])


def told(
    world: World,
    currents: Mapping[tuple[str, str, str], Current],
    *,
    forward: set[str] = frozenset(),  # type: ignore[assignment]
) -> str:
    """Tell the plan of places: (environment, model, …) to what runs there."""
    standing = reconcile.fold(world)
    steps = tuple(
        reconcile.plan(
            world, standing, model=model, environment=environment, current=current,
            is_forward=environment in forward,
        )
        for (environment, model, _), current in currents.items()
    )  # fmt: skip
    return deploy_report.plan_text(Plan(standing=standing, steps=steps), world)


def world_of(
    facts: Mapping[Tag, Annotated | Unusable], records: Ledger, *, marks: list[Tag] | None = None
) -> World:
    return World(
        branch="main", head=None, tags=facts, marks=frozenset(marks or []), ledger=records,
        ledger_commit=None,
    )  # fmt: skip


def ledger_of(manifests: list[Manifest], **records: object) -> Ledger:
    releases = {
        one.tag: ledger.Release(manifest=one, tag_object="0" * 40, tagger=TAGGER)
        for one in manifests
    }
    return Ledger(releases=releases, **records)  # type: ignore[arg-type]


def tag(name: str) -> Tag:
    return tags.require(name)
