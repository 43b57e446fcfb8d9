"""GitHub Deployments: what is told of the ledger, and that one model never switches off another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import github_double
import pytest
import repositories
from github_double import Double
from github_double.state import Status
from repositories import Repo, deployment_of

from trainshed import config, github_api, github_deployment, ledger, tags
from trainshed.github_deployment import Event, Place, Plan, Told
from trainshed.origin import Change
from trainshed.settings import GitHub

COMMIT = "c0" * 20
CHURN, FRAUD = "churn@v1.0.0", "fraud@v1.0.0"
RUN = "https://github.com/acme/churn/actions/runs/7"


def event(number: int, name: str = CHURN, outcome: Any = "live") -> Event:
    record = deployment_of(tags.require(name), outcome=outcome)
    return Event(number=number, record=record, commit=COMMIT)


def told(number: int | None, state: str | None = "success") -> Told:
    return Told(id=(number or 0) * 10, number=number, state=state)


LIVE, FAILED = event(3), event(4, outcome="failed")


@pytest.mark.parametrize(
    ("events", "history", "tell", "retire"),
    [
        pytest.param([LIVE], [], [(3, None)], [], id="the-first"),
        pytest.param([LIVE], [told(3)], [], [], id="told-already"),
        pytest.param([LIVE], [told(2)], [(3, None)], [2], id="the-one-before-is-over"),
        pytest.param([LIVE], [told(3, None), told(2)], [(3, 30)], [2], id="killed-in-between"),
        pytest.param([LIVE], [told(3), told(2), told(1)], [], [1, 2], id="oldest-first"),
        pytest.param([LIVE], [told(3), told(2, "inactive")], [], [], id="over-already"),
        pytest.param([LIVE], [told(None), told(3)], [], [None], id="somebody-else-s"),
        pytest.param(
            [LIVE, FAILED], [told(3), told(2)], [(4, None)], [2], id="a-failure-leaves-it-live"
        ),
        pytest.param([LIVE, FAILED], [told(4, "failure"), told(3)], [], [], id="failure-told"),
        pytest.param([FAILED], [told(2)], [(4, None)], [], id="nothing-is-known-to-be-live"),
        pytest.param([], [told(2)], [], [], id="nothing-happened"),
    ],
)
def test_what_is_told(
    events: list[Event], history: list[Told], tell: list[Any], retire: list[Any]
) -> None:
    plan: Plan = github_deployment.decide(events, history)

    assert [(one.number, there.id if there else None) for one, there in plan.tell] == tell
    assert [one.number for one in plan.retire] == retire


def test_of_a_ledger_what_is_live_and_the_last_failure_since_are_told() -> None:
    outcomes = ["failed", "live", "live", "failed", "failed"]
    book = book_of([deployment_of(tags.require(CHURN), outcome=one) for one in outcomes])

    found = github_deployment.events(book, place())

    assert [(one.number, one.record.outcome) for one in found] == [(3, "live"), (5, "failed")]
    assert github_deployment.events(ledger.Ledger(), place()) == []
    assert github_deployment.events(book, place(model="fraud")) == []


def book_of(records: list[ledger.Deployment]) -> ledger.Ledger:
    tag = tags.require(CHURN)
    release = ledger.Release(
        manifest=repositories.manifest_of(tag), tag_object="0" * 40, tagger="somebody"
    )
    return ledger.Ledger(
        releases={tag: release}, deployments={("production", "churn"): tuple(records)}
    )


def place(**changes: Any) -> Place:
    facts = {"environment": "production", "model": "churn", "url": None, "is_production": True}
    return Place(**(facts | changes))


HOST = {
    "host": "ssh://deploy@models.acme.example",
    "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
}


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        pytest.param({"target": "process", "port": 8080}, None, id="this-machine"),
        pytest.param({"port": 8080}, None, id="docker-here"),
        pytest.param({"port": 8080, "address": "0.0.0.0"}, None, id="nobody-knows-its-name"),
        pytest.param({"port": 443, "domain": "acme.example"}, "https://acme.example", id="domain"),
        pytest.param({**HOST, "port": 8080}, None, id="host-behind-loopback"),
        pytest.param(
            {**HOST, "port": {"churn": 8081, "fraud": 8082}, "address": "0.0.0.0"},
            "http://models.acme.example:8081",
            id="host",
        ),
        pytest.param(
            {**HOST, "host": "ssh://deploy@[2001:db8::1]:22", "port": 80, "address": "::"},
            "http://[2001:db8::1]:80",
            id="address-of-version-6",
        ),
        pytest.param(
            {**HOST, "port": 80, "address": "0.0.0.0", "domain": "acme.example"},
            "https://acme.example",
            id="a-domain-outranks-a-host",
        ),
    ],
)
def test_the_url_is_where_others_reach_it(settings: dict[str, Any], url: str | None) -> None:
    environment = config.Environment.model_validate({"target": "docker", **settings})

    assert github_deployment.url_of(environment, "churn") == url


def test_the_last_environment_is_production() -> None:
    environments = {name: {"target": "process", "port": 1} for name in ("staging", "live")}
    settings = config.Config.model_validate(
        {"models": {"churn": repositories.model_section()}, "environments": environments}
    )

    found = [github_deployment.place_of(settings, name, "churn") for name in environments]

    assert [one.is_production for one in found] == [False, True]


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = repositories.make(tmp_path, {"a.txt": "a"})
    for name in (CHURN, FRAUD, "churn@v1.1.0"):
        made.released(name)
    return made


@pytest.fixture
def double(repo: Repo) -> Iterator[Double]:
    with github_double.serve("acme/churn", git=repo.origin_folder) as serving:
        yield serving


def tell(double: Double, repo: Repo, model: str = "churn", **changes: Any) -> None:
    hub = GitHub(
        repository="acme/churn", token=github_double.EVERYTHING, api=double.url,
        server="https://github.com", run_url=RUN,
    )  # fmt: skip
    book = repo.world().ledger
    here = place(model=model, **changes)
    github_deployment.tell(github_api.repository(hub), here, book, run_url=hub.run_url)


def went_live(
    repo: Repo, name: str, outcome: Any = "live", environment: str = "production"
) -> None:
    record = deployment_of(tags.require(name), environment, outcome=outcome, why="it said so")
    repo.origin.change(
        lambda world: Change(
            records=ledger.deployment_records(world.ledger, record), message="Deploy\n"
        )
    )


def shown(double: Double) -> list[tuple[str, str, str | None]]:
    return [
        (one.payload["tag"], one.environment, one.state)
        for one in double.state.repository.deployments.values()
    ]


def test_a_release_that_went_live_is_shown_with_where_it_answers(
    double: Double, repo: Repo
) -> None:
    went_live(repo, CHURN)

    tell(double, repo, url="https://acme.example")

    [one] = double.state.repository.deployments.values()
    assert one.sha == repo.git("rev-parse", "HEAD")
    assert (one.task, one.is_production, one.is_transient) == ("deploy:churn", True, False)
    assert one.payload == {"model": "churn", "tag": CHURN, "image": None, "record": 1}
    assert one.description == f"{CHURN}: it said so"
    [status] = one.statuses
    assert (status.state, status.environment_url) == ("success", "https://acme.example")
    assert (status.log_url, status.description) == (RUN, f"{CHURN} is live")


def test_telling_it_twice_writes_nothing(double: Double, repo: Repo) -> None:
    went_live(repo, CHURN)
    tell(double, repo)
    before = double.asked("POST")

    tell(double, repo)

    assert double.asked("POST") == before


def test_the_one_before_is_inactive_and_a_rollback_is_a_deployment(
    double: Double, repo: Repo
) -> None:
    for name in (CHURN, "churn@v1.1.0", CHURN):
        went_live(repo, name)
        tell(double, repo)

    assert shown(double) == [
        (CHURN, "production", "inactive"),
        ("churn@v1.1.0", "production", "inactive"),
        (CHURN, "production", "success"),
    ]


def test_two_models_and_two_environments_leave_each_other_alone(double: Double, repo: Repo) -> None:
    for name, environment in ((CHURN, "production"), (FRAUD, "production"), (CHURN, "staging")):
        went_live(repo, name, environment=environment)
        model = name.partition("@")[0]
        tell(double, repo, model, environment=environment, is_production=False)

    assert [state for *_, state in shown(double)] == ["success"] * 3


def test_a_failure_is_told_and_what_is_live_stays_active(double: Double, repo: Repo) -> None:
    went_live(repo, CHURN)
    tell(double, repo)
    went_live(repo, "churn@v1.1.0", "failed")
    tell(double, repo)
    tell(double, repo)

    assert shown(double) == [
        (CHURN, "production", "success"),
        ("churn@v1.1.0", "production", "failure"),
    ]
    failed = list(double.state.repository.deployments.values())[-1].statuses[-1]
    assert failed.description == "churn@v1.1.0 did not go live: it said so"
    assert failed.environment_url == ""


@pytest.mark.parametrize(
    "path", ["/deployments$", "/statuses$"], ids=["after-creating", "before-retiring"]
)
def test_what_a_killed_run_left_is_completed(double: Double, repo: Repo, path: str) -> None:
    went_live(repo, CHURN)
    tell(double, repo)
    went_live(repo, "churn@v1.1.0")
    double.faults.add(method="POST", path=path, status=422, is_done=True)
    with pytest.raises(github_api.GitHubRefused):
        tell(double, repo)

    tell(double, repo)

    assert [state for *_, state in shown(double)] == ["inactive", "success"]


def test_checks_that_fail_do_not_hold_a_deployment(double: Double, repo: Repo) -> None:
    """A rollback goes to an old commit, whose statuses may be of any kind."""
    commit = repo.git("rev-parse", "HEAD")
    double.state.repository.statuses.append(
        Status(
            id=1, sha=commit, context="lint", state="failure", description=None, target_url=None,
            creator="ada", created_at="2026-01-02T03:04:05Z",
        )
    )  # fmt: skip
    went_live(repo, CHURN)

    tell(double, repo)

    assert shown(double) == [(CHURN, "production", "success")]


def test_a_long_reason_is_cut_for_github(double: Double, repo: Repo) -> None:
    record = deployment_of(tags.require(CHURN), outcome="failed", why="x" * 500)
    repo.origin.change(
        lambda world: Change(
            records=ledger.deployment_records(world.ledger, record), message="Deploy\n"
        )
    )

    tell(double, repo)

    [one] = double.state.repository.deployments.values()
    assert len(one.description or "") == len(one.statuses[0].description) == 140
