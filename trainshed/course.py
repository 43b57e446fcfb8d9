"""The way of releases through the environments, in their order, within one run. Pure."""

from dataclasses import dataclass

from trainshed import reconcile
from trainshed.config import Config
from trainshed.reconcile import Current, Standing, Step
from trainshed.tags import Tag
from trainshed.targets import Target
from trainshed.world import World


@dataclass(frozen=True, kw_only=True)
class Place:
    """One model in one environment, its target, and what runs there."""

    environment: str
    model: str
    target: Target
    current: Current


class Course:
    """Decides place by place: what was live in one environment may follow into the next."""

    def __init__(
        self, config: Config, world: World, standing: Standing, *, is_forward: bool
    ) -> None:
        names = list(config.environments)
        self._before = dict(zip(names[1:], names, strict=False))
        self._world = world
        self._standing = standing
        self._is_forward = is_forward
        self._went_live: dict[tuple[str, str], Tag] = {}

    def step(self, place: Place) -> Step:
        return reconcile.plan(
            self._world,
            self._standing,
            model=place.model,
            environment=place.environment,
            current=place.current,
            is_forward=self._is_forward,
            proven_before=self._proven_before(place),
        )

    def went_live(self, step: Step) -> None:
        """Note that a step was done (or will have been), so the next environment may follow."""
        if step.desired is not None:
            self._went_live[step.environment, step.model] = step.desired.tag

    def _proven_before(self, place: Place) -> frozenset[Tag] | None:
        """Return what was live in the environment before; None: there is none before."""
        before = self._before.get(place.environment)
        if before is None:
            return None
        there = self._went_live.get((before, place.model))
        deployed = self._world.ledger.deployed(before, place.model)
        return deployed if there is None else deployed | {there}
