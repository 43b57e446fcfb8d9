"""The actions and workflows of this repository, as GitHub reads them, and what they refer to."""

import ast
import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import npm_packages
import yaml

ROOT = Path(__file__).parents[1]
OWN = "OWNER/trainshed"
"""How a README names this repository."""


@dataclass(frozen=True)
class File:
    """An action.yml or a workflow, or a part of a page that shows one."""

    name: str
    text: str

    @functools.cached_property
    def content(self) -> dict[str, Any]:
        # YAML 1.1 takes the key `on` for true; GitHub does not.
        loaded = yaml.safe_load(self.text)
        return {"on" if key is True else key: value for key, value in loaded.items()}

    @property
    def jobs(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.content.get("jobs", {})
        return found

    @property
    def steps(self) -> list[dict[str, Any]]:
        """Every step of every job, or of the action."""
        of_jobs = [step for job in self.jobs.values() for step in job.get("steps", [])]
        return of_jobs + list(self.content.get("runs", {}).get("steps", []))

    @property
    def scripts(self) -> list[str]:
        """What its steps have a shell run."""
        return [step["run"] for step in self.steps if "run" in step]

    @property
    def triggers(self) -> dict[str, Any]:
        found: dict[str, Any] = self.content["on"]
        return found


ACTIONS = {
    path.parent.name: File(path.parent.name, path.read_text(encoding="utf-8"))
    for path in sorted(ROOT.glob("actions/*/action.yml"))
}
WORKFLOWS = {
    path.name: File(path.name, path.read_text(encoding="utf-8"))
    for path in sorted(ROOT.glob(".github/workflows/*.yml"))
}


def uses(file: File) -> Iterator[tuple[str, str]]:
    """Yield what each `uses:` names, and the comment after it."""
    for line in file.text.splitlines():
        found = re.match(r"\s*(?:- )?uses: (\S+)\s*(?:# (.*))?$", line)
        if found:
            yield found[1], found[2] or ""


def own_action(named: str) -> str | None:
    """Return the name of an action of this repository, as a workflow or a README uses it."""
    found = re.fullmatch(rf"(?:\./|{OWN}/)actions/([^@/]+)(?:@v1)?", named)
    return found[1] if found else None


def complaints(step: Mapping[str, Any]) -> list[str]:
    """Tell what is wrong in how a step uses an action of this repository."""
    name = own_action(step.get("uses", ""))
    if name is None:
        return []
    if name not in ACTIONS:
        return [f"there is no action {name}"]
    inputs, passed = ACTIONS[name].content["inputs"], step.get("with", {})
    unknown = [f"{name} has no input {one}" for one in passed if one not in inputs]
    missing = [
        f"{name} is used without {one}"
        for one, of in inputs.items()
        if of.get("required") and one not in passed
    ]
    return unknown + missing


_ANNOUNCEMENT = ROOT / "trainshed/announcement.py"


def outputs_of_script(path: Path) -> set[str]:
    """Return the names of outputs that a script can set: each is written out as a word.

    In the script, or in the module of the library that announces what it did.
    """
    names: set[str] = set()
    text = path.read_text(encoding="utf-8")
    texts = [text, *([_ANNOUNCEMENT.read_text()] if "announcement" in text else [])]
    for node in [one for each in texts for one in ast.walk(ast.parse(each))]:
        if isinstance(node, ast.Dict):
            names |= {str(key.value) for key in node.keys if isinstance(key, ast.Constant)}
        elif isinstance(node, ast.Call) and _called(node) == "set_output":
            names |= {str(one.value) for one in node.args[:1] if isinstance(one, ast.Constant)}
    return names


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


@functools.cache
def help_of(*command: str) -> str:
    """Return what `scripts/<command> --help` says."""
    script, *verb = command
    finished = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *verb, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, f"{command}: {finished.stderr}"
    return finished.stdout


def evaluate(expression: str, **contexts: Any) -> Any:
    """Return what GitHub's own evaluator makes of an expression."""
    finished = subprocess.run(
        [
            npm_packages.node(),
            ROOT / "tests/npm/evaluate_expression.mjs",
            npm_packages.node_modules(),
            expression,
            json.dumps(contexts),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)
