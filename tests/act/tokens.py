"""Give each job a token of its own. act knows one GITHUB_TOKEN for all of them.

In the copy of the workflow files that act reads, `github.token` and `secrets.GITHUB_TOKEN` of a
job become a variable of that job, and actions/checkout, whose default it is, gets that variable. A
secret of an environment becomes an empty word in the jobs of all others. What act does not honour,
and does not know the newest keys of, is left out: `concurrency`, and of `environment` all but its
name. A matrix that reads the output of a skipped job gets an empty word: GitHub skips its job
before it looks at the matrix, act after. Nothing else is changed.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from act import permissions
from act.events import Event, Workflow
from act.permissions import Permissions

WORKFLOWS = Path(".github") / "workflows"
_TOKEN = re.compile(r"\b(github\.token|secrets\.GITHUB_TOKEN)\b")
_SECRET = re.compile(r"\bsecrets\.(\w+)")
_READ = re.compile(r"fromJSON\((needs\.[\w.-]+)\)")
_READS = r"""fromJSON(startsWith(\1, '[') && \1 || '[""]')"""
_LOCAL = "./.github/workflows/"


class Loader(yaml.SafeLoader):
    """Reads YAML as GitHub does: `on` is a word, only `true` and `false` are truth values."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, regex) for tag, regex in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


class Dumper(yaml.SafeDumper):
    """Writes it so that both read the same: a word such as `on` is quoted where need be."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def read(path: Path) -> Workflow:
    workflow: Workflow = yaml.load(path.read_text(), Loader)
    return workflow


def assign(
    folder: Path,
    file: str,
    event: Event,
    make: Callable[[Permissions], str],
    environments: Mapping[str, Mapping[str, str]],
) -> Mapping[str, str]:
    """Write the workflow files of a checkout anew, and return variables with a token for each job.

    Args:
        folder: a checkout of act's own; jobs never see it.
        file: the workflow that is started, by its name in .github/workflows/.
        make: makes a token with such permissions.
        environments: the secrets of each.
    """
    workflow = dict(read(folder / WORKFLOWS / file))
    made: dict[str, str] = {}
    for job, content in workflow["jobs"].items():
        may = permissions.of_job(workflow, job, event)
        called = str(content.get("uses", ""))
        if called.startswith(_LOCAL):
            made |= _assign_called(folder, called.removeprefix(_LOCAL), job, may, make)
        variable = _variable(job)
        made[variable] = make(may)
        seen = _without_secrets(content, _hidden(content, environments))
        workflow["jobs"][job] = _known(_with_token(seen, variable))
    _write(folder / WORKFLOWS / file, workflow)
    return made


def _assign_called(
    folder: Path, file: str, caller: str, may: Permissions, make: Callable[[Permissions], str]
) -> dict[str, str]:
    called = dict(read(folder / WORKFLOWS / file))
    made = {}
    for job, content in called["jobs"].items():
        variable = _variable(f"{caller}_{job}")
        made[variable] = make(permissions.of_called(called, job, may))
        called["jobs"][job] = _known(_with_token(content, variable))
    _write(folder / WORKFLOWS / file, called)
    return made


def _variable(job: str) -> str:
    return f"TOKEN_OF_{re.sub('[^A-Za-z0-9]', '_', job).upper()}"


def _known(content: Mapping[str, Any]) -> dict[str, Any]:
    known = {key: value for key, value in content.items() if key != "concurrency"}
    environment = known.get("environment")
    if isinstance(environment, dict):
        known["environment"] = environment["name"]
    if "strategy" in known:
        known["strategy"] = _defaulted(known["strategy"])
    return known


def _defaulted(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _defaulted(value) for key, value in content.items()}
    return _READ.sub(_READS, content) if isinstance(content, str) else content


def _with_token(content: Any, variable: str) -> Any:
    if isinstance(content, dict):
        given = {key: _with_token(value, variable) for key, value in content.items()}
        if str(content.get("uses", "")).startswith("actions/checkout@"):
            token = {"token": f"${{{{ vars.{variable} }}}}"}
            given["with"] = {**token, **(given.get("with") or {})}
        return given
    if isinstance(content, list):
        return [_with_token(value, variable) for value in content]
    return _TOKEN.sub(f"vars.{variable}", content) if isinstance(content, str) else content


def _hidden(content: Mapping[str, Any], environments: Mapping[str, Mapping[str, str]]) -> set[str]:
    """Name the secrets of all environments but the job's own, whose name may be an expression."""
    said = content.get("environment") or ""
    named = str(said["name"] if isinstance(said, dict) else said)
    words = re.findall(r"[\w-]+", named)
    return {one for name, those in environments.items() if name not in words for one in those}


def _without_secrets(content: Any, names: set[str]) -> Any:
    if isinstance(content, dict):
        return {key: _without_secrets(value, names) for key, value in content.items()}
    if isinstance(content, list):
        return [_without_secrets(value, names) for value in content]
    if not isinstance(content, str):
        return content
    return _SECRET.sub(lambda found: "''" if found[1] in names else found[0], content)


def _write(path: Path, workflow: Workflow) -> None:
    path.write_text(yaml.dump(_known(workflow), Dumper=Dumper, sort_keys=False, width=1000))
