"""Adopting Trainshed: what was found and chosen in, the files of the repository out.

Everything here is pure. `trainshed.adoption_facts` looks at the repository, `adoption_questions`
asks what cannot be seen, `adoption_files` writes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from trainshed import adoption_workflows, config_file
from trainshed.adoption_workflows import Fetching, Framework
from trainshed.config import Metric

STATE = ".trainshed/"
WORKFLOWS = ".github/workflows/"


@dataclass(frozen=True, kw_only=True)
class Data:
    path: str
    fetch: tuple[str, ...] | None = None
    sha256: str | None = None


@dataclass(frozen=True, kw_only=True)
class Choices:
    """One model and where it runs: what init writes into trainshed.yml."""

    model: str
    data: Data
    target: str | None
    train: tuple[str, ...]
    metrics: Mapping[str, Metric]
    out: str | None = None
    inputs: tuple[str, ...] | None = None
    lock: str | None = None
    image: str | None = None
    is_served: bool = True
    environments: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the files go."""

    prefix: str
    """The project's path in the repository: empty, or ending with a slash."""
    branch: str
    """The default branch: what is merged there is released."""
    ignored: str
    """The project's .gitignore as it is; empty when there is none."""
    ignored_above: str = ""
    """The .gitignore of the repository's top, for a project in a folder below it."""


def files(
    choices: Choices | None, *, place: Place, framework: Framework, fetching: Fetching
) -> dict[str, str]:
    """Return every file that a repository needs, by its path in the repository.

    Without choices trainshed.yml is left as it is. It comes last: until it is there, the workflows
    find no model and do nothing.
    """
    made = {
        f"{WORKFLOWS}{name}": adoption_workflows.adapted(
            text,
            framework=framework,
            folder=place.prefix.rstrip("/"),
            branch=place.branch,
            fetching=fetching,
        )
        for name, text in framework.workflows.items()
    }
    if not is_ignored(place.ignored) and not is_ignored(place.ignored_above):
        made[f"{place.prefix}.gitignore"] = _with_line(place.ignored, STATE)
    if choices is not None:
        made[f"{place.prefix}{config_file.NAME}"] = configuration(choices, framework)
    return made


def configuration(choices: Choices, framework: Framework) -> str:
    """Return a trainshed.yml, checked by the same code that reads it later.

    Raises:
        ConfigIsMalformed: an answer does not fit; names its place.
    """
    keys: dict[str, str] = {"data": _flow(_data(choices.data))}
    if choices.target is not None:
        keys["target"] = _flow(choices.target)
    keys["train"] = _flow(list(choices.train))
    if choices.out is not None:
        keys["out"] = _flow(choices.out)
    if choices.inputs is not None:
        keys["inputs"] = _flow(list(choices.inputs))
    if choices.lock is not None:
        keys["lock"] = _flow(choices.lock)
    lines = [_schema(framework), "models:", f"  {choices.model}:"]
    lines += [f"    {key}: {value}" for key, value in keys.items()]
    lines += ["    metrics:"]
    lines += [
        f"      {_flow(name)}: {_flow(_metric(one))}" for name, one in choices.metrics.items()
    ]
    if choices.image is not None:
        lines.append(f"    image: {_flow(choices.image)}")
    if not choices.is_served:
        lines.append("    serve: none")
    if choices.environments:
        lines.append("environments:")
        lines += [f"  {name}: {_flow(dict(one))}" for name, one in choices.environments.items()]
    text = "\n".join([*lines, ""])
    config_file.load(text)
    return text


def _schema(framework: Framework) -> str:
    at = f"{framework.repository}/{framework.commit}/docs/trainshed.schema.json"
    return f"# yaml-language-server: $schema=https://raw.githubusercontent.com/{at}"


def _data(data: Data) -> Any:
    if data.fetch is None:
        return data.path
    return {"path": data.path, "fetch": list(data.fetch), "sha256": data.sha256}


def _metric(metric: Metric) -> dict[str, Any]:
    return metric.model_dump(exclude_defaults=True)


def _flow(value: Any) -> str:
    """Write a value on one line, quoted where YAML would read something else."""
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, width=10**9, allow_unicode=True
    )
    return text.strip().removesuffix("...").strip()


def is_ignored(text: str) -> bool:
    """Tell whether a .gitignore has a line for the state folder."""
    names = {STATE, STATE.rstrip("/"), f"/{STATE}", f"/{STATE.rstrip('/')}"}
    return any(line.strip() in names for line in text.splitlines())


def _with_line(text: str, line: str) -> str:
    ending = "\r\n" if "\r\n" in text else "\n"
    before = text if not text or text.endswith("\n") else f"{text}{ending}"
    return f"{before}{line}{ending}"
