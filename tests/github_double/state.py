"""What the double knows: repositories and what is in them, as plain data that a test may change.

A repository's refs and commits are those of a bare git repository where one is given (`git`), so
that a tag deleted at the origin is deleted here too; else they are what `refs` and `commits` say.
"""

import io
import subprocess
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from github_double.things import (
    ACTIONS,
    Artifact,
    Comment,
    Deployment,
    Dispatch,
    Environment,
    Issue,
    PackageVersion,
    Pull,
    Release,
    Ruleset,
    Run,
    Settings,
    Status,
    Token,
    Workflow,
)

EVERYTHING = "ghs_everything"
"""A token of an installation that may do all."""


@dataclass
class Repository:
    state: "State"
    full_name: str
    id: int
    git: Path | None = None
    """The bare repository whose refs and commits are ours."""
    default_branch: str = "main"
    is_private: bool = False
    is_fork: bool = False
    is_organisation: bool = True
    created_at: str = "2025-12-01T00:00:00Z"
    settings: Settings = field(default_factory=Settings)
    refs: dict[str, str] = field(default_factory=dict)
    """`refs/heads/main` and so on, without git; an annotated tag names its object in `tags`."""
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    """Annotated tags without git: object id to `tag`, `message`, `sha` of the commit."""
    commits: set[str] = field(default_factory=set)
    """Known commits, without git or beside it (those of forks)."""
    pulls: dict[int, Pull] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    comments: dict[int, Comment] = field(default_factory=dict)
    statuses: list[Status] = field(default_factory=list)
    releases: dict[int, Release] = field(default_factory=dict)
    deployments: dict[int, Deployment] = field(default_factory=dict)
    environments: dict[str, Environment] = field(default_factory=dict)
    rulesets: dict[int, Ruleset] = field(default_factory=dict)
    protections: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Classic branch protection, by branch: keys of its answer that differ from the default."""
    runs: dict[int, Run] = field(default_factory=dict)
    workflows: dict[int, Workflow] = field(default_factory=dict)
    dispatches: list[Dispatch] = field(default_factory=list)
    packages: dict[str, list[PackageVersion]] = field(default_factory=dict)
    """Container packages by name, newest version first."""

    @property
    def owner(self) -> str:
        return self.full_name.partition("/")[0]

    @property
    def name(self) -> str:
        return self.full_name.partition("/")[2]

    # What there is in git

    def all_refs(self) -> dict[str, tuple[str, str]]:
        """Return each ref with the kind (`commit`, `tag`) and id of the object it names."""
        if self.git is None:
            return {name: ("tag" if sha in self.tags else "commit", sha)
                    for name, sha in sorted(self.refs.items())}  # fmt: skip
        listed = self._git("for-each-ref", "--format=%(refname) %(objecttype) %(objectname)")
        rows = [line.split() for line in listed.splitlines()]
        return {name: (kind, sha) for name, kind, sha in rows}

    def tag_object(self, sha: str) -> dict[str, str] | None:
        """Return an annotated tag: `tag`, `message` and the `sha` of its commit."""
        if self.git is None or sha in self.tags:
            return self.tags.get(sha)
        kind = self._git("cat-file", "-t", sha, check=False).strip()
        if kind != "tag":
            return None
        head, _, message = self._git("cat-file", "tag", sha).partition("\n\n")
        fields = dict(line.split(" ", 1) for line in head.splitlines())
        return {"tag": fields["tag"], "message": message, "sha": fields["object"]}

    def commit_of(self, ref: str) -> str | None:
        """Return the commit of a branch, a tag, a full ref or an id; None when there is none."""
        refs = self.all_refs()
        for name in (ref, f"refs/{ref}", f"refs/heads/{ref}", f"refs/tags/{ref}"):
            if name in refs:
                kind, sha = refs[name]
                tag = self.tag_object(sha) if kind == "tag" else None
                return tag["sha"] if tag else sha
        return ref if self.has_commit(ref) else None

    def has_commit(self, sha: str) -> bool:
        known = self.commits | {kept for kept in self.refs.values() if kept not in self.tags}
        if sha in known:
            return True
        if self.git is None or len(sha) != 40:
            return False
        return self._git("cat-file", "-t", sha, check=False).strip() == "commit"

    def set_ref(self, name: str, sha: str) -> None:
        if self.git is None:
            self.refs[name] = sha
        else:
            self._git("update-ref", name, sha)

    def delete_ref(self, name: str) -> None:
        if self.git is None:
            del self.refs[name]
        else:
            self._git("update-ref", "-d", name)

    def settle(self) -> None:
        """Make drafts of the releases whose tag is gone, as GitHub does when it is deleted."""
        published = [one for one in self.releases.values() if not one.is_draft]
        refs = self.all_refs() if published else {}
        for release in published:
            if f"refs/tags/{release.tag_name}" not in refs:
                release.is_draft = True
                release.published_at = None

    def next_number(self) -> int:
        """Return a number that no issue and no pull request has."""
        return max([0, *self.pulls, *self.issues]) + 1

    # What tests put in

    def add_pull(
        self,
        head_sha: str,
        *,
        head_ref: str = "topic",
        base_ref: str | None = None,
        fork: str | None = None,
        author: str = "octocat",
        title: str = "Try something",
        merge_commit_sha: str | None = None,
        state: str = "open",
    ) -> Pull:
        """Open a pull request; `fork` is owner/name of the repository that it comes from."""
        base = base_ref or self.default_branch
        number = self.next_number()
        pull = Pull(
            number=number, head_repository=fork or self.full_name, head_ref=head_ref,
            head_sha=head_sha, base_ref=base, base_sha=self.commit_of(base) or "0" * 40,
            author=author, title=title, created_at=self.state.now(), state=state,
            merge_commit_sha=merge_commit_sha,
        )  # fmt: skip
        self.commits.add(head_sha)
        self.pulls[number] = pull
        return pull

    def add_comment(self, number: int, body: str, *, author: str = ACTIONS) -> Comment:
        now = self.state.now()
        comment = Comment(
            id=self.state.next_id(), number=number, body=body, author=author, created_at=now,
            updated_at=now,
        )  # fmt: skip
        self.comments[comment.id] = comment
        return comment

    def add_workflow(self, path: str, *, name: str | None = None) -> Workflow:
        workflow = Workflow(
            id=self.state.next_id(), name=name or Path(path).stem, path=path,
            created_at=self.state.now(),
        )  # fmt: skip
        self.workflows[workflow.id] = workflow
        return workflow

    def add_run(
        self,
        head_sha: str,
        *,
        head_branch: str | None = "topic",
        event: str = "pull_request",
        workflow: str = ".github/workflows/pull-request.yml",
        fork: str | None = None,
        status: str = "completed",
        conclusion: str | None = "success",
        pulls: tuple[int, ...] = (),
    ) -> Run:
        """Add a run of a workflow, which is made where there is none at that path."""
        found = [one for one in self.workflows.values() if one.path == workflow]
        used = found[0] if found else self.add_workflow(workflow)
        run = Run(
            id=self.state.next_id(), workflow_id=used.id, name=used.name, event=event,
            head_branch=head_branch, head_sha=head_sha, head_repository=fork or self.full_name,
            created_at=self.state.now(), status=status, conclusion=conclusion, pulls=list(pulls),
        )  # fmt: skip
        self.commits.add(head_sha)
        self.runs[run.id] = run
        return run

    def add_artifact(
        self, run: Run, name: str, content: Mapping[str, str | bytes] | bytes
    ) -> Artifact:
        """Add an artifact: files by name, or the bytes of an archive as they are."""
        data = content if isinstance(content, bytes) else _zip(content)
        artifact = Artifact(
            id=self.state.next_id(), name=name, content=data, created_at=self.state.now()
        )
        run.artifacts.append(artifact)
        return artifact

    def add_environment(self, name: str, **changes: Any) -> Environment:
        environment = Environment(
            id=self.state.next_id(), name=name, created_at=self.state.now(), **changes
        )
        self.environments[name] = environment
        return environment

    def add_ruleset(self, name: str, **changes: Any) -> Ruleset:
        ruleset = Ruleset(
            id=self.state.next_id(), name=name, created_at=self.state.now(), **changes
        )
        self.rulesets[ruleset.id] = ruleset
        return ruleset

    def add_package_version(self, package: str, digest: str, *, tags: list[str]) -> PackageVersion:
        version = PackageVersion(
            id=self.state.next_id(), digest=digest, tags=tags, created_at=self.state.now()
        )
        self.packages.setdefault(package, []).insert(0, version)
        return version

    def _git(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["git", "--git-dir", str(self.git), *arguments],
            capture_output=True, text=True, check=check,
        )  # fmt: skip
        return done.stdout


@dataclass
class State:
    """All repositories and tokens. Its clock goes on by one second with each thing made."""

    repositories: dict[str, Repository] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)
    _ids: int = 1000
    _seconds: int = 0

    @property
    def repository(self) -> Repository:
        """The first repository: most tests have one."""
        return next(iter(self.repositories.values()))

    def find(self, full_name: str) -> Repository | None:
        """Return a repository; GitHub does not tell small letters from capitals."""
        for name, repository in self.repositories.items():
            if name.lower() == full_name.lower():
                return repository
        return None

    def add_repository(self, full_name: str, **changes: Any) -> Repository:
        repository = Repository(state=self, full_name=full_name, id=self.next_id(), **changes)
        self.repositories[full_name] = repository
        return repository

    def add_token(
        self, value: str, permissions: dict[str, str] | None = None, **changes: Any
    ) -> Token:
        token = Token(value=value, permissions=permissions, **changes)
        self.tokens[value] = token
        return token

    def next_id(self) -> int:
        self._ids += 1
        return self._ids

    def now(self) -> str:
        self._seconds += 1
        moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._seconds)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _zip(files: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()
