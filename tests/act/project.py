"""What the small GitHub's repository holds: this framework and its workflows, and a tiny project.

The project is that of `served_project`: training takes no time, release number n multiplies by
n + 1. Its model and its port are its own, so that tests share one engine.
"""

import subprocess
from pathlib import Path

import containers
import served_project
import yaml

ROOT = Path(__file__).parents[2]
_NOT_THERE = ("benchmarks/", "data/", "docs/", "pipelines/", "tests/", "trainshed.yml")
_OWN_TESTS = ".github/workflows/self-ci.yml"
ENVIRONMENT = "production"


def files(model: str, *, port: int) -> dict[str, bytes | str]:
    """Return the files of the first commit, with the framework as it is in this working tree."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = [one for one in listed.stdout.split("\0") if one and one != _OWN_TESTS]
    framework = {
        name: (ROOT / name).read_bytes()
        for name in names
        if not name.startswith(_NOT_THERE) and (ROOT / name).is_file()
    }
    return {**framework, **served_project.project_files(), "trainshed.yml": _config(model, port)}


def _config(model: str, port: int) -> str:
    content = yaml.safe_load(served_project.configuration({}))
    (section,) = content["models"].values()
    section["image"] = containers.repository_of(model)
    content["models"] = {model: section}
    content["environments"] = {ENVIRONMENT: {"target": "docker", "port": port}}
    return yaml.safe_dump(content, sort_keys=False)
