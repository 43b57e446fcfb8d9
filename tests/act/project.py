"""What the small GitHub's repository begins with: this framework, its workflows, a tiny project.

The project is that of `served_project`: training takes no time, release number n multiplies by
n + 1. Its model and its ports are its own, so that tests share one engine. Or it is the repository
of somebody who adopts the framework, whose actions then come from elsewhere.
"""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import containers
import served_project
import yaml

ROOT = Path(__file__).parents[2]
ENVIRONMENT = "production"
Contents = Mapping[str, bytes | str]

_NOT_THERE = ("benchmarks/", "data/", "docs/", "pipelines/", "tests/", "trainshed.yml")
_OWN_TESTS = ".github/workflows/self-ci.yml"


@dataclass(frozen=True, kw_only=True)
class Content:
    """The files of the first commit, and what of them runs on this machine."""

    files: Contents
    model: str
    """The model that is served."""
    ports: Mapping[str, int]
    """By environment, in their order."""


def tiny(
    *environments: str, models: Mapping[str, Mapping[str, Any]] | None = None, **changes: Any
) -> Content:
    """Return the framework as it is in this working tree, and the tiny project.

    Args:
        environments: their names, in order; one of them where none is named.
        models: sections of further models, which are not served.
        changes: keys of the served model; None takes one away.
    """
    model = containers.unique_name()
    ports = {name: served_project.free_port() for name in environments or [ENVIRONMENT]}
    content = yaml.safe_load(served_project.configuration({}))
    (section,) = content["models"].values()
    section |= {"image": containers.repository_of(model), **changes}
    section = {key: value for key, value in section.items() if value is not None}
    content["models"] = {model: section, **(models or {})}
    content["environments"] = {
        name: {"target": "docker", "port": port} for name, port in ports.items()
    }
    config = yaml.safe_dump(content, sort_keys=False)
    framework = {name: what for name, what in sources().items() if name != _OWN_TESTS}
    files = {**framework, **served_project.project_files(), "trainshed.yml": config}
    return Content(files=files, model=model, ports=ports)


def sources() -> dict[str, bytes]:
    """Return the framework's own files, as they are in this working tree."""
    return {name: what for name, what in everything().items() if not name.startswith(_NOT_THERE)}


def everything() -> dict[str, bytes]:
    """Return all that git tracks in this working tree, or would."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = [one for one in listed.stdout.split("\0") if one and (ROOT / one).is_file()]
    return {name: (ROOT / name).read_bytes() for name in names}


def download(folder: Path) -> Path:
    """Write the framework into a folder as a runner downloads an action: it is no clone."""
    for name, content in everything().items():
        if not name.startswith("tests/"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            path.chmod((ROOT / name).stat().st_mode & 0o777)
    return folder
