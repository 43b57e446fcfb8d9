"""Real git repositories for tests: a bare origin, clones of it, a tiny trainer, quick releases.

The trainer is a shell script that reports what a file beside it says, so a test chooses the metrics
and no environment is built. `Repo.released` makes a release as scripts/release.py would, without
training: by the library's own tag and ledger.
"""

import hashlib
import json
import multiprocessing
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from trainshed import cmd, git, ledger, manifest, project, reconcile, tags
from trainshed.inquiry import Inquiries
from trainshed.manifest import Manifest
from trainshed.origin import Change, Origin
from trainshed.project import Project
from trainshed.reconcile import Standing
from trainshed.release import Releases
from trainshed.statistician import Statistician
from trainshed.store import Store
from trainshed.tags import Tag
from trainshed.training import Trainings
from trainshed.world import World

LEDGER = f"refs/heads/{ledger.BRANCH}"
_NO_SAMPLES = "--template="  # no sample hooks: fewer files to write
TAGGER = "Test Person <test@example.org> 1700000000 +0000"

# Reports the lines of report.txt. The artifact is told apart by data and report.
TRAINER = """\
set -eu
here=$(dirname "$0") data=$1 out=$2
echo "dataset=$data"
cat "$here/report.txt"
cat "$data" "$here/report.txt" > "$out"
if [ -f "$here/schema.json" ]; then
  cp "$here/schema.json" "$out.schema.json"
  echo "schema=$out.schema.json"
fi
echo "artifact=$out"
"""


@dataclass(frozen=True)
class Repo:
    """One clone of a bare origin, and what a person does in it."""

    folder: Path
    origin_folder: Path

    @property
    def repository(self) -> git.Repository:
        return git.Repository(self.folder)

    @property
    def bare(self) -> git.Repository:
        """The origin itself, to look at what really is there."""
        return git.Repository(self.origin_folder)

    @property
    def origin(self) -> Origin:
        return Origin(self.repository)

    @property
    def project(self) -> Project:
        return project.open_at(self.folder)

    @property
    def releases(self) -> Releases:
        here = self.project
        trainings = Trainings(project=here, store=Store(here), tell=_quiet, output=_quiet)
        inquiries = Inquiries(
            trainings=trainings, statistician=Statistician(tell=_quiet), origin=self.origin
        )
        return Releases(project=here, origin=self.origin, trainings=trainings, inquiries=inquiries)

    def world(self) -> World:
        return self.origin.read()

    def standing(self) -> Standing:
        return reconcile.fold(self.world())

    def git(self, *arguments: str) -> str:
        return self.repository.read(*arguments)

    def commit(
        self, files: Mapping[str, str | bytes | None] | None = None, message: str = "Change"
    ) -> str:
        """Write files (None deletes one), commit them, and return the commit's id."""
        for path, content in (files or {}).items():
            _write(self.folder / path, content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def push(self, *refspecs: str) -> None:
        self.git("push", "--quiet", "origin", *(refspecs or ["HEAD:refs/heads/main"]))

    def commit_and_push(
        self, files: Mapping[str, str | bytes | None] | None = None, message: str = "Change"
    ) -> str:
        made = self.commit(files, message)
        self.push()
        return made

    def clone(self, name: str = "other", *, depth: int | None = None) -> "Repo":
        """Clone the same origin once more, beside this clone."""
        return clone(self.origin_folder, self.folder.with_name(name), depth=depth)

    def released(
        self,
        name: str = "churn@v1.0.0",
        *,
        live_in: Iterable[str] = (),
        **changes: Any,
    ) -> Manifest:
        """Release what HEAD is, without training; `changes` replace fields of the manifest.

        Its sequence number is the next one unless given. It is written down as live in the
        environments that are named.
        """
        tag = tags.require(name)
        made: list[Manifest] = []

        def build(world: World) -> Change:
            number = len(world.ledger.of_model(tag.model)) + 1
            draft = manifest_of(tag, commit=self.git("rev-parse", "HEAD"), sequence=number)
            draft = replace(draft, **changes)
            oid = self.origin.make_tag(
                tag, commit=draft.commit, tagger=TAGGER, message=draft.to_json()
            )
            made.append(draft)
            record = ledger.Release(manifest=draft, tag_object=oid, tagger=TAGGER)
            return Change(
                records=ledger.release_records(record),
                message=f"Release {tag}\n",
                create={tag.ref: oid},
            )

        self.origin.change(build)
        for environment in live_in:
            self.deployed(made[-1], environment)
        return made[-1]

    def deployed(self, what: Manifest, environment: str = "production") -> None:
        """Write down that a release went live in an environment."""
        record = deployment_of(what.tag, environment, sequence=what.sequence)
        self.origin.change(
            lambda world: Change(
                records=ledger.deployment_records(world.ledger, record), message="Deploy\n"
            )
        )

    def delete_tag(self, *names: str) -> None:
        """Delete tags on the origin, as a person rolls back."""
        self.git("push", "--quiet", "origin", "--delete", *names)

    def mark(self, name: str) -> None:
        """Push a revert mark by hand."""
        commit = self.git("rev-parse", "HEAD")
        self.git("tag", "--annotate", "--message", "reverted by hand", f"{name}!", commit)
        self.push(f"refs/tags/{name}!")

    def write_on_ledger(self, path: str, content: str) -> None:
        """Change a file on the ledger's branch by hand; no part of Trainshed would."""
        world = self.world()
        made = ledger.commit(
            self.repository, world.ledger_commit, {path: json.loads(content)}, message="By hand\n"
        )
        self.push(f"{made}:{LEDGER}")

    def refs(self) -> dict[str, str]:
        """Return every ref that the origin has: equal before and after means nothing changed."""
        lines = self.bare.read("for-each-ref", "--format=%(refname) %(objectname)")
        return dict(line.split(" ") for line in lines.splitlines())

    def tag_names(self) -> list[str]:
        found = [ref.removeprefix("refs/tags/") for ref in self.refs() if "refs/tags/" in ref]
        return sorted(found)

    def ledger_paths(self) -> list[str]:
        if LEDGER not in self.refs():
            return []
        return self.bare.read("ls-tree", "-r", "--name-only", LEDGER).splitlines()

    def hook(self, name: str, script: str) -> None:
        """Give the origin a hook, such as `pre-receive`."""
        path = self.origin_folder / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)


def make(folder: Path, files: Mapping[str, str | bytes | None] | None = None) -> Repo:
    """Make a bare origin and a clone of it; with files, they are the first commit, pushed."""
    folder.mkdir(parents=True, exist_ok=True)
    make_origin(folder / "origin.git")
    repo = clone(folder / "origin.git", folder / "clone")
    if files is not None:
        repo.commit_and_push(files, "First")
    return repo


_built: dict[Callable[[Path], Repo], Repo] = {}


def copy_of(build: Callable[[Path], Repo], folder: Path, factory: pytest.TempPathFactory) -> Repo:
    """Return a copy of the repository that `build` makes in a folder.

    It is built once per process, by the first test that asks: copying is many times faster.
    """
    if build not in _built:
        _built[build] = build(factory.mktemp("template"))
    template = _built[build]
    copy = Repo(folder / "clone", folder / "origin.git")
    shutil.copytree(template.folder, copy.folder)
    shutil.copytree(template.origin_folder, copy.origin_folder)
    copy.git("remote", "set-url", "origin", f"file://{copy.origin_folder}")
    return copy


def make_origin(folder: Path) -> None:
    flags = ["--quiet", "--bare", "--initial-branch=main", _NO_SAMPLES]
    cmd.run(["git", "init", *flags, str(folder)], cwd=folder.parent)


def clone(origin: Path, folder: Path, *, depth: int | None = None) -> Repo:
    flags = ["--quiet", _NO_SAMPLES, *([] if depth is None else [f"--depth={depth}"])]
    # A plain path would be copied, whatever the depth.
    cmd.run(["git", "clone", *flags, f"file://{origin}", str(folder)], cwd=origin.parent)
    repo = Repo(folder, origin)
    if depth is None:
        repo.git("symbolic-ref", "HEAD", "refs/heads/main")
    return repo


def configuration(
    *models: str,
    environments: Mapping[str, Any] | None = None,
    **changes: Any,
) -> str:
    """Return a trainshed.yml of models with the tiny trainer; `changes` replace keys of each."""
    content: dict[str, Any] = {
        "models": {name: {**model_section(name), **changes} for name in models or ["churn"]}
    }
    if environments is not None:
        content["environments"] = dict(environments)
    return yaml.safe_dump(content, sort_keys=False)


def model_section(name: str = "churn") -> dict[str, Any]:
    return {
        "data": f"data/{name}.csv",
        "train": ["sh", f"pipelines/{name}/train.sh", "{data}", "{out}"],
        "inputs": [f"pipelines/{name}/"],
        "metrics": {"f1": {"direction": "maximize", "min": 0.5, "tolerance": 0.01}},
        "serve": "none",
    }


def model_files(
    name: str = "churn", *, report: str | None = None, data: str = "a,b\n1,2\n", **metrics: float
) -> dict[str, str]:
    """Return a model's files: its trainer, what that reports (f1 = 0.9 unless said), its data."""
    said = report or report_of(**(metrics or {"f1": 0.9}))
    return {
        f"pipelines/{name}/train.sh": TRAINER,
        f"pipelines/{name}/report.txt": said,
        f"data/{name}.csv": data,
    }


def report_of(**metrics: float) -> str:
    return "".join(f"metric.{name}={value}\n" for name, value in metrics.items())


def project_files(*models: str, **changes: Any) -> dict[str, str]:
    """Return a whole project: a trainshed.yml and each model's files."""
    files = {"trainshed.yml": configuration(*models, **changes)}
    for name in models or ["churn"]:
        files |= model_files(name)
    return files


def manifest_of(tag: str | Tag = "churn@v1.0.0", **changes: Any) -> Manifest:
    """Return a manifest that is true of nothing; digests are made of the tag's name."""
    named = tags.require(str(tag))
    made = Manifest(
        model=named.model,
        version=str(named.version),
        sequence=1,
        commit="c0" * 20,
        run_id=digest_of(f"run {named}"),
        dataset=manifest.Data(path=f"data/{named.model}.csv", digest=digest_of("data")),
        artifact=digest_of(f"artifact {named}"),
        metrics={"f1": 0.9},
        gate=manifest.Gate(verdict="pass", baseline=None),
        released="2025-01-01T00:00:00+00:00",
    )
    return replace(made, **changes)


def deployment_of(tag: Tag, environment: str = "production", **changes: Any) -> ledger.Deployment:
    made = ledger.Deployment(
        environment=environment,
        model=tag.model,
        tag=str(tag),
        sequence=1,
        outcome="live",
        previous=None,
        seconds=0.5,
        who="Test Person <test@example.org>",
        when="2025-01-01T00:00:00+00:00",
        why="test",
    )
    return replace(made, **changes)


def tombstone_of(tag: Tag, **changes: Any) -> ledger.Tombstone:
    made = ledger.Tombstone(
        tag=str(tag),
        run_id=digest_of(f"run {tag}"),
        who="Test Person <test@example.org>",
        when="2025-01-01T00:00:00+00:00",
        why="test",
    )
    return replace(made, **changes)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def at_once(call: Callable[..., Any], *arguments: tuple[Any, ...]) -> list[Any]:
    """Call a function once per tuple of arguments, each in a process of its own, all together.

    The function must be a module's own. An exception in a process is raised here.
    """
    context = multiprocessing.get_context("fork")
    count = len(arguments)
    barrier = context.Barrier(count)
    with ProcessPoolExecutor(
        count, mp_context=context, initializer=_keep, initargs=(barrier,)
    ) as pool:
        futures = [pool.submit(_together, call, one) for one in arguments]
        return [future.result() for future in futures]


_kept: list[Any] = []


def _keep(barrier: Any) -> None:
    _kept[:] = [barrier]


def _together(call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    _kept[0].wait()
    return call(*arguments)


def _write(path: Path, content: str | bytes | None) -> None:
    if content is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def _quiet(line: str) -> None:
    """Swallow a line."""
