"""What GitHub does when something happens: it starts workflows and notes their runs."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from github_double import Double, Repository, events
from github_double.things import Run

from act import tokens
from act.events import Event, Workflow, starts
from act.log import Result
from act.permissions import Permissions
from act.runner import Act
from act.tokens import WORKFLOWS
from trainshed import git

MAIN = "refs/heads/main"


@dataclass(frozen=True)
class Service:
    """Runs the workflows of one repository and tells its API what came of them."""

    double: Double
    act: Act
    tokens: dict[str, Permissions] = field(default_factory=dict)
    """Those of the jobs that run now; whoever serves git asks them."""

    @property
    def repository(self) -> Repository:
        return self.double.state.repository

    @property
    def bare(self) -> git.Repository:
        return git.Repository(self.act.origin)

    def commit_of(self, ref: str) -> str:
        return self.bare.read("rev-parse", f"{ref}^{{commit}}")

    def workflows(self, commit: str) -> dict[str, Workflow]:
        """Return the workflows of a commit, by name of the file."""
        listed = self.bare.read("ls-tree", "--name-only", commit, f"{WORKFLOWS}/").splitlines()
        return {
            Path(path).name: yaml.load(self.bare.run("show", f"{commit}:{path}").out, tokens.Loader)
            for path in listed
        }

    def happen(self, *happened: Event) -> list[Result]:
        """Run what each event starts, and what their ends start."""
        return [
            result
            for event in happened
            for file, workflow in self.workflows(event.sha).items()
            if starts(workflow, event)
            for result in self.run(event, file, workflow)
        ]

    def run(self, event: Event, file: str, workflow: Workflow) -> list[Result]:
        """Run one workflow, and then those that wait for its end."""
        run = self._add_run(event, file, workflow)
        made: list[str] = []

        def token(may: Permissions) -> str:
            made.append(f"ghs_{secrets.token_hex(18)}")
            self.tokens[made[-1]] = may
            self.double.state.add_token(made[-1], dict(may))
            return made[-1]

        result = self.act.run(event, workflow=file, run_id=run.id, token=token)
        self._revoke(made)
        run.status, run.conclusion = "completed", result.conclusion
        for name, content in self.act.artifacts(run.id).items():
            self.repository.add_artifact(run, name, content)
        # GitHub tells of the end of a run that such an end started, too: nobody here listens.
        return [result, *([] if event.name == "workflow_run" else self._ended(run, event.actor))]

    def _ended(self, run: Run, actor: str) -> list[Result]:
        payload = events.workflow_run(self.repository, run)
        head = self.commit_of(MAIN)
        return self.happen(
            Event(name="workflow_run", payload=payload, sha=head, ref=MAIN, actor=actor)
        )

    def _revoke(self, those: Iterable[str]) -> None:
        for one in those:
            self.double.state.tokens[one].is_revoked = True
            del self.tokens[one]

    def _add_run(self, event: Event, file: str, workflow: Workflow) -> Run:
        path = str(WORKFLOWS / file)
        if path not in [one.path for one in self.repository.workflows.values()]:
            self.repository.add_workflow(path, name=workflow["name"])
        pull = self.repository.pulls.get(event.payload.get("number", 0))
        is_fork = event.is_from_fork
        return self.repository.add_run(
            pull.head_sha if pull else event.sha,
            head_branch=pull.head_ref if pull else event.ref.removeprefix("refs/heads/"),
            event=event.name, workflow=path, fork=pull.head_repository if pull else None,
            status="in_progress", conclusion=None,
            pulls=() if is_fork or pull is None else (pull.number,),
        )  # fmt: skip
