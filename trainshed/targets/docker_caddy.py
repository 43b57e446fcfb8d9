"""What both Caddy containers of an environment share: image, network, making, starting, reading."""

import io
import tarfile
from collections.abc import Mapping
from typing import Any

from docker.errors import APIError, NotFound

from trainshed import engine, ports
from trainshed.engine import Client
from trainshed.targets import EdgeCannotStart

_IMAGE = "caddy:2"

# Not `unless-stopped`: it leaves down what was lost with an engine that was killed.
ALWAYS: Any = {"Name": "always", "MaximumRetryCount": 0}


def ensure_network(client: Client, name: str, labels: Mapping[str, str]) -> None:
    with engine.told(f"making the network {name}"):
        try:
            client.networks.get(name)
        except NotFound:
            client.networks.create(name, driver="bridge", check_duplicate=True, labels=dict(labels))


def create(client: Client, name: str, command: list[str], **options: Any) -> Any:
    """Make a Caddy container, not yet started."""
    if engine.image(client, _IMAGE) is None:
        with engine.told(f"pulling {_IMAGE}"):
            client.images.pull(_IMAGE)
    with engine.told(f"making {name}"):
        return client.containers.create(
            _IMAGE, command, name=name, **{"restart_policy": ALWAYS, **options}
        )


def start(one: Any, *, address: str, port: int) -> None:
    """Start a container; a port that is taken is told as such.

    Raises:
        PortIsInUse: another program holds the live port.
        EdgeCannotStart: anything else.
    """
    with engine.told(f"starting {one.name}"):
        try:
            one.start()
        except APIError as error:
            said = str(error.explanation or error)
            if "already allocated" in said or "address already in use" in said:
                raise ports.PortIsInUse(
                    f"Port {port} on {address} is in use by another program.",
                    fix=f"Stop that program (`ss -ltnp 'sport = :{port}'` names it), or change "
                    "`port:` of the environment in trainshed.yml.",
                ) from None
            raise EdgeCannotStart(
                f"{one.name} cannot be started: {said}",
                fix="Mend what it says, then run the same command again.",
            ) from None
        one.reload()


def file_in(one: Any, path: str) -> bytes | None:
    """Return a file's content from a container, running or not; None when it is not there."""
    with engine.told(f"reading {path} in {one.name}"):
        try:
            stream, _ = one.get_archive(path)
            packed = b"".join(stream)
        except NotFound:
            return None
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        member = archive.next()
        file = archive.extractfile(member) if member is not None and member.isfile() else None
        return file.read() if file is not None else None
