"""A target is where releases run. It answers four questions; traffic moves only at `switch`.

The deployer (`trainshed.deployment`) asks them in order. A failure before `switch` leaves what is
live untouched, and a killed deployer leaves nothing that the next one's `retire` does not remove.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from trainshed.config import Environment
from trainshed.errors import OutsideError, ProgramError, ReleaseStateError
from trainshed.manifest import Manifest
from trainshed.project import Project
from trainshed.reconcile import Current
from trainshed.store import Store

if TYPE_CHECKING:
    from trainshed.engine import Client


class ReleaseIsNotHealthy(ProgramError):
    """A release was started beside the live one but did not become ready."""


class GoldenRowsDiffer(ProgramError):
    """A release answers its own examples otherwise than it did when it was trained."""


class RunIsNotHere(ReleaseStateError):
    """What a release is made of is not in the run store of this machine."""


class EdgeCannotStart(OutsideError):
    """The process that holds the live port did not start."""


class Target(Protocol):
    def current(self) -> Current:
        """Tell which release is live, and whether it answers."""

    def prepare(self, manifest: Manifest) -> None:
        """Start a release beside the live one: ready, and its golden rows answered equally."""

    def switch(self, manifest: Manifest) -> None:
        """Move all traffic to the prepared release, in one atomic step."""

    def retire(self) -> None:
        """Stop all that runs but is not live: the release before, and what a killed run left."""

    def stop(self) -> None:
        """Stop everything: for a demo or a test that is over."""


def make(
    project: Project,
    store: Store,
    *,
    environment: str,
    model: str,
    settings: Environment,
    tell: Callable[[str], None],
) -> Target:
    """Return the target of one model in one environment. Only the one that is used is imported."""
    if settings.target == "docker":
        from trainshed.targets.docker import DockerTarget  # noqa: PLC0415

        return DockerTarget(
            engine_of([settings]),
            environment=environment,
            model=model,
            settings=settings,
            tell=tell,
        )
    from trainshed.targets.process import ProcessTarget  # noqa: PLC0415

    port = settings.port_of(model)
    return ProcessTarget(project, store, environment=environment, model=model, port=port, tell=tell)


def engine_of(environments: Sequence[Environment]) -> "Client":
    """Return the engine of the last of these environments that is on a host; else this machine's.

    Raises:
        EngineIsNotThere, EngineIsNotReachable
        HostKeyDiffers, HostIsNotReached, HostRefusesTheKey, HostForbidsForwarding
    """
    from trainshed import engine  # noqa: PLC0415

    hosts = [one.ssh_host for one in environments if one.ssh_host is not None]
    return engine.connect_to(hosts[-1]) if hosts else engine.connect()
