"""Verify that every release that could go live again really could: its image, labels and artifact.

Several homes for one manifest are chances to disagree. The tag and the ledger are compared whenever
the origin is read; here the image in the registry is asked.
"""

import tarfile
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import NotFound

from trainshed import dataset, engine, image, registry, run
from trainshed.engine import Client
from trainshed.errors import ReleaseStateError, TrainshedError
from trainshed.manifest import Manifest
from trainshed.store import Store
from trainshed.targets.docker_caddy import file_in


class ReleaseCannotGoLiveAgain(ReleaseStateError):
    """A release that stands is not what its manifest says, or its parts are gone."""


@dataclass(frozen=True, kw_only=True)
class Checked:
    """One release, checked."""

    tag: str
    what: str
    """The image by digest, or where the run was looked for."""
    problem: str | None


def verify(
    releases: Iterable[Manifest],
    store: Store,
    *,
    connect: Callable[[], Client],
    tell: Callable[[str], None],
) -> list[Checked]:
    """Check releases, newest first; one that cannot be checked is a problem, not an exception."""
    return [_checked(manifest, store, connect=connect, tell=tell) for manifest in releases]


def require(checked: Iterable[Checked]) -> None:
    """Raise ReleaseCannotGoLiveAgain when a release has a problem."""
    broken = [one.tag for one in checked if one.problem is not None]
    if broken:
        raise ReleaseCannotGoLiveAgain(
            f"{len(broken)} releases could not go live again: {', '.join(broken[:5])}.",
            fix="Restore their images in the registry, or revert them, so that a rollback does not "
            "count on them.",
        )


def _checked(
    manifest: Manifest,
    store: Store,
    *,
    connect: Callable[[], Client],
    tell: Callable[[str], None],
) -> Checked:
    what = manifest.image or f"run {manifest.run_id[:12]} in the run store"
    try:
        if manifest.image is None:
            problem = _problem_in_store(manifest, store)
        else:
            problem = _problem_in_image(manifest, manifest.image, connect(), tell)
    except TrainshedError as error:
        problem = error.problem
    return Checked(tag=str(manifest.tag), what=what, problem=problem)


def _problem_in_store(manifest: Manifest, store: Store) -> str | None:
    found = store.find(manifest.run_id)
    if found is None:
        return "its run is not in this machine's run store, and it has no image"
    return None if found.artifact.digest == manifest.artifact else "its artifact is another one"


def _problem_in_image(
    manifest: Manifest, reference: str, client: Client, tell: Callable[[str], None]
) -> str | None:
    if registry.digest_of(client, reference) is None:
        return "the registry has no image of that digest"
    found = registry.pull(client, reference, tell=tell)
    different = image.mismatches(
        found.labels,
        run_id=manifest.run_id,
        dataset=manifest.dataset.digest,
        artifact=manifest.artifact,
    )
    if different:
        return f"its image is labelled with another {', '.join(different)}"
    return _problem_with_artifact(manifest, found, client)


def _problem_with_artifact(manifest: Manifest, found: Any, client: Client) -> str | None:
    """Hash the artifact in the image, through a container that is made but never started."""
    with engine.told(f"looking into the image of {manifest.tag}"):
        made = client.containers.create(found.id, ["nothing"])
    try:
        record = file_in(made, f"/{image.RUN_FOLDER}/run.json")
        if record is None:
            return "its image holds no run"
        path = run.from_json(record).artifact.path
        with tempfile.TemporaryDirectory() as folder:
            digest = _digest_of(made, f"/{image.RUN_FOLDER}/{path}", Path(folder))
        if digest is None:
            return f"its image holds no artifact {path}"
        return None if digest == manifest.artifact else "the artifact in its image is another one"
    except ValueError as error:
        return f"the run in its image cannot be read: {str(error).splitlines()[0]}"
    finally:
        with engine.told("removing a container"):
            made.remove(force=True, v=True)


def _digest_of(made: Any, path: str, scratch: Path) -> str | None:
    packed = scratch / "artifact.tar"
    with engine.told(f"reading {path} in an image"), packed.open("wb") as file:
        try:
            stream, _ = made.get_archive(path)
        except NotFound:
            return None
        for chunk in stream:
            file.write(chunk)
    with tarfile.open(packed) as archive:
        archive.extractall(scratch / "artifact", filter="data")
    return dataset.digest(scratch / "artifact" / Path(path).name).sha256
