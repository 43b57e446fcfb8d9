"""Look at the clone, its origin and the registry: the doctor's facts that are not GitHub's."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainshed import adoption, adoption_framework, adoption_workflows, git, reconcile
from trainshed import registry as image_registry
from trainshed.adoption_workflows import Framework
from trainshed.config import Config
from trainshed.doctor.facts import Local, Origin, Unknown
from trainshed.errors import TrainshedError
from trainshed.manifest import Manifest
from trainshed.origin import Origin as GitOrigin
from trainshed.project import Project
from trainshed.world import Annotated, Unusable, World

_CLEANERS = re.compile(r"uses: \S*(delete-package-versions|container-retention|ghcr-cleanup)\S*")


def gather(here: Project, *, looks_at_images: bool) -> Local:
    """Look; what cannot be read is Unknown, with the reason."""
    config = _config(here)
    world = _world(here)
    folder = here.repository.folder / adoption.WORKFLOWS
    workflows = {name: _text(folder / name) for name in adoption_workflows.NAMES}
    return Local(
        is_shallow=here.repository.read("rev-parse", "--is-shallow-repository") == "true",
        prefix=here.prefix,
        branch=_branch(here.repository, world),
        is_state_ignored=_is_ignored(here),
        peeled_tags=_peeled(here.repository, world),
        config=config,
        locks={} if isinstance(config, Unknown) else _locks(here, config),
        workflows=workflows,
        cleaners=_cleaners(folder),
        framework=_framework(workflows),
        origin=_origin(world),
        images=_images(_standing(world)) if looks_at_images else {},
    )


def _config(here: Project) -> Config | Unknown:
    try:
        return here.config()
    except TrainshedError as error:
        return Unknown(why=f"{error.problem} {error.fix}")


def _world(here: Project) -> World | Unknown:
    try:
        return GitOrigin(here.repository).read()
    except TrainshedError as error:
        return Unknown(why=error.problem)


def _branch(repository: git.Repository, world: World | Unknown) -> str:
    if not isinstance(world, Unknown):
        return world.branch
    return repository.branch() or "main"


def _is_ignored(here: Project) -> bool:
    texts = [_text(folder / ".gitignore") for folder in (here.folder, here.repository.folder)]
    return any(adoption.is_ignored(text or "") for text in texts)


def _peeled(repository: git.Repository, world: World | Unknown) -> tuple[str, ...]:
    if isinstance(world, Unknown):
        return ()
    lines = repository.read("for-each-ref", "--format=%(objecttype) %(refname:short)", "refs/tags")
    plain = {line.partition(" ")[2] for line in lines.splitlines() if line.startswith("commit ")}
    annotated = {str(tag) for tag, one in world.tags.items() if isinstance(one, Annotated)}
    return tuple(sorted(name.removeprefix("tags/") for name in plain & annotated))


def _locks(here: Project, config: Config) -> Mapping[str, bool | None]:
    named = {model.lock for model in config.models.values() if model.lock is not None}
    texts = {path: _text(here.folder / path) for path in named}
    return {path: None if text is None else "--hash=" in text for path, text in texts.items()}


def _cleaners(folder: Path) -> tuple[str, ...]:
    files = sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")])
    return tuple(file.name for file in files if _CLEANERS.search(_text(file) or ""))


def _framework(workflows: Mapping[str, str | None]) -> Framework | Unknown:
    """Return the Trainshed that this is part of, under the name that the workflows know it by."""
    pinned = (
        repository
        for text in workflows.values()
        for repository, _, _ in adoption_workflows.pins(text or "")
    )
    name = next(pinned, None)
    try:
        return adoption_framework.of(None if name is None else f"{name}@HEAD").framework
    except TrainshedError as error:
        return Unknown(why=error.problem)


def _origin(world: World | Unknown) -> Origin | Unknown:
    if isinstance(world, Unknown):
        return world
    unusable = {str(tag): one.why for tag, one in world.tags.items() if isinstance(one, Unusable)}
    return Origin(
        has_ledger=world.ledger_commit is not None,
        unusable=unusable,
        standing=tuple(_standing(world)),
    )


def _standing(world: World | Unknown) -> Sequence[Manifest]:
    if isinstance(world, Unknown):
        return []
    standing = reconcile.fold(world)
    return [one for model in sorted(standing.releases) for one in standing.of(model)]


def _images(standing: Sequence[Manifest]) -> Mapping[str, bool | Unknown]:
    """Ask the registry for each image, through the engine, as a deployment would."""
    references = dict.fromkeys(one.image for one in standing if one.image is not None)
    if not references:
        return {}
    from trainshed import engine  # noqa: PLC0415  # most repositories have no image

    try:
        client = engine.connect()
    except TrainshedError as error:
        return {reference: Unknown(why=error.problem) for reference in references}
    found: dict[str, bool | Unknown] = {}
    for reference in references:
        try:
            found[reference] = image_registry.digest_of(client, reference) is not None
        except TrainshedError as error:
            found[reference] = Unknown(why=error.problem)
    return found


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
