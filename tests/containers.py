"""The container engine for tests: names of one's own, tiny images, a packaged model.

The engine is shared, with other tests and other people. All that a test makes carries a model's
name that is its own, and what carries that name is removed at its end, however it ends.
"""

import importlib.util
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import repositories
import served_project
import yaml
from faulty_registry import FaultyRegistry
from repositories import Repo

from trainshed import engine, http_client, image, package, script
from trainshed.engine import Client
from trainshed.package import Packages
from trainshed.run import Run
from trainshed.settings import settings
from trainshed.store import Store
from trainshed.training import Trainings

ROOT = Path(__file__).parents[1]
REGISTRY = settings().registry
_BASE = ROOT / ".trainshed" / "engine" / "base-image"

# A fixture of the whole session is made before a test's own environment is.
_PERSON = {
    **{f"GIT_{role}_NAME": "Test Person" for role in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{role}_EMAIL": "test@example.org" for role in ("AUTHOR", "COMMITTER")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass(frozen=True)
class Project:
    """A clone whose only model is served by a few lines of Python, and goes into an image."""

    repo: Repo
    model: str

    @property
    def store(self) -> Store:
        return Store(self.repo.project)

    def train(self) -> Run:
        """Train the last commit, or find its run."""
        trainings = Trainings(
            project=self.repo.project, store=self.store, tell=_quiet, output=_quiet
        )
        return trainings.train_or_find(self.repo.git("rev-parse", "HEAD"), self.model).run

    def package(self, run: Run, *, tell: Callable[[str], None] | None = None) -> package.Packaged:
        packages = Packages(project=self.repo.project, store=self.store, tell=tell or _quiet)
        chosen = self.repo.project.config_at(run.commit).models[self.model]
        return packages.package(run, chosen)

    def configure(self, **changes: Any) -> str:
        """Commit other keys of the model, and return the commit's id."""
        path = self.repo.folder / "trainshed.yml"
        content = yaml.safe_load(path.read_text())
        content["models"][self.model] |= changes
        return self.repo.commit_and_push({"trainshed.yml": yaml.safe_dump(content)})


@dataclass(frozen=True, kw_only=True)
class PackagedProject:
    project: Project
    run: Run
    packaged: package.Packaged
    told: tuple[str, ...]
    """What packaging said as it went."""
    image: Any
    """The image, as the engine's SDK shows it."""


@pytest.fixture(scope="session")
def engine_client() -> Iterator[Client]:
    """A client of the engine, where engine, registry and base image are to be had."""
    if not engine.is_there():
        pytest.skip("no container engine answers here: `make engine` starts one")
    host, _, port = REGISTRY.partition(":")
    if not http_client.get((host, int(port)), "/v2/").is_ok:
        pytest.skip(f"no registry answers at {REGISTRY}: `make engine` starts one")
    with pytest.MonkeyPatch.context() as patch:
        if not settings().base_image and _BASE.is_file():
            patch.setenv("TRAINSHED_BASE_IMAGE", _BASE.read_text().strip())
        yield engine.connect()


@pytest.fixture
def model(engine_client: Client) -> Iterator[str]:
    """A model's name that nobody else has."""
    name = unique_name()
    yield name
    remove_all(engine_client, name)


@pytest.fixture(scope="session")
def faulty_registry(engine_client: Client) -> Iterator[FaultyRegistry]:
    """A registry that fails on demand, the same for a whole session: its layers are there."""
    registry = FaultyRegistry(REGISTRY)
    yield registry
    registry.close()


@pytest.fixture(scope="session")
def packaged(
    engine_client: Client, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PackagedProject]:
    """A model with a lock, trained and packaged once; to be looked at, not changed."""
    name = unique_name()
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in _PERSON.items():
            patch.setenv(variable, value)
        project = make_project(
            tmp_path_factory.mktemp("packaged"), name, lock="requirements/model.txt"
        )
        told: list[str] = []
        run = project.train()
        try:
            made = project.package(run, tell=told.append)
            yield PackagedProject(
                project=project, run=run, packaged=made, told=tuple(told),
                image=engine_client.images.get(made.names.fixed_reference),
            )  # fmt: skip
        finally:
            remove_all(engine_client, name)


LOCK = """\
h11==0.14.0 \\
    --hash=sha256:e3fe4ac4b851c468cc8363d500db52c2ead036020723024a109d37346efaa761
"""
"""What `packaged` was trained with: an older version of what the server's own lock names."""


def unique_name() -> str:
    return f"t{secrets.token_hex(5)}"


def make_project(
    folder: Path,
    model: str,
    *,
    registry: str = REGISTRY,
    files: Mapping[str, str | bytes | None] | None = None,
    **changes: Any,
) -> Project:
    """Make a project whose model goes to a registry.

    `changes` replace keys of the model; None takes one away.
    """
    section = yaml.safe_load(served_project.configuration({}))["models"][served_project.MODEL]
    section |= {"image": repository_of(model, registry=registry), **changes}
    section = {key: value for key, value in section.items() if value is not None}
    content = {
        **served_project.project_files(),
        "trainshed.yml": yaml.safe_dump({"models": {model: section}}, sort_keys=False),
        "requirements/model.txt": LOCK,
        **(files or {}),
    }
    return Project(repositories.make(folder, content), model)


def repository_of(model: str, *, registry: str = REGISTRY) -> str:
    return f"{registry}/test/{model}"


def tiny_image(
    client: Client, repository: str, tag: str, *, labels: Mapping[str, str] | None = None
) -> Any:
    """Make an image of one small file, like no other; it is there to be pushed, not run."""
    content = image.tar({"content": secrets.token_bytes(16)})
    changes = [f"LABEL {name}={value}" for name, value in (labels or {}).items()]
    client.api.import_image_from_data(content, repository=repository, tag=tag, changes=changes)
    return client.images.get(f"{repository}:{tag}")


def remove_all(client: Client, model: str) -> None:
    """Remove all that carries a model's name from the engine; the registry keeps what it was given.

    What was built and then refused has no name but the labels.
    """
    mine = {"label": f"{image.LABEL}.model={model}"}
    for one in client.containers.list(all=True, filters=mine, ignore_removed=True):
        one.remove(force=True, v=True)
    for network in client.networks.list(filters=mine):
        network.remove()
    for volume in client.volumes.list():
        if f"-{model}-" in volume.name:
            volume.remove(force=True)
    for found in _images_of(client, model):
        if engine.image(client, found) is not None:
            client.images.remove(found, force=True)


def run_script(name: str, *arguments: str | Path) -> int:
    """Run a script in this process, where a test can shorten waits; return its exit code."""
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts"))
        spec.loader.exec_module(module)
    return script.run(lambda: module.main([str(one) for one in arguments]))


def eventually(condition: Callable[[], bool], *, seconds: float = 60.0) -> None:
    """Return once a condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def _images_of(client: Client, model: str) -> list[str]:
    # The SDK's own list looks at each image once more, and others remove theirs meanwhile.
    def is_mine(one: Mapping[str, Any]) -> bool:
        names = [*(one["RepoTags"] or []), *(one["RepoDigests"] or [])]
        label = (one["Labels"] or {}).get(f"{image.LABEL}.model")
        return label == model or any(f"/{model}{sign}" in name for name in names for sign in ":@")

    return [one["Id"] for one in client.api.images() if is_mine(one)]


def _quiet(line: str) -> None:
    """Swallow a line."""
