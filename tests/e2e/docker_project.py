"""The served project with `target: docker`: real images in a real registry, behind a real Caddy.

As in `served_project`, release number n multiplies by n + 1: an answer tells which release gave it.
Model and environments have names of their own, so that tests share one engine. Each number of
releases is built and pushed once per process, and copied.
"""

import contextlib
import functools
import http.client
import io
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import containers
import pytest
import repositories
import yaml
from repositories import Repo
from served_project import Answers, Served, data, free_port, project_files

from trainshed import engine, image, registry
from trainshed.config import Model
from trainshed.engine import Client
from trainshed.ledger import Deployment
from trainshed.manifest import Manifest
from trainshed.package import Packages
from trainshed.run import Run
from trainshed.store import Store
from trainshed.targets.docker import DockerTarget

MODEL = containers.unique_name()
REPOSITORY = containers.repository_of(MODEL)
LOG = f"trainshed-{MODEL}-log"
_NOWHERE = "nowhere"
"""The environment of a template: nothing is deployed to it."""


@dataclass(frozen=True)
class Hosted(Served):
    """The project in a clone of its origin, and what runs of it on the engine's host."""

    environment: str

    @property
    def port(self) -> int:
        return self.ports[self.environment]

    @property
    def name(self) -> str:
        """What everything of this environment is named after."""
        return f"trainshed-{self.environment}-{MODEL}"

    @property
    def client(self) -> Client:
        return engine.connect()

    @property
    def target(self) -> DockerTarget:
        config = self.repo.project.config()
        return DockerTarget(
            self.client, environment=self.environment, model=MODEL,
            settings=config.environments[self.environment], tell=_quiet,
        )  # fmt: skip

    def beside(self, name: str) -> "Hosted":
        """Return the same environment as another clone of the origin sees it."""
        return replace(self, repo=self.repo.clone(name))

    def release(self, files: Mapping[str, str | None] | None = None) -> Manifest:
        """Commit newer data (and files), push, train, package and release; nothing is deployed."""
        number = len(self.repo.world().ledger.releases) + 1
        self.repo.commit_and_push({"data/train.csv": data(number), **(files or {})})
        releases = replace(self.repo.releases, packages=self._package)
        released = releases.release(MODEL)
        assert released.kind == "released", released.told
        assert released.manifest is not None
        return released.manifest

    def released_again(
        self, tag: str, number: int, *, repository: str = REPOSITORY, **changes: Any
    ) -> Manifest:
        """Release the image of a release under the next number; `changes` replace what is said.

        Args:
            tag: the release that has the image.
            number: of the new release.
            repository: where the image is said to be, or is to be.
        """
        known = self.manifest(tag)
        assert known.image is not None
        names = {one.name for one in fields(known)} - {"model", "version", "sequence"}
        about = {name: getattr(known, name) for name in names}
        digest = known.image.partition("@")[2]
        about |= {"image": f"{repository}@{digest}", **changes}
        return self.repo.released(tag_of(number), **about)

    def here(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run scripts/deploy.py in this process, where a test may reach into it."""
        out, err = io.StringIO(), io.StringIO()
        argv = [*arguments, "--repository", str(self.repo.folder)]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = containers.run_script("deploy", *argv)
        return subprocess.CompletedProcess(argv, code, out.getvalue(), err.getvalue())

    def manifest(self, tag: str) -> Manifest:
        releases = self.repo.world().ledger.releases
        return next(one.manifest for name, one in releases.items() if str(name) == tag)

    def at(self, port: int) -> "Hosted":
        """Change the port in trainshed.yml, commit that; return the environment as it is then."""
        changed = replace(self, ports={self.environment: port})
        self.repo.commit({"trainshed.yml": configuration(changed.ports)}, "Move")
        return changed

    def put_live(self, manifest: Manifest) -> None:
        """Do what a deployment asks of its target; nothing is written down."""
        target = self.target
        target.current()
        target.prepare(manifest)
        target.switch(manifest)
        target.retire()

    def deployments(self, environment: str | None = None) -> list[Deployment]:
        place = (environment or self.environment, MODEL)
        return list(self.repo.world().ledger.deployments.get(place, ()))

    def told(self, environment: str | None = None) -> list[tuple[str, str, str | None]]:
        return super().told(environment or self.environment)

    def answering(self, environment: str | None = None) -> str | None:
        return super().answering(environment or self.environment)

    @contextmanager
    def asked(self, environment: str | None = None) -> Iterator[Answers]:
        with super().asked(environment or self.environment) as answers:
            yield answers

    def part(self, kind: str) -> Any:
        """Return the `edge`, the `door`, or by its tag the container of a release."""
        name = f"{self.name}-{kind.rpartition('@')[2]}"
        one = engine.container(self.client, name)
        assert one is not None, name
        return one

    def containers(self) -> dict[str, str]:
        """Return the status of each release's container, by tag."""
        label = f"{image.LABEL}.environment={self.environment}"
        filters = {"label": [label, f"{image.LABEL}.release"]}
        found = self.client.containers.list(all=True, filters=filters, ignore_removed=True)
        return {one.labels[f"{image.LABEL}.release"]: one.status for one in found}

    def everything(self) -> list[tuple[str, ...]]:
        """Return all that the engine has of this environment; equal: nothing was touched."""
        label = {"label": f"{image.LABEL}.environment={self.environment}"}
        found = self.client.containers.list(all=True, filters=label, ignore_removed=True)
        parts = [(one.name, one.id, one.status, one.attrs["State"]["StartedAt"]) for one in found]
        parts += [(one.name, one.id) for one in self.client.networks.list(filters=label)]
        return sorted(parts)

    def push_elsewhere(self, tag: str, repository: str) -> None:
        """Push a release's image to another repository; the host forgets that it is there."""
        found = engine.image(self.client, str(self.manifest(tag).image))
        assert found is not None
        found.tag(repository, "again")
        registry.push(self.client, repository, "again", tell=_quiet)
        self.client.images.remove(f"{repository}:again")  # and with it the last name there

    def unpublish_image(self, tag: str) -> None:
        """Delete a release's image in the registry, as a clean-up there does."""
        host, _, path = str(self.manifest(tag).image).partition("/")
        repository, _, digest = path.partition("@")
        connection = http.client.HTTPConnection(host, timeout=10.0)
        connection.request("DELETE", f"/v2/{repository}/manifests/{digest}")
        assert connection.getresponse().status == http.client.ACCEPTED
        connection.close()

    def assert_live(self, release: str) -> None:
        """Check that a release answers, that the ledger says so, and that nothing else runs."""
        live = [one.tag for one in self.deployments() if one.outcome == "live"]
        assert (self.answering(), live[-1]) == (release, release)
        running = [tag for tag, status in self.containers().items() if status != "exited"]
        assert running == [release]
        assert [self.part(kind).status for kind in ("edge", "door")] == ["running", "running"]

    def stop(self) -> None:
        """Remove all that the engine has of this environment; images and inference log stay."""
        label = {"label": f"{image.LABEL}.environment={self.environment}"}
        for one in self.client.containers.list(all=True, filters=label, ignore_removed=True):
            one.remove(force=True, v=True)
        for network in self.client.networks.list(filters=label):
            network.remove()
        for volume in self.client.volumes.list(filters={"name": self.name}):
            volume.remove(force=True)

    def _package(self, run: Run, chosen: Model) -> str:
        here = self.repo.project
        packages = Packages(project=here, store=Store(here), tell=_quiet)
        return packages.package(run, chosen).reference


@contextmanager
def staged(
    folder: Path, *, releases: int = 2, live: int = 1, predictor: str | None = None
) -> Iterator[Hosted]:
    """Set up a copy of the project in a folder, with an environment of its own on the engine.

    Args:
        folder: a test's own (`tmp_path`); what is copied is kept beside it.
        releases: how many there are: v1.0.0, v1.1.0, …
        live: the number of the one that is live, for real; those before it were, by the ledger.
        predictor: the source of the newest one's predictor, if it is another.
    """
    environment = f"test-{secrets.token_hex(3)}"
    with pytest.MonkeyPatch.context() as patch:
        for role in (
            "AUTHOR",
            "COMMITTER",
        ):  # a fixture of a whole module comes before a test's own
            patch.setenv(f"GIT_{role}_NAME", "Test Person")
            patch.setenv(f"GIT_{role}_EMAIL", "test@example.org")
        template = _template(folder.parent, releases, predictor)
        hosted = _copy(template, folder, environment)
        those = hosted.repo.world().ledger.of_model(MODEL)[:live]
        for record in those:
            hosted.repo.deployed(record.manifest, environment)
    try:
        if those:
            hosted.put_live(those[-1].manifest)
        yield hosted
    finally:
        hosted.stop()


def _copy(template: Path, folder: Path, environment: str) -> Hosted:
    shutil.copytree(template, folder / "hosted", symlinks=True)
    repo = Repo(folder / "hosted" / "clone", folder / "hosted" / "origin.git")
    repo.git("remote", "set-url", "origin", f"file://{repo.origin_folder}")
    chosen = {environment: free_port()}
    repo.commit_and_push({"trainshed.yml": configuration(chosen)}, "Choose a port")
    return Hosted(repo, chosen, environment)


@pytest.fixture(scope="session")
def host(engine_client: Client) -> Iterator[None]:
    """The engine's host, on which `staged` may be used."""
    yield
    containers.remove_all(engine_client, MODEL)


@functools.cache
def _template(base: Path, releases: int, predictor: str | None = None) -> Path:
    """Make the project with so many releases, from the one with a release less."""
    made = base / f"hosted-{releases}-{secrets.token_hex(3)}"
    if releases == 0:
        files = {**project_files(), "trainshed.yml": configuration({_NOWHERE: 8080})}
        return repositories.make(made, files).folder.parent
    shutil.copytree(_template(base, releases - 1), made, symlinks=True)
    repo = Repo(made / "clone", made / "origin.git")
    repo.git("remote", "set-url", "origin", f"file://{repo.origin_folder}")
    changed = {} if predictor is None else {"app/predict.py": predictor}
    Hosted(repo, {}, _NOWHERE).release(changed)
    return made


def tag_of(number: int) -> str:
    """Return the tag of the release with a number: the data changes from one to the next."""
    return f"{MODEL}@v1.{number - 1}.0"


def configuration(chosen: Mapping[str, int], **changes: Any) -> str:
    """Return the project's trainshed.yml; `changes` replace keys of the model."""
    (model,) = yaml.safe_load(project_files()["trainshed.yml"])["models"].values()
    model |= {"image": REPOSITORY, **changes}
    environments = {name: {"target": "docker", "port": port} for name, port in chosen.items()}
    content = {"models": {MODEL: model}, "environments": environments}
    return yaml.safe_dump(content, sort_keys=False)


def _quiet(line: str) -> None:
    """Swallow a line."""
