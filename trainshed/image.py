"""A release's image: its names, its labels, and the layer that holds the run. Pure.

Two tags name an image in its registry. `data-<12>` moves to the newest image of that data;
`d-<12>-m-<12>-c-<7>` (data, artifact, commit) never moves: when it exists it is used, not rebuilt.
Deployment is always by digest.
"""

import io
import json
import re
import tarfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trainshed import private_columns
from trainshed.errors import ConfigurationError
from trainshed.run import Run

RUN_FOLDER = "trainshed/run"
"""Where the run lies in an image, from the root."""
USER = 65532
"""The user without rights that an image's server runs as."""
PORT = 8000
"""Where the server of an image listens."""
LABEL = "dev.trainshed"

_REPOSITORY = re.compile(r"[a-z0-9.-]+(:\d+)?(/[a-z0-9]+(?:(?:[.]|_{1,2}|-+)[a-z0-9]+)*)+")
_ADDRESS = re.compile(r"^(?:(?!file:)\w+://[^/]+/|[^/]+@[^/:]+:)(?P<path>.+)$")


class ImageNameIsOdd(ConfigurationError):
    """`image:` of a model is not the name of a repository in a registry."""


@dataclass(frozen=True, kw_only=True)
class Names:
    repository: str
    """Registry and path, without a tag: `ghcr.io/owner/churn`."""
    fixed: str
    """The tag that never moves."""
    moving: str
    """The tag that moves to the newest image of the same data."""

    @property
    def fixed_reference(self) -> str:
        return f"{self.repository}:{self.fixed}"


def names(template: str, *, owner: str | None, run: Run) -> Names:
    """Return the names of a run's image.

    Args:
        template: `image:` of the model; `{owner}` stands for the owner of the origin.
        owner: that owner, if it is known.
        run: the run that the image holds.

    Raises:
        ImageNameIsOdd: it is no repository's name, or the owner is needed and unknown.
    """
    if "{owner}" in template and not owner:
        raise ImageNameIsOdd(
            f"`image: {template}` needs the owner of the repository, which the origin's address "
            "does not tell.",
            fix="Write the owner out in trainshed.yml, such as ghcr.io/acme/churn.",
        )
    repository = template.replace("{owner}", (owner or "").lower())
    if not _REPOSITORY.fullmatch(repository):
        raise ImageNameIsOdd(
            f"`image: {template}` is not a repository in a registry.",
            fix="Write registry and path in lower case, without a tag: ghcr.io/acme/churn.",
        )
    data, artifact = run.dataset.digest[:12], run.artifact.digest[:12]
    return Names(
        repository=repository,
        fixed=f"d-{data}-m-{artifact}-c-{run.commit[:7]}",
        moving=f"data-{data}",
    )


def owner_of(address: str) -> str | None:
    """Return the owner in a remote's address: `acme` of `git@github.com:acme/churn.git`.

    None when there is none: a folder, say, belongs to nobody.
    """
    match = _ADDRESS.match(address)
    parts = match["path"].strip("/").split("/") if match else []
    return parts[-2] if len(parts) > 1 else None


def labels(run: Run) -> dict[str, str]:
    """Return an image's labels: the run half of a manifest. It cannot hold its own digest."""
    return {
        "org.opencontainers.image.title": run.model,
        "org.opencontainers.image.revision": run.commit,
        "org.opencontainers.image.created": run.created,
        f"{LABEL}.model": run.model,
        f"{LABEL}.run": run.run_id,
        f"{LABEL}.dataset": run.dataset.digest,
        f"{LABEL}.artifact": run.artifact.digest,
        f"{LABEL}.commit": run.commit,
        f"{LABEL}.metrics": json.dumps(dict(run.metrics), sort_keys=True),
    }


def mismatches(
    found: Mapping[str, str], *, run_id: str, dataset: str, artifact: str
) -> tuple[str, ...]:
    """Compare an image's labels with what a manifest says; return the names that differ."""
    expected = {"run": run_id, "dataset": dataset, "artifact": artifact}
    return tuple(name for name, value in expected.items() if found.get(f"{LABEL}.{name}") != value)


def run_layer(folder: Path, run: Run, *, private: Collection[str] = ()) -> bytes:
    """Return the run as a tar: the same bytes for the same run, wherever it is made.

    Columns of its predictions that are `private` stay out of it, and `private.json` says so.
    """
    paths = [folder / "run.json"]
    for file in run.files:
        place = folder / file.path
        paths += sorted(place.rglob("*")) if place.is_dir() else [place]
    whole = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.is_file()
    }
    content, removed = private_columns.remove(whole, run, private)
    if removed is not None:
        content = {**content, private_columns.NAME: removed.to_json().encode()}
    return tar({f"{RUN_FOLDER}/{name}": data for name, data in content.items()})


def tar(files: Mapping[str, bytes], *, executable: Iterable[str] = ()) -> bytes:
    """Pack files deterministically: sorted, no times, no owners, parent folders included."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(_folders(files)):
            folder = tarfile.TarInfo(name)
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
        for name in sorted(files):
            file = tarfile.TarInfo(name)
            file.size = len(files[name])
            file.mode = 0o755 if name in set(executable) else 0o644
            archive.addfile(file, io.BytesIO(files[name]))
    return packed.getvalue()


def _folders(files: Iterable[str]) -> set[str]:
    parents = (Path(name).parents for name in files)
    return {parent.as_posix() for those in parents for parent in those} - {"."}
