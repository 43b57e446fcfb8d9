"""Run one workflow file with act, on this machine and without any other.

A job gets an empty workspace, as on GitHub; the stand-in of actions/checkout fills it. Stand-ins,
under tests/act/actions/, take the place of all actions of others, at whatever commit.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from act import log, tokens
from act.events import Event
from act.log import Result
from act.permissions import Permissions
from act.tokens import WORKFLOWS

HERE = Path(__file__).parent
PROGRAM = Path(sys.prefix) / "bin" / "act"
_USES = re.compile(r"^\s*(?:- )?uses: *([\w.-]+/[\w.-]+)((?:/[\w.-]+)*)@([^\s#]+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Act:
    """Runs workflows of one repository."""

    folder: Path
    """Scratch: checkouts, caches and artifacts of the stand-ins."""
    origin: Path
    """The bare repository."""
    repository: str
    """owner/name."""
    api: str
    server: str
    """Where git finds the repository: `<server>/<owner>/<name>`."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """What `vars` holds."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Secrets of GitHub environments, by name: a job sees those of its own."""
    actions: Mapping[str, Path] = field(default_factory=dict)
    """Folders that stand for repositories of actions (owner/name), at whatever commit."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """What every step finds in its environment, as it would on the runner's image."""

    @property
    def store(self) -> Path:
        return self.folder / "store"

    def artifacts(self, run_id: int) -> dict[str, bytes]:
        """Return what a run uploaded: zips by name."""
        found = sorted((self.store / "artifacts" / str(run_id)).glob("*.zip"))
        return {one.stem: one.read_bytes() for one in found}

    def run(
        self,
        event: Event,
        *,
        workflow: str,
        run_id: int,
        token: Callable[[Permissions], str] = lambda _: "no-token",
        job: str | None = None,
    ) -> Result:
        """Run a workflow file as it is at the event's commit.

        Args:
            event: that started it.
            workflow: name of the file in .github/workflows/.
            run_id: unique in the repository.
            token: makes a token for a job, with its permissions.
            job: run this one only, and what it needs.
        """
        checkout = self.check_out(event.sha, f"run-{run_id}")
        payload = checkout.with_suffix(".json")
        payload.write_text(json.dumps(event.payload))
        try:
            made = tokens.assign(checkout, workflow, event, token, self.environments)
            command = [
                str(PROGRAM), event.name,
                "--directory", str(checkout),
                "--workflows", str(WORKFLOWS / workflow),
                "--eventpath", str(payload),
                *self._options(event, run_id, made),
                *_each("--local-repository", stand_ins(checkout, self.actions)),
                *([] if job is None else ["--job", job]),
            ]  # fmt: skip
            started = time.monotonic()
            done = subprocess.run(
                command, cwd=checkout, env=self._outer_environment(),
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            result = log.parse(
                done.stdout.splitlines(), workflow=workflow, event=event.name, run_id=run_id,
                rest=done.stderr, seconds=time.monotonic() - started,
            )  # fmt: skip
        finally:
            shutil.rmtree(checkout)
            payload.unlink()
        assert done.returncode == 0 or "failure" in result.jobs.values(), result.log
        return result

    def check_out(self, commit: str, name: str) -> Path:
        """Make a checkout of a commit, for act alone: there it reads the workflow files."""
        folder = self.folder / "checkouts" / name
        folder.mkdir(parents=True)
        for command in (
            ["git", "init", "--quiet", "--template="],
            ["git", "fetch", "--quiet", "--depth=1", f"file://{self.origin}", commit],
            ["git", "checkout", "--quiet", "FETCH_HEAD"],
        ):
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return folder

    def _options(self, event: Event, run_id: int, made: Mapping[str, str]) -> list[str]:
        return [
            "--actor", event.actor,
            "--platform", "ubuntu-latest=-self-hosted",
            "--no-skip-checkout", "--action-offline-mode", "--no-cache-server", "--pull=false",
            "--json",
            *_each("--env", self._environment_of(event, run_id)),
            *_each("--var", {**self.variables, **made}),
            *_each("--secret", {} if event.is_from_fork else self._all_secrets()),
            *_each("--input", event.inputs),
        ]  # fmt: skip

    def _all_secrets(self) -> dict[str, str]:
        """Return those of environments, too: `tokens.assign` hides them from all other jobs."""
        found = dict(self.secrets)
        for those in self.environments.values():
            found |= those
        return found

    def _environment_of(self, event: Event, run_id: int) -> dict[str, str]:
        """What act would otherwise guess from the checkout, or set to GitHub's own addresses."""
        return {
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_API_URL": self.api,
            "GITHUB_SERVER_URL": self.server,
            "GITHUB_GRAPHQL_URL": f"{self.api}/graphql",
            "GITHUB_RUN_ID": str(run_id),
            "GITHUB_RUN_NUMBER": str(run_id),
            "GITHUB_REF": event.ref,
            "SHA_REF": event.sha,
            "RUNNER_ENVIRONMENT": "github-hosted",
        }

    def _outer_environment(self) -> dict[str, str]:
        """All that steps inherit: nothing of this machine's but the path."""
        home = self.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        # act hands an action's inputs, tokens among them, to each of its steps; GitHub does not.
        start = self.folder / "start.sh"
        start.write_text('unset "${!INPUT_@}" BASH_ENV\n')
        return {
            "BASH_ENV": str(start),
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "GIT_TERMINAL_PROMPT": "0",  # act gives steps a terminal, at which git would wait
            "GIT_PAGER": "cat",
            "STAND_IN_STORE": str(self.store),
            **self.environment,
        }


def stand_ins(checkout: Path, actions: Mapping[str, Path]) -> dict[str, str]:
    """Return the folder that takes the place of each action that the files name."""
    files = [*checkout.glob(".github/workflows/*.yml")]
    for folder in (checkout, *actions.values()):
        files += folder.glob("actions/*/action.yml")
    found = {}
    for file in files:
        for repository, _, ref in _USES.findall(file.read_text()):
            folder = actions.get(repository, HERE / "actions" / repository)
            assert folder.is_dir(), f"{file.name}: {repository} has no stand-in in {HERE}/actions"
            found[f"{repository}@{ref}"] = str(folder)
    return found


def _each(flag: str, values: Mapping[str, str]) -> list[str]:
    return [one for name, value in values.items() for one in (flag, f"{name}={value}")]
