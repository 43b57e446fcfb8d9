"""GitHub Deployments: what went live where, as GitHub shows it beside a repository and a commit.

They are told from the ledger's records, so that a later run tells what a killed one did not. Of one
environment and model exactly one is active: GitHub's own way (`auto_inactive`) would switch off the
other models of the environment.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trainshed import config, github_api, ledger

if TYPE_CHECKING:
    from github.Deployment import Deployment
    from github.Repository import Repository

MOST_LOOKED_AT = 20
"""Earlier deployments of one model in one environment; the active ones are the newest of them."""
_LONGEST_DESCRIPTION = 140
_OVER = {"inactive", "failure", "error"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """One model in one environment, for GitHub."""

    environment: str
    model: str
    url: str | None
    is_production: bool
    """What users get: the last environment of trainshed.yml."""

    @property
    def task(self) -> str:
        """By what GitHub tells the deployments of one model from those of another."""
        return f"deploy:{self.model}"


@dataclass(frozen=True, kw_only=True)
class Event:
    """One record of the ledger: a release went live, or failed to."""

    number: int
    """1, 2, 3 … in its environment and model: the name of the record's file."""
    record: ledger.Deployment
    commit: str


@dataclass(frozen=True, kw_only=True)
class Told:
    """A deployment as GitHub lists it."""

    id: int
    number: int | None
    """The ledger's number of what it tells; None where somebody else made it."""
    state: str | None
    """Of its newest status; None while it has none."""
    handle: Any = None
    """PyGithub's own object, to act on."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    tell: tuple[tuple[Event, Told | None], ...]
    """In order; with a deployment that was made but got no status, when there is one."""
    retire: tuple[Told, ...]
    """Oldest first, so that what a killed run leaves active are always the newest."""


def events(book: ledger.Ledger, place: Place) -> list[Event]:
    """Return what is to be told of a place: what is live, and what failed since."""
    records = book.deployments.get((place.environment, place.model), ())
    numbered = list(enumerate(records, start=1))
    live = [number for number, one in numbered if one.outcome == "live"]
    since = numbered[live[-1] - 1 :] if live else numbered
    chosen = since[:1] + since[-1:] if len(since) > 1 else since
    by_name = {str(tag): release.manifest for tag, release in book.releases.items()}
    return [
        Event(number=number, record=one, commit=by_name[one.tag].commit)
        for number, one in chosen
        if one.tag in by_name
    ]


def decide(chosen: Sequence[Event], history: Sequence[Told]) -> Plan:
    """Say what GitHub is to be told.

    Args:
        chosen: what is live and what failed since, oldest first.
        history: the deployments at GitHub, newest first, down to one that is inactive.
    """
    by_number = {one.number: one for one in history if one.number is not None}
    tell = tuple(
        (one, by_number.get(one.number))
        for one in chosen
        if (there := by_number.get(one.number)) is None or there.state in {None, "in_progress"}
    )
    live = [one.number for one in chosen if one.record.outcome == "live"]
    stays = {one.number for one in chosen}
    retire = [one for one in history if live and one.number not in stays and one.state not in _OVER]
    return Plan(tell=tell, retire=tuple(reversed(retire)))


def tell(repository: Repository, place: Place, book: ledger.Ledger, *, run_url: str | None) -> None:
    """Have GitHub show what is live in a place, and nothing else as active.

    Raises:
        TokenMayNot, GitHubRefused, …: see `trainshed.github_api.told`.
    """
    chosen = events(book, place)
    if not chosen:
        return
    where = f"{place.model} in {place.environment}"
    with github_api.told(f"show the deployment of {where}"):
        plan = decide(chosen, _history(repository, place))
        for event, there in plan.tell:
            deployment = there.handle if there else _create(repository, place, event)
            _conclude(deployment, place, event, run_url=run_url)
        for one in plan.retire:
            one.handle.create_status("inactive", auto_inactive=False)


def url_of(environment: config.Environment, model: str) -> str | None:
    """Return where an environment answers for a model; None where nobody else can reach it."""
    if environment.domain is not None:
        return f"https://{environment.domain}"
    if environment.host is None or ipaddress.ip_address(environment.address).is_loopback:
        return None
    server = urlsplit(environment.host).hostname
    shown = f"[{server}]" if server and ":" in server else server
    return f"http://{shown}:{environment.port_of(model)}"


def place_of(settings: config.Config, environment: str, model: str) -> Place:
    return Place(
        environment=environment,
        model=model,
        url=url_of(settings.environments[environment], model),
        is_production=environment == list(settings.environments)[-1],
    )


def _history(repository: Repository, place: Place) -> list[Told]:
    """List deployments, newest first, down to the first that is inactive: older ones are too."""
    found = []
    listed = repository.get_deployments(task=place.task, environment=place.environment)
    for deployment in listed.get_page(0)[:MOST_LOOKED_AT]:
        statuses = deployment.get_statuses().get_page(0)
        state = statuses[0].state if statuses else None
        number = _number(deployment)
        found.append(Told(id=deployment.id, number=number, state=state, handle=deployment))
        if state == "inactive":
            break
    return found


def _number(deployment: Deployment) -> int | None:
    payload = deployment.payload
    number = payload.get("record") if isinstance(payload, dict) else None
    return number if isinstance(number, int) else None


def _create(repository: Repository, place: Place, event: Event) -> Deployment:
    one = event.record
    return repository.create_deployment(
        event.commit,
        task=place.task,
        auto_merge=False,
        required_contexts=[],  # the gate has spoken; a rollback waits for no check
        payload={
            "model": one.model,
            "tag": one.tag,
            "image": one.image,
            "record": event.number,
        },
        environment=place.environment,
        description=f"{one.tag}: {one.why}"[:_LONGEST_DESCRIPTION],
        transient_environment=False,
        production_environment=place.is_production,
    )


def _conclude(deployment: Deployment, place: Place, event: Event, *, run_url: str | None) -> None:
    from github.GithubObject import NotSet  # noqa: PLC0415

    one = event.record
    is_live = one.outcome == "live"
    said = f"{one.tag} is live" if is_live else f"{one.tag} did not go live: {one.why}"
    deployment.create_status(
        "success" if is_live else "failure",
        target_url=run_url or NotSet,
        description=said[:_LONGEST_DESCRIPTION],
        environment_url=place.url if is_live and place.url else NotSet,
        auto_inactive=False,
    )
