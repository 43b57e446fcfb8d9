"""A run's package: its image in the registry, found by its fixed tag, or built and pushed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trainshed import engine, image, registry
from trainshed.config import Model
from trainshed.errors import ConfigurationError
from trainshed.image import Names
from trainshed.image_build import Builder
from trainshed.mirror import REMOTE
from trainshed.project import Project
from trainshed.run import Run
from trainshed.store import Store


class ModelHasNoImage(ConfigurationError):
    """The model is not packaged: it has no `image:`, or `serve: none`."""


class FixedTagNamesAnotherRun(ConfigurationError):
    """The registry holds another run's image under the tag that should never move."""


@dataclass(frozen=True, kw_only=True)
class Packaged:
    reference: str
    """The image by digest: `ghcr.io/acme/churn@sha256:…`."""
    names: Names
    was_found: bool


@dataclass(frozen=True, kw_only=True)
class Packages:
    project: Project
    store: Store
    tell: Callable[[str], None]

    def names(self, run: Run, chosen: Model) -> Names:
        """Return what a run's image is called.

        Raises:
            ModelHasNoImage, ImageNameIsOdd
        """
        if chosen.image is None or not chosen.is_served:
            raise ModelHasNoImage(
                f"{run.model} has no image to package.",
                fix="Give it `image: ghcr.io/OWNER/NAME` in trainshed.yml; a model with "
                "`serve: none` is released without one.",
            )
        found = self.project.repository.run("remote", "get-url", REMOTE, check=False)
        owner = image.owner_of(found.out.strip()) if found.returncode == 0 else None
        return image.names(chosen.image, owner=owner, run=run)

    def package(self, run: Run, chosen: Model) -> Packaged:
        """Return a run's image in the registry: the one that is there, or a new one.

        Order: build, golden rows inside it, push. What failed left nothing under the fixed tag.

        Raises:
            EngineIsNotThere, ImageCannotBeBuilt, ReleaseIsNotHealthy, GoldenRowsDiffer,
            RegistryFailed
        """
        names = self.names(run, chosen)
        client = engine.connect()
        digest = registry.digest_of(client, names.fixed_reference)
        if digest is not None:
            reference = f"{names.repository}@{digest}"
            self._require_same_run(registry.pull(client, reference, tell=self.tell), run, names)
            return Packaged(reference=reference, names=names, was_found=True)
        builder = Builder(project=self.project, client=client, tell=self.tell)
        folder = self.store.folder(run.run_id)
        builder.build(run, folder, chosen, names, commit=run.commit)
        # The fixed tag comes last: once it is there, nobody looks again whether the other one is.
        registry.push(client, names.repository, names.moving, tell=self.tell)
        digest = registry.push(client, names.repository, names.fixed, tell=self.tell)
        return Packaged(reference=f"{names.repository}@{digest}", names=names, was_found=False)

    def _require_same_run(self, found: Any, run: Run, names: Names) -> None:
        different = image.mismatches(
            found.labels,
            run_id=run.run_id,
            dataset=run.dataset.digest,
            artifact=run.artifact.digest,
        )
        if different:
            raise FixedTagNamesAnotherRun(
                f"{names.fixed_reference} is there already, but its labels differ in "
                f"{', '.join(different)}.",
                fix="Somebody pushed it by hand, or the run was made with other parameters: delete "
                "that tag in the registry, or change the commit.",
            )
