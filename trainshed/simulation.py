"""Play a pull request, a merge and a revert without GitHub, by the scripts that workflows call.

What the workflows do in order is done here in order; each step is a script in a process of its own,
with its outputs read back as the next step's inputs.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainshed.cmd import CommandFailed
from trainshed.errors import ConflictError, ReleaseStateError, TrainshedError
from trainshed.mirror import REMOTE
from trainshed.origin import Origin
from trainshed.project import Project
from trainshed.settings import FRAMEWORK, child_environment
from trainshed.tags import Tag


class BranchesConflict(ConflictError):
    """A branch cannot be merged into the default branch: both changed the same lines."""


class GateBlocks(ReleaseStateError):
    """A pull request's verdict does not let it be merged."""


class ScriptFailed(TrainshedError):
    """A script that the simulation called ended with an error; it said which."""


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    branch: str
    merge: str
    """The merge result, as `refs/pull/N/merge` would be."""
    base: str
    verdict: str
    markdown: str
    comparison: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Simulation:
    project: Project
    tell: Callable[[str], None]
    """Takes what the scripts say, line by line."""

    def pull_request(self, branch: str, *, model: str | None) -> PullRequest:
        """Compare the merge result of a branch with the default branch and the live release.

        Raises:
            BranchesConflict: it cannot be merged.
            ScriptFailed: training or comparing failed.
        """
        base, merge = self._merge_result(branch)
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "comparison.json"
            outputs, summary = self._script(
                "compare", "--commit", merge, "--base", base, "--out", str(out), *_model(model)
            )
            compared = json.loads(out.read_text(encoding="utf-8"))
        return PullRequest(
            branch=branch,
            merge=merge,
            base=base,
            verdict=outputs["verdict"],
            markdown=summary,
            comparison=compared,
        )

    def merge(self, branch: str, *, model: str | None, is_forced: bool = False) -> str:
        """Merge a branch as a pull request, then release and deploy. Return the release's tag.

        Raises:
            GateBlocks: its verdict is not pass or warn; a protected branch would refuse it too.
        """
        request = self.pull_request(branch, model=model)
        if request.verdict not in {"pass", "warn"} and not is_forced:
            raise GateBlocks(
                f"The pull request of {branch} is not merged: its verdict is {request.verdict}.",
                fix="Mend the branch and try again; --force merges all the same.",
            )
        repository = self.project.repository
        main = f"refs/heads/{Origin(repository).read().branch}"
        repository.run("push", "--quiet", REMOTE, f"{request.merge}:{main}")
        return self.release(model=model)

    def release(self, *, model: str | None) -> str:
        """Release the origin's newest commit and deploy it, as a push to main does."""
        outputs, _ = self._script("release", *_model(model))
        if outputs["tag"] and outputs["result"] in {"released", "already-released"}:
            self._script("deploy", "run", "--forward", *_model(model))
        return outputs["tag"]

    def revert(self, tag: Tag) -> None:
        """Delete a release's tag with plain git and reconcile, as deploy.yml does on `delete`."""
        self.project.repository.run("push", "--quiet", REMOTE, "--delete", str(tag))
        self.reconcile()

    def reconcile(self) -> str:
        """Converge, as the schedule does; return what the script said."""
        said: list[str] = []
        self._script("deploy", "run", also=said.append)
        return "\n".join(said)

    def _merge_result(self, branch: str) -> tuple[str, str]:
        repository = self.project.repository
        world = Origin(repository).read()
        base, head = world.head or "", repository.resolve(branch)
        merged = repository.run("merge-tree", "--write-tree", base, head, check=False)
        if merged.returncode == 1:
            _, _, conflicts = merged.out.partition("\n")
            raise BranchesConflict(
                f"{branch} conflicts with {world.branch}:\n{conflicts.strip()}",
                fix=f"Merge {world.branch} into {branch}, mend the conflicts, and try again.",
            )
        if merged.returncode != 0:
            raise CommandFailed(f"git merge-tree failed: {merged.err}", fix="Is git 2.38 or newer?")
        tree = merged.out.split("\n", 1)[0].strip()
        message = f"Merge {branch} into {world.branch}\n".encode()
        made = repository.run("commit-tree", tree, "-p", base, "-p", head, "-F", "-", stdin=message)
        return base, made.out.strip()

    def _script(
        self, name: str, *arguments: str, also: Callable[[str], None] = lambda _: None
    ) -> tuple[dict[str, str], str]:
        """Run a script as its action would; return its outputs and its summary."""
        with tempfile.TemporaryDirectory() as folder:
            outputs, summary = Path(folder) / "outputs", Path(folder) / "summary.md"
            argv = [sys.executable, str(FRAMEWORK / "scripts" / f"{name}.py"), *arguments]
            files = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(summary)}
            process = subprocess.Popen(
                argv, cwd=self.project.folder, env=child_environment(files), text=True,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
                errors="replace",
            )  # fmt: skip
            assert process.stdout is not None
            said = []
            for line in process.stdout:
                said.append(line.rstrip("\n"))
                self.tell(said[-1])
                also(said[-1])
            if process.wait() != 0:
                raise ScriptFailed(
                    f"scripts/{name}.py ended with {process.returncode}:\n" + "\n".join(said[-15:]),
                    fix="Mend what it says, then play the same step again.",
                )
            return _read_outputs(outputs), summary.read_text() if summary.exists() else ""


def _model(model: str | None) -> list[str]:
    return [] if model is None else ["--model", model]


def _read_outputs(path: Path) -> dict[str, str]:
    """Read a step's outputs as GitHub does: blocks of `name<<delimiter`, value, `delimiter`."""
    outputs: dict[str, str] = {}
    lines = iter(path.read_text(encoding="utf-8").splitlines() if path.exists() else [])
    for line in lines:
        name, _, delimiter = line.partition("<<")
        value: list[str] = []
        for part in lines:
            if part == delimiter:
                break
            value.append(part)
        outputs[name] = "\n".join(value)
    return outputs
