"""A pull request and its run at GitHub's double, and scripts/comment.py that tells of it."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cml_recorder
import github_double
import pytest
import repositories
import results
from cml_recorder import Recorder
from github_double import Double
from repositories import Repo
from results import HEAD

from trainshed import result

ROOT = Path(__file__).parents[1]
FORK = "mallory/models"


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str
    outputs: Mapping[str, Any]
    summary: str


@dataclass
class Story:
    """A repository with the model churn, its double at GitHub, and pull request #1 of a branch."""

    repo: Repo
    double: Double
    recorder: Recorder
    folder: Path
    fork: str | None = None

    @property
    def comments(self) -> list[str]:
        return [one.body for one in self.double.state.repository.comments.values()]

    @property
    def comment(self) -> str:
        (body,) = self.comments
        return body

    @property
    def statuses(self) -> dict[str, tuple[str, str]]:
        """The newest status of each context on the head commit."""
        return {
            one.context: (one.state, one.description or "")
            for one in self.double.state.repository.statuses
            if one.sha == HEAD
        }

    def ran(
        self,
        uploaded: Mapping[str, bytes | Mapping[str, bytes]] | None = None,
        *,
        head: str = HEAD,
        **changes: Any,
    ) -> int:
        """Add the pull request's workflow run; return its id. A bare value is a result.json."""
        run = self.double.state.repository.add_run(head, fork=self.fork, **changes)
        for name, content in (uploaded or {}).items():
            files = {"result.json": content} if isinstance(content, bytes) else content
            self.double.state.repository.add_artifact(run, name, dict(files))
        return run.id

    def script(
        self, run_id: int, *arguments: str, token: str = github_double.EVERYTHING, **variables: str
    ) -> Finished:
        output, summary = self.folder / "output", self.folder / "summary"
        for path in (output, summary):
            path.write_text("")
        finished = subprocess.run(
            [
                sys.executable, str(ROOT / "scripts/comment.py"), "--run-id", str(run_id),
                "--repository", str(self.repo.folder), *arguments,
            ],
            cwd=self.folder,
            env={
                **os.environ,
                "PATH": f"{self.recorder.folder}:{os.environ['PATH']}",
                "GITHUB_ACTIONS": "true",
                "GITHUB_API_URL": self.double.url,
                "GITHUB_OUTPUT": str(output),
                "GITHUB_REPOSITORY": "acme/models",
                "GITHUB_STEP_SUMMARY": str(summary),
                "TRAINSHED_GITHUB_TOKEN": token,
                **variables,
            },
            capture_output=True,
            check=False,
        )  # fmt: skip
        outputs = [block.split("\n") for block in output.read_text().split("<<") if block]
        names = [output.read_text().split("<<")[0], *(lines[-1] for lines in outputs[1:])]
        return Finished(
            code=finished.returncode,
            out=finished.stdout.decode(),
            err=finished.stderr.decode(),
            outputs={
                name: json.loads(lines[1]) for name, lines in zip(names, outputs[1:], strict=False)
            },
            summary=summary.read_text(),
        )


@contextlib.contextmanager
def tell(folder: Path, factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Begin with pull request #1, from a branch of the repository itself."""
    repo = repositories.copy_of(with_churn, folder / "git", factory)
    with (
        github_double.serve("acme/models") as double,
        cml_recorder.serve(folder / "cml", double.enterprise_url) as recorder,
    ):
        double.state.repository.add_pull(HEAD)
        yield Story(repo, double, recorder, folder)


def from_fork(story: Story) -> Story:
    """Let the pull request be #2, from a fork; #1 is somebody else's."""
    story.double.state.repository.pulls[1].head_sha = "99" * 20
    story.double.state.repository.add_pull(HEAD, fork=FORK, author="mallory")
    story.fork = FORK
    return story


def with_churn(folder: Path) -> Repo:
    return repositories.make(folder, repositories.project_files("churn"))


def uploaded(made: result.Result | bytes) -> dict[str, bytes]:
    content = made if isinstance(made, bytes) else results.content(made)
    return {"trainshed-churn": content}
