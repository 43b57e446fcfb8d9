"""Deploy: make every environment run what it should, and write down what happened.

Level-triggered and idempotent. A killed run is repaired by the next: what was prepared is retired,
what was switched counts as live, what was not written down is written then.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Literal

from trainshed import ledger, locks, reconcile, targets, times, tombstone
from trainshed.config import Config
from trainshed.config_file import environments_of
from trainshed.course import Course, Place
from trainshed.errors import ConfigurationError, ConflictError, ReleaseStateError, TrainshedError
from trainshed.origin import Change, Origin
from trainshed.progress import Progress
from trainshed.project import Project
from trainshed.reconcile import Reverted, Standing, Step
from trainshed.settings import settings
from trainshed.store import Store
from trainshed.world import World


class RunnerDoesNotStay(ConfigurationError):
    """The target `process` would start servers on a machine that is gone when the job ends."""


class NoReleaseIsLeft(ReleaseStateError):
    """No release stands that an environment could run; it keeps what it runs."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a deployment would do: told by `plan` and `--dry-run`, executed by `run`."""

    standing: Standing
    steps: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class Deployer:
    project: Project
    origin: Origin
    store: Store
    config: Config
    progress: Progress

    def places(self, *, environment: str | None, model: str | None) -> list[Place]:
        """List the served models of environments, with what runs there now."""
        return [self._place(*names) for names in self.names(environment=environment, model=model)]

    def names(self, *, environment: str | None, model: str | None) -> list[tuple[str, str]]:
        """List (environment, model) of the served models, without asking what runs there."""
        served = [name for name, one in self.config.models.items() if one.is_served]
        return [
            (name, chosen)
            for name in environments_of(self.config, environment)
            for chosen in served
            if model is None or chosen == model
        ]

    def plan(self, world: World, places: Iterable[Place], *, is_forward: bool) -> Plan:
        """Decide for each place, in order, as if all goes well in the places before it."""
        standing = reconcile.fold(world)
        course = Course(self.config, world, standing, is_forward=is_forward)
        steps = []
        for place in places:
            steps.append(course.step(place))
            course.went_live(steps[-1])
        return Plan(standing=standing, steps=tuple(steps))

    def run(
        self, *, environment: str | None, model: str | None, is_forward: bool, why: str
    ) -> Plan:
        """Converge. Every environment is tried, then the first failure is raised.

        Raises:
            RunnerDoesNotStay: what is deployed here would end with the job.
            OriginWasReplaced: every release that the ledger knows is gone from the origin.
            NoReleaseIsLeft: an environment runs something, but no release stands.
            TrainshedError: whatever kept a release from going live.
        """
        failures: list[TrainshedError] = []
        names = environments_of(self.config, environment)
        self._require_a_place_that_stays(names)
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(self._lock(name))
            # In this order: the origin knows all that is found live, and a target refuses to switch
            # once something else is.
            places = self.places(environment=environment, model=model)
            world = self.origin.read()
            plan = self.plan(world, places, is_forward=is_forward)
            reconcile.require_an_origin(world, plan.standing)
            failures += self._bury(plan.standing.reverted)
            course = Course(self.config, world, plan.standing, is_forward=is_forward)
            failures += self._converge_all(zip(places, plan.steps, strict=True), course, why=why)
        for other in failures[1:]:
            self.progress.tell(other.problem)
        if failures:
            raise failures[0]
        return plan

    def bury(self) -> None:
        """Write the tombstones that are due, and deploy nothing.

        Raises:
            OriginWasReplaced: every release that the ledger knows is gone from the origin.
        """
        world = self.origin.read()
        standing = reconcile.fold(world)
        reconcile.require_an_origin(world, standing)
        for failure in self._bury(standing.reverted)[:1]:
            raise failure

    def _place(self, environment: str, model: str) -> Place:
        target = targets.make(
            self.project,
            self.store,
            environment=environment,
            model=model,
            settings=self.config.environments[environment],
            tell=self.progress.tell,
        )
        return Place(environment=environment, model=model, target=target, current=target.current())

    def _lock(self, environment: str) -> AbstractContextManager[None]:
        path = self.project.state / "environments" / f"{environment}.lock"
        waiting = f"another deployment to {environment} is running: waiting for it"
        return locks.held(path, waiting=lambda: self.progress.tell(waiting))

    def _bury(self, reverted: Sequence[Reverted]) -> list[TrainshedError]:
        """Write tombstones. Rolling back is urgent: it goes on when this fails, and says so."""
        failures: list[TrainshedError] = []
        for one in reverted:
            try:
                with self.progress.step(f"Writing the tombstone of {one.tag}") as step:
                    step.result = one.why
                    tombstone.bury(self.origin, one, who=self.project.who)
            except TrainshedError as error:
                failures.append(error)
        return failures

    def _require_a_place_that_stays(self, names: Iterable[str]) -> None:
        for name in names if settings().runner_is_hosted else ():
            if self.config.environments[name].target == "process":
                raise RunnerDoesNotStay(
                    f"{name} has the target `process`: its servers would run on this machine of "
                    "GitHub's, which is gone when the job ends.",
                    fix="Run the job on a machine of your own (runs-on: self-hosted), or use the "
                    "target `docker` with `host: ssh://…` in trainshed.yml.",
                )

    def _converge_all(
        self, steps: Iterable[tuple[Place, Step]], course: Course, *, why: str
    ) -> list[TrainshedError]:
        """Environments are in order: what failed in one is new in none after it.

        What a place does is decided again by what came of those before it, so that one run over
        all of them ends as a run for each.
        """
        failures: list[TrainshedError] = []
        for place, planned in steps:
            step = course.step(place)
            if step != planned:
                self.progress.tell(f"{step.environment}: stays, the environment before it failed")
            found = self._converge(place, step, why=why)
            if not found:
                course.went_live(step)
            failures += found
        return failures

    def _converge(self, place: Place, step: Step, *, why: str) -> list[TrainshedError]:
        """Do a step, and clear up whatever came of it: what is left of a failure serves nobody."""
        acts = _failure(lambda: self._act(place, step, why=why))
        if isinstance(acts, ConflictError):  # what else runs may be the other one's
            return [acts]
        clears_up = _failure(place.target.retire)
        return [error for error in (acts, clears_up) if error is not None]

    def _act(self, place: Place, step: Step, *, why: str) -> None:
        if step.action == "none-left":
            raise none_left(step)
        if step.moves:
            self._move(place, step, why=why)
        elif step.needs_record:
            self._record(step, outcome="live", seconds=0.0, why="found live, not yet written")

    def _move(self, place: Place, step: Step, *, why: str) -> None:
        manifest = step.desired
        assert manifest is not None
        started = time.monotonic()
        title = f"{step.environment}: {step.current or 'nothing'} → {manifest.tag}"
        try:
            with self.progress.step(f"{title}, beside the live one"):
                place.target.prepare(manifest)
            with self.progress.step(f"{title}, switch"):
                place.target.switch(manifest)
        except TrainshedError as error:
            failed = error.problem
            seconds = time.monotonic() - started
            unwritten = _failure(
                lambda: self._record(step, outcome="failed", seconds=seconds, why=failed)
            )
            if unwritten is not None:  # the cause of it all is what must be told
                self.progress.tell(unwritten.problem)
            raise
        self._record(step, outcome="live", seconds=time.monotonic() - started, why=why)

    def _record(
        self, step: Step, *, outcome: Literal["live", "failed"], seconds: float, why: str
    ) -> None:
        manifest = step.desired
        assert manifest is not None
        previous = step.recorded if step.needs_record else step.current
        record = ledger.Deployment(
            environment=step.environment,
            model=step.model,
            tag=str(manifest.tag),
            sequence=manifest.sequence,
            outcome=outcome,
            previous=str(previous) if previous else None,
            seconds=round(seconds, 3),
            who=self.project.who,
            when=times.now(),
            why=why,
            image=manifest.image,
        )
        message = f"{manifest.tag} is {outcome} in {step.environment}\n"
        self.origin.change(
            lambda world: Change(
                records=ledger.deployment_records(world.ledger, record), message=message
            )
        )


def _failure(call: Callable[[], None]) -> TrainshedError | None:
    try:
        call()
    except TrainshedError as error:
        return error
    return None


def none_left(step: Step) -> NoReleaseIsLeft:
    runs = f"it keeps running {step.current}" if step.current else "nothing runs there"
    return NoReleaseIsLeft(
        f"{step.environment} has no release of {step.model} left to run; {runs}.",
        fix="Merge a change and release it, or bring one back: "
        "scripts/deploy.py revert --unrevert TAG",
    )
