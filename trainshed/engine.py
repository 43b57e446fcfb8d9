"""The container engine, through its SDK: a connection, and errors in our words.

It is the one of this machine, or that of a host that is reached over SSH, and with it the ports
that containers there publish.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http import HTTPStatus
from typing import Any

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.utils import kwargs_from_env
from urllib3.exceptions import HTTPError

from trainshed import ssh
from trainshed.errors import ConflictError, OutsideError
from trainshed.hosts import Host
from trainshed.http_client import LOOPBACK, Address

_TIMEOUT_SECONDS = 120
_SOCKET = "/var/run/docker.sock"


class EngineIsNotThere(OutsideError):
    """No container engine answers."""


class EngineRefused(OutsideError):
    """The container engine answered with an error."""


class EngineIsNotReachable(OutsideError):
    """A host was reached over SSH, but its container engine is not there for that user."""


class SomebodyElseIsAtIt(ConflictError):
    """Another deployment makes or removes the same containers at the same time."""


class Client(docker.DockerClient):
    """An engine, and the way to the ports of the machine that it runs on."""

    connection: ssh.Connection | None = None
    """None: it is this machine."""

    def reach(self, port: int, *, address: str = LOOPBACK) -> Address:
        """Return where a port of the engine's machine is to be had here."""
        if self.connection is None:
            return address, port
        host = f"[{address}]" if ":" in address else address
        return self.connection.forward(f"{host}:{port}")


@cache
def connect() -> Client:
    """Return a client of the engine that DOCKER_HOST names, else of the local one.

    Raises:
        EngineIsNotThere: none answers.
    """
    try:
        client = Client(timeout=_TIMEOUT_SECONDS, **kwargs_from_env())
        client.ping()
    except DockerException as error:
        raise EngineIsNotThere(
            f"No container engine answers: {error}",
            fix="Start one (`systemctl start docker`), or set DOCKER_HOST; where there is none, "
            "use `target: process` and no `image:`.",
        ) from None
    return client


@cache
def connect_to(host: Host) -> Client:
    """Return a client of the engine of a host; the connection to it ends with this process.

    Raises:
        EngineIsNotReachable: that user has none there.
        HostKeyDiffers, HostIsNotReached, HostRefusesTheKey, HostForbidsForwarding
    """
    connection = ssh.connect(host)
    try:
        client = Client(base_url=f"unix://{connection.forward(_SOCKET)}", timeout=_TIMEOUT_SECONDS)
        client.ping()
    except (DockerException, OSError):
        trouble = connection.trouble(f"reaching {_SOCKET}")
        connection.close()
        raise trouble or EngineIsNotReachable(
            f"{host} let us in, but {_SOCKET} does not answer there.",
            fix=f"Let {host.user} use the engine (`sudo usermod -aG docker {host.user}`), see that "
            "it runs (`systemctl start docker`), and that sshd_config there limits neither "
            "AllowTcpForwarding nor AllowStreamLocalForwarding nor PermitOpen.",
        ) from None
    client.connection = connection
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
        raise ssh.trouble(doing) or EngineIsNotThere(
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
    """Return the port of the engine's machine at which a running container's is published."""
    bound = one.ports.get(f"{port}/tcp") or []
    if not bound:
        raise EngineRefused(
            f"{one.name} does not publish its port {port}.",
            fix="Remove the container; the next run makes it anew.",
        )
    return int(bound[0]["HostPort"])


def published(one: Any, port: int) -> Address:
    """Return where a running container's published port is to be had here."""
    client: Client = one.client
    return client.reach(published_port(one, port))
