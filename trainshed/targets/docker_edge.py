"""The edge's container: it holds the live port, and its network joins it to the releases."""

import io
import json
import secrets
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError, NotFound

from trainshed import engine, image, image_build, ports
from trainshed.engine import Client
from trainshed.errors import OutsideError
from trainshed.targets import EdgeCannotStart, caddy

_IMAGE = "caddy:2"
_START_SECONDS = 15.0
_POLL_SECONDS = 0.02
_TOKEN = f"{image.LABEL}.token"
_LISTEN = f"{image.LABEL}.listen"
_SAVED = "/config/caddy/autosave.json"


@dataclass(frozen=True, kw_only=True)
class Edge:
    client: Client
    name: str
    """Of the environment and model: `trainshed-production-churn`; also the network's name."""
    address: str
    port: int
    domain: str | None
    labels: Mapping[str, str]

    @property
    def container(self) -> Any | None:
        return engine.container(self.client, f"{self.name}-edge")

    @property
    def is_running(self) -> bool:
        one = self.container
        return one is not None and one.status == "running"

    def upstream(self) -> str | None:
        """Return the live release's host and port; of a dead edge, what it saved last."""
        one = self.container
        if one is None:
            return None
        if one.status == "running":
            try:
                return self.admin(one).state().upstream
            except caddy.EdgeRefused:
                pass
        return caddy.upstream_in(_saved(one))

    def admin(self, one: Any) -> caddy.Admin:
        port = engine.published_port(one, caddy.ADMIN_PORT)
        return caddy.Admin(port=port, token=self._token())

    def ensure(self) -> caddy.State:
        """Start the edge unless it runs, and return what it is told.

        Raises:
            PortIsInUse: another program holds the live port.
            EdgeCannotStart: it did not answer.
        """
        one = self.container
        if one is not None and one.labels.get(_LISTEN) != self._listen:
            with engine.told(f"removing {one.name}"):  # the port or domain was changed
                one.remove(force=True)
            one = None
        self._ensure_network()
        if one is None:
            one = self._create()
        if one.status != "running":
            self._start(one)
        return self._await(one)

    def switch(self, upstream: str, *, before: caddy.State) -> None:
        one = self.container
        if one is None or one.status != "running":
            raise EdgeCannotStart(
                f"{self.name}-edge is gone.", fix="Run the same command again: it is made anew."
            )
        config = caddy.configuration(
            token=self._token(), upstream=upstream, port=self.port, domain=self.domain
        )
        self.admin(one).switch(upstream, before=before, config=config)

    @property
    def _listen(self) -> str:
        return f"{self.address}:{self.port} {self.domain or ''}".strip()

    def _ensure_network(self) -> None:
        with engine.told(f"making the network {self.name}"):
            try:
                self.client.networks.get(self.name)
            except NotFound:
                self.client.networks.create(
                    self.name, driver="bridge", check_duplicate=True, labels=dict(self.labels)
                )

    def _create(self) -> Any:
        if engine.image(self.client, _IMAGE) is None:
            with engine.told(f"pulling {_IMAGE}"):
                self.client.images.pull(_IMAGE)
        published: dict[str, Any] = {f"{caddy.ADMIN_PORT}/tcp": ("127.0.0.1", None)}
        if self.domain is None:
            published[f"{self.port}/tcp"] = (self.address, self.port)
        else:
            published |= {f"{port}/tcp": ("0.0.0.0", port) for port in (80, 443)}  # noqa: S104
        self._token()
        with engine.told(f"making {self.name}-edge"):
            return self.client.containers.create(
                _IMAGE,
                ["caddy", "run", "--resume"],
                name=f"{self.name}-edge",
                network=self.name,
                ports=published,
                environment={"CADDY_ADMIN": f"0.0.0.0:{caddy.ADMIN_PORT}"},
                volumes={
                    f"{self.name}-edge-{kind}": {"bind": f"/{kind}", "mode": "rw"}
                    for kind in ("config", "data")
                },
                labels={**self.labels, _LISTEN: self._listen},
                restart_policy=image_build.RESTART,
            )

    def _token(self) -> str:
        """Return what the admin API wants to be told; it is kept with the saved configuration."""
        name = f"{self.name}-edge-config"
        with engine.told(f"making the volume {name}"):
            try:
                volume = self.client.volumes.get(name)
            except NotFound:
                token = f"trainshed-{secrets.token_hex(16)}"
                volume = self.client.volumes.create(name, labels={**self.labels, _TOKEN: token})
        kept: str = volume.attrs["Labels"][_TOKEN]
        return kept

    def _start(self, one: Any) -> None:
        try:
            one.start()
        except APIError as error:
            said = str(error.explanation or error)
            if "already allocated" in said or "address already in use" in said:
                raise ports.PortIsInUse(
                    f"Port {self.port} on {self.address} is in use by another program.",
                    fix=f"Stop that program (`ss -ltnp 'sport = :{self.port}'` names it), or "
                    "change `port:` of the environment in trainshed.yml.",
                ) from None
            raise EdgeCannotStart(
                f"{one.name} cannot be started: {said}",
                fix="Mend what it says, then run the same command again.",
            ) from None
        one.reload()

    def _await(self, one: Any) -> caddy.State:
        deadline = time.monotonic() + _START_SECONDS
        last: OutsideError | None = None
        while time.monotonic() < deadline:
            try:
                return self.admin(one).state()
            except OutsideError as error:
                last = error
            time.sleep(_POLL_SECONDS)
            one.reload()
        raise EdgeCannotStart(
            f"{one.name} does not answer: {last.problem if last else ''}",
            fix=f"Look at `docker logs {one.name}`, then run the same command again.",
        )


def _saved(one: Any) -> Mapping[str, Any] | None:
    """Read what a stopped Caddy saved last, out of its volume."""
    content = file_in(one, _SAVED)
    if content is None:
        return None
    try:
        saved: Mapping[str, Any] = json.loads(content)
    except ValueError:
        return None
    return saved


def file_in(one: Any, path: str) -> bytes | None:
    """Return a file's content from a container, running or not; None when it is not there."""
    try:
        stream, _ = one.get_archive(path)
    except NotFound:
        return None
    except APIError:
        return None
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as archive:
        member = archive.next()
        file = archive.extractfile(member) if member is not None and member.isfile() else None
        return file.read() if file is not None else None
