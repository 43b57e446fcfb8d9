"""Tell what a deployment did where people look: the job's outputs and summary, GitHub's pages.

Nothing here fails a deployment: what could not be told is a warning, and the next run tells it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from trainshed import deploy_report, github
from trainshed.deployment import Deployer, Plan
from trainshed.errors import TrainshedError
from trainshed.settings import GitHub, settings
from trainshed.world import World

Places = Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Announcement:
    deployer: Deployer
    environment: str | None
    """Only this one; None for all."""
    model: str | None

    @property
    def places(self) -> Places:
        """(environment, model) of all that the deployment was about."""
        return self.deployer.names(environment=self.environment, model=self.model)

    def tell(self, plan: Plan) -> None:
        """Tell a deployment that went well, step by step, and set its outputs."""
        for note in plan.standing.notes:
            self.deployer.progress.tell(note)
        for step in plan.steps:
            live = str(step.desired.tag) if step.desired else ""
            self.deployer.progress.tell(deploy_report.step_text(step))
            github.set_output(f"{step.environment}-{step.model}", live)
        github.set_output("changed", "true" if any(step.moves for step in plan.steps) else "false")
        github.set_output("url", self._url())

    def publish(self, *, since: str) -> None:
        """Tell the summary and GitHub what the ledger says to have happened since a moment."""
        hub = settings().github
        if hub is None and settings().github_step_summary is None:
            return
        try:
            world = self.deployer.origin.read()
            rows = deploy_report.rows_of(self.places, world.ledger, since=since)
            github.append_summary(deploy_report.summary(rows))
        except TrainshedError as error:
            _warn(error)
            return
        if hub is not None:
            self._publish_at(hub, world)

    def _url(self) -> str:
        """Return where the last of the environments answers; empty where none else can ask."""
        from trainshed import github_deployment  # noqa: PLC0415

        found = [
            github_deployment.url_of(self.deployer.config.environments[environment], model)
            for environment, model in self.places
        ]
        return next((url for url in reversed(found) if url), "")

    def _publish_at(self, hub: GitHub, world: World) -> None:
        from trainshed import github_deployment  # noqa: PLC0415
        from trainshed.published_releases import PublishedReleases  # noqa: PLC0415

        pages = PublishedReleases.at(
            hub,
            project=self.deployer.project,
            origin=self.deployer.origin,
            tell=self.deployer.progress.tell,
        )
        failures = []
        with self.deployer.progress.step("Telling GitHub"):
            for environment, model in self.places:
                place = github_deployment.place_of(self.deployer.config, environment, model)
                try:
                    github_deployment.tell(
                        pages.repository, place, world.ledger, run_url=hub.run_url
                    )
                except TrainshedError as error:
                    failures.append(error)
            try:
                pages.settle(world)
            except TrainshedError as error:
                failures.append(error)
        for failure in failures:  # not inside the step, whose lines GitHub takes for no command
            _warn(failure)


def _warn(error: TrainshedError) -> None:
    message = f"{error}\nWhat is deployed is not touched by this."
    if settings().in_github_actions:
        print(github.command("warning", message), file=sys.stderr)
    else:
        print(f"warning[{error.slug}]: {message}", file=sys.stderr)
