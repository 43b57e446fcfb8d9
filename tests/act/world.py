"""A whole small GitHub: a repository, its API, and the workflows that each event starts.

Each verb does to git what a person does, then runs what GitHub would run, to its end; it returns
what ran, in order. Image, registry, engine and live port are real.
"""

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import cml_recorder
import github_double
import repositories
from github_double import events
from github_double.events import NOBODY
from github_double.state import Repository
from github_double.things import Pull
from repositories import Repo

from act import git_server, project
from act.events import Event, triggers
from act.log import Result
from act.permissions import Permissions
from act.runner import Act
from act.service import MAIN, Service
from act.tokens import WORKFLOWS
from trainshed import http_client
from trainshed.manifest import Manifest
from trainshed.settings import settings

REPOSITORY = "octo-lab/models"
STRANGER = "stranger/models"
CANARY = {
    "TRAINSHED_REGISTRY_USER": "canary-user",
    "TRAINSHED_REGISTRY_PASSWORD": "canary-password-that-nobody-may-see",
}
Files = Mapping[str, str | None]

_PASSED_ON = ("PIP_CERT", "PIP_INDEX_URL", "SSL_CERT_FILE", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_SILENT_ABOVE = 3
"""GitHub makes no event when more tags than these are pushed or deleted at once."""


@dataclass
class World:
    repo: Repo
    """The clone of a person who may push."""
    service: Service
    cml: cml_recorder.Recorder
    content: project.Content
    _cancelled: list[Event] = field(default_factory=list)

    @property
    def model(self) -> str:
        """The model that is served."""
        return self.content.model

    @property
    def github(self) -> Repository:
        """What the API knows."""
        return self.service.repository

    # What people do

    def branch(self, name: str, files: Files, *, from_fork: bool = False) -> Pull:
        """Push a branch with a commit from main, and open a pull request; its workflows wait."""
        self.repo.git("checkout", "--quiet", "-B", name, "origin/main")
        head = self.repo.commit(files, f"Try {name}")
        fork = STRANGER if from_fork else None
        pull = self.github.add_pull(head, head_ref=name, fork=fork, author="ann", title=name)
        self._push_head(pull)
        return pull

    def take_in(self, pull: Pull, branch: str) -> tuple[Pull, list[Result]]:
        """Push the commit of a fork to a branch here, and open a pull request of that."""
        ours = self.github.add_pull(
            pull.head_sha, head_ref=branch, author="octocat", title=pull.title
        )
        self._push_head(ours)
        return ours, self._pull_request(ours, "opened")

    def open_pull_request(
        self, branch: str, files: Files, *, from_fork: bool = False
    ) -> tuple[Pull, list[Result]]:
        pull = self.branch(branch, files, from_fork=from_fork)
        return pull, self._pull_request(pull, "opened")

    def push_again(self, pull: Pull, files: Files) -> list[Result]:
        """Add a commit to a pull request."""
        self.repo.git("checkout", "--quiet", pull.head_ref)
        before, pull.head_sha = pull.head_sha, self.repo.commit(files, "Try again")
        self._push_head(pull)
        return self._pull_request(pull, "synchronize", before=before)

    def merge(self, *pulls: Pull) -> list[Result]:
        """Merge pull requests, one right after the other.

        The first push's run works while the others come; its concurrency group keeps one more
        waiting, the newest, and cancels those in between.
        """
        pushed = [self._merge(pull) for pull in pulls]
        self._cancelled += pushed[1:-1]
        return self.service.happen(*pushed[:1], *pushed[1:][-1:])

    def run_cancelled(self) -> list[Result]:
        """Run once more what was cancelled, as a person may long after."""
        again, self._cancelled = self._cancelled, []
        return self.service.happen(*again)

    def delete_tags(self, *names: str) -> list[Result]:
        """Delete tags on the origin, all in one push; this clone keeps them."""
        self.repo.git("fetch", "--quiet", "--tags", "origin")
        self.repo.delete_tag(*names)
        if len(names) > _SILENT_ABOVE:
            return []
        gone = [events.delete(self.github, name) for name in names]
        return self.service.happen(*[self._on_main("delete", payload) for payload in gone])

    def push_tag(self, name: str) -> list[Result]:
        """Push a tag that this clone has."""
        ref = f"refs/tags/{name}"
        self.repo.push(ref)
        commit = self.repo.git("rev-parse", f"{ref}^{{commit}}")
        payload = events.push(self.github, ref, commit)
        return self.service.happen(Event(name="push", payload=payload, sha=commit, ref=ref))

    def dispatch(self, workflow: str, **inputs: str) -> list[Result]:
        """Start a workflow by hand on the default branch, with what is filled in."""
        content = self.service.workflows(self.service.commit_of(MAIN))[workflow]
        asked = (triggers(content)["workflow_dispatch"] or {}).get("inputs", {})
        assert inputs.keys() <= asked.keys(), f"{workflow} has no such inputs: {inputs}"
        defaults = {name: str(one["default"]) for name, one in asked.items() if "default" in one}
        payload = events.workflow_dispatch(
            self.github, str(WORKFLOWS / workflow), inputs={**defaults, **inputs}
        )
        return self.service.run(self._on_main("workflow_dispatch", payload), workflow, content)

    def tick(self) -> list[Result]:
        """Let the hour come of every schedule."""
        return [
            result
            for name, workflow in self.service.workflows(self.service.commit_of(MAIN)).items()
            for one in triggers(workflow).get("schedule") or []
            for result in self.service.run(self._scheduled(name, one["cron"]), name, workflow)
        ]

    def release_again(self, tag: str, *, as_: str) -> None:
        """Release the image of a release as another one, without a workflow; it was live once."""
        known = self.manifest(tag)
        names = {one.name for one in fields(known)} - {"model", "version", "sequence"}
        about = {name: getattr(known, name) for name in names}
        self.repo.released(as_, live_in=list(self.content.ports), **about)

    # What there is to see

    def answering(self, environment: str = project.ENVIRONMENT) -> str | None:
        """Return the release that answers on the live port; None when none does."""
        port = self.content.ports[environment]
        answer = http_client.post(port, "/predict", {"rows": [{"x": 10}]})
        return answer.body["release"] if answer.is_ok else None

    def tags(self) -> list[str]:
        return sorted(one.removeprefix("refs/tags/") for one in self.repo.refs() if "/tags/" in one)

    def manifest(self, tag: str) -> Manifest:
        releases = self.repo.world().ledger.releases
        return next(one.manifest for name, one in releases.items() if str(name) == tag)

    # How it is done

    def _pull_request(self, pull: Pull, action: str, *, before: str = NOBODY) -> list[Result]:
        """Make the merge result, whose workflow files count, and tell of the pull request."""
        base = pull.base_sha = self.service.commit_of(MAIN)
        merged = self._merged(pull, base, f"Merge {pull.head_sha} into {base}")
        pull.merge_commit_sha, ref = merged, f"refs/pull/{pull.number}/merge"
        self.github.set_ref(ref, merged)
        payload = events.pull_request(self.github, pull, action, before=before)
        return self.service.happen(
            Event(
                name="pull_request", payload=payload, sha=merged, ref=ref, actor=pull.author,
                paths=self._changed(base, merged),
            )
        )  # fmt: skip

    def _merge(self, pull: Pull) -> Event:
        before = self.service.commit_of(MAIN)
        after = self._merged(pull, before, f"Merge #{pull.number}: {pull.title}")
        self.github.set_ref(MAIN, after)
        self.repo.git("fetch", "--quiet", "--no-tags", "origin")
        pull.state, pull.merge_commit_sha = "closed", after
        pull.merged_at = self.service.double.state.now()
        payload = events.push(self.github, MAIN, after, before=before)
        paths = self._changed(before, after)
        return Event(name="push", payload=payload, sha=after, ref=MAIN, paths=paths)

    def _merged(self, pull: Pull, base: str, message: str) -> str:
        tree = self.repo.bare.read("merge-tree", "--write-tree", base, pull.head_sha)
        parents = ["-p", base, "-p", pull.head_sha]
        return self.repo.bare.read("commit-tree", tree, *parents, "-m", message)

    def _push_head(self, pull: Pull) -> None:
        """A fork's branch is not in our repository; its head is, as the pull request's."""
        self.repo.push(f"+{pull.head_sha}:refs/pull/{pull.number}/head")
        if pull.head_repository == REPOSITORY:
            self.repo.push(f"+{pull.head_sha}:refs/heads/{pull.head_ref}")

    def _changed(self, before: str, after: str) -> tuple[str, ...]:
        return tuple(self.repo.bare.read("diff", "--name-only", before, after).splitlines())

    def _scheduled(self, workflow: str, cron: str) -> Event:
        return self._on_main(
            "schedule", events.schedule(self.github, str(WORKFLOWS / workflow), cron)
        )

    def _on_main(self, name: str, payload: events.Payload) -> Event:
        """An event that runs the default branch's workflow file, whatever it is about."""
        return Event(name=name, payload=payload, sha=self.service.commit_of(MAIN), ref=MAIN)


@contextlib.contextmanager
def created(
    folder: Path,
    *,
    base_image: str | None,
    content: project.Content | None = None,
    actions: Mapping[str, Path] | None = None,
    environments: Mapping[str, Mapping[str, str]] | None = None,
    programs: Path | None = None,
) -> Iterator[World]:
    """Create a small GitHub in a folder of a test's own.

    What its workflows start carries the name of its model: `containers.remove_all` removes it.

    Args:
        folder: a test's own.
        base_image: what images are built upon.
        content: of the first commit; the framework and the tiny project where it is None.
        actions: folders that repositories of actions (owner/name) are downloaded from.
        environments: secrets of GitHub environments, by name.
        programs: a folder that every step finds first on its PATH.
    """
    content = content or project.tiny()
    origin = _make_origin(folder / "git" / REPOSITORY)
    repo = repositories.clone(origin, folder / "clone")
    repo.commit_and_push(content.files, "First")
    given: dict[str, Permissions] = {}

    def may_push(token: str) -> bool:
        return given.get(token, {}).get("contents") == "write"

    with (
        github_double.serve(REPOSITORY, git=origin) as double,
        git_server.serve(folder / "git", may_push) as server,
        cml_recorder.serve(folder / "cml", double.url) as cml,
    ):
        first = [] if programs is None else [programs]
        act = Act(
            folder=folder / "act", origin=origin, repository=REPOSITORY, api=double.url,
            server=server, secrets=CANARY, environments=environments or {}, actions=actions or {},
            variables={"TRAINSHED_BASE_IMAGE": base_image} if base_image else {},
            environment={
                "TRAINSHED_CACHE": str(settings().cache_folder),
                "PATH": os.pathsep.join(map(str, [*first, cml.folder, os.environ["PATH"]])),
                **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            },
        )  # fmt: skip
        yield World(repo, Service(double, act, given), cml, content)


def _make_origin(folder: Path) -> Path:
    """Make a bare repository that gives out what GitHub does: any commit, and parts of it."""
    folder.parent.mkdir(parents=True)
    repositories.make_origin(folder)
    for name in ("uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"):
        subprocess.run(["git", "config", name, "true"], cwd=folder, check=True)
    return folder
