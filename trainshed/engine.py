"""The container engine, through its SDK: a connection, and errors in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from urllib3.exceptions import HTTPError

from trainshed.errors import ConflictError, OutsideError

Client = docker.DockerClient
_TIMEOUT_SECONDS = 120


class EngineIsNotThere(OutsideError):
    """No container engine answers."""


class EngineRefused(OutsideError):
    """The container engine answered with an error."""


class SomebodyElseIsAtIt(ConflictError):
    """Another deployment makes or removes the same containers at the same time."""


@cache
def connect() -> Client:
    """Return a client of the engine that DOCKER_HOST names, else of the local one.

    Raises:
        EngineIsNotThere: none answers.
    """
    try:
        client = docker.from_env(timeout=_TIMEOUT_SECONDS)
        client.ping()
    except DockerException as error:
        raise EngineIsNotThere(
            f"No container engine answers: {error}",
            fix="Start one (`systemctl start docker`), or set DOCKER_HOST; where there is none, "
            "use `target: process` and no `image:`.",
        ) from None
    return client


def is_there() -> bool:
    try:
        connect()
    except EngineIsNotThere:
        return False
    return True


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Turn the SDK's errors into ours: `doing` says what was tried, such as "starting churn"."""
    try:
        yield
    except APIError as error:
        if error.status_code == HTTPStatus.CONFLICT:
            raise SomebodyElseIsAtIt(
                f"Somebody else was faster than {doing}: {error.explanation or error}",
                fix="Another deployment is under way. Run the same command again to converge.",
            ) from None
        raise EngineRefused(
            f"The engine refused {doing}: {error.explanation or error}",
            fix="Mend what it says, then run the same command again.",
        ) from None
    except (DockerException, HTTPError, OSError) as error:
        raise EngineIsNotThere(
            f"The engine went away while {doing}: {error}",
            fix="Start it again (`systemctl start docker`), then run the same command again.",
        ) from None


def container(client: Client, name: str) -> Any | None:
    """Return a container by its name, fresh; None when there is none."""
    with told(f"looking for the container {name}"):
        try:
            return client.containers.get(name)
        except NotFound:
            return None


def image(client: Client, reference: str) -> Any | None:
    """Return a local image; None when it is not here."""
    with told(f"looking for the image {reference}"):
        try:
            return client.images.get(reference)
        except ImageNotFound:
            return None


def published_port(one: Any, port: int) -> int:
    """Return the port of this machine at which a running container's port is published."""
    bound = one.ports.get(f"{port}/tcp") or []
    if not bound:
        raise EngineRefused(
            f"{one.name} does not publish its port {port}.",
            fix="Remove the container; the next run makes it anew.",
        )
    return int(bound[0]["HostPort"])
