"""A git repository, as facts and a few verbs. Always the `git` program: it knows its formats.

On GitHub a checkout need not keep credentials: git is lent our token, for GitHub's own address and
for one command at a time. A shallow clone is told apart, and deepened when a question needs it.
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainshed import cmd
from trainshed.errors import ConfigurationError, OutsideError, ReleaseStateError
from trainshed.settings import child_environment, settings

REMOTE = "origin"
_ROBOT = "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>"
_SHALLOW = (
    "This clone is shallow, so it may just lack it: set `fetch-depth: 0` for actions/checkout, or "
    "run `git fetch --unshallow`."
)

# Nothing here may wait for a password or be changed by a person's own settings; a path is a name,
# never a pattern.
_QUIET = {
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
}


class NotARepository(ConfigurationError):
    """The folder is not inside a git repository."""


class CommitIsUnknown(ConfigurationError):
    """There is no such commit in this clone."""


class HistoryIsMissing(OutsideError):
    """The clone is shallow, and the rest of its history could not be fetched."""


class WorkingTreeIsDirty(ReleaseStateError):
    """Files differ from the commit, so what would be released is not what the folder shows."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a git tree."""

    mode: str
    kind: str
    oid: str
    path: str

    @property
    def is_symlink(self) -> bool:
        return self.mode == "120000"


@dataclass(frozen=True, kw_only=True)
class Object:
    """One git object: its id, kind and content."""

    oid: str
    kind: str
    content: bytes


@dataclass(frozen=True)
class Repository:
    folder: Path

    def run(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> cmd.Finished:
        return cmd.run(
            ["git", *arguments],
            cwd=self.folder,
            stdin=stdin,
            env={**_QUIET, **_credentials(), **(env or {})},
            check=check,
        )

    def read(self, *arguments: str) -> str:
        return self.run(*arguments).out.strip()

    def resolve(self, revision: str) -> str:
        """Return the full commit id of a branch, tag or id."""
        found = self.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}",
            check=False,
        )  # fmt: skip
        if found.returncode != 0:
            raise CommitIsUnknown(
                f"There is no commit {revision} in {self.folder}.",
                fix=_SHALLOW
                if self.is_shallow()
                else "Look at `git log`; in a new clone, `git fetch origin` first.",
            )
        return found.out.strip()

    def branch(self) -> str | None:
        """Return the name of the branch that is checked out; None when none is."""
        found = self.run("symbolic-ref", "--quiet", "--short", "HEAD", check=False)
        return found.out.strip() or None

    def has(self, oid: str) -> bool:
        return self.run("cat-file", "-e", oid, check=False).returncode == 0

    def file_at(self, commit: str, path: str) -> bytes | None:
        """Return a file's content at a commit, or None when it is not there."""
        shown = self.run("cat-file", "blob", f"{commit}:{path}", check=False)
        return shown.stdout if shown.returncode == 0 else None

    def entries(self, commit: str, paths: Iterable[str], *, recurse: bool = False) -> list[Entry]:
        """List tree entries of paths at a commit; a path that is not there yields nothing."""
        flags = ["-r", "-t"] if recurse else ["-t"]
        names = {path.rstrip("/") for path in paths}
        listing = self.run("ls-tree", "-z", "--full-tree", *flags, commit, "--", *names).out
        # When paths overlap, git also lists what lies between them.
        return [entry for entry in _tree_entries(listing) if recurse or entry.path in names]

    def tree_of(self, commit: str, path: str = "") -> str:
        return self.read("rev-parse", f"{commit}:{path}" if path else f"{commit}^{{tree}}")

    def parents(self, commit: str) -> list[str]:
        """Return a commit's parents as it names them: a shallow clone may not have them."""
        header, _, _ = self.run("cat-file", "commit", commit).out.partition("\n\n")
        lines = [line.split(" ") for line in header.splitlines()]
        return [line[1] for line in lines if line[0] == "parent"]

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        """Tell whether a commit is in the history of another, as the origin knows that history."""
        asks = ("merge-base", "--is-ancestor", ancestor, commit)
        if self.run(*asks, check=False).returncode == 0:
            return True
        if not self.is_shallow():
            return False
        self.deepen()
        return self.run(*asks, check=False).returncode == 0

    def is_shallow(self) -> bool:
        return self.read("rev-parse", "--is-shallow-repository") == "true"

    def deepen(self) -> None:
        """Fetch the history that a shallow clone lacks.

        Raises:
            HistoryIsMissing
        """
        fetched = self.run(
            "fetch", "--no-progress", "--unshallow", "--no-tags", "--refmap=",
            "--no-write-fetch-head", "--no-recurse-submodules", REMOTE, "HEAD", check=False,
        )  # fmt: skip
        if fetched.returncode != 0 and self.is_shallow():  # unless another process was faster
            raise HistoryIsMissing(
                f"{self.folder} is a shallow clone, and the rest of its history cannot be fetched: "
                f"{fetched.err.strip()}",
                fix="Set `fetch-depth: 0` for actions/checkout, or run `git fetch --unshallow`.",
            )

    def subjects(self, commits: str, *, limit: int = 200) -> list[tuple[str, str]]:
        """List (commit, subject) of a range, newest first, along first parents."""
        lines = self.read("log", "-z", "--first-parent", f"-n{limit}", "--format=%H %s", commits)
        return [(line[:40], line[41:]) for line in lines.split("\0") if line]

    def changed_files(self) -> list[str]:
        """List tracked files that differ from HEAD. Untracked ones are no part of any commit."""
        listing = self.run(
            "status", "--porcelain", "-z", "--no-renames", "--untracked-files=no"
        ).out
        return [line[3:] for line in listing.split("\0") if len(line) > 3]

    def objects(self, oids: Sequence[str]) -> Iterator[Object]:
        """Read many objects through one `git cat-file`; each must exist."""
        if not oids:
            return
        wanted = "\n".join(oids).encode() + b"\n"
        answer = self.run("cat-file", "--batch", "--buffer", stdin=wanted).stdout
        at = 0
        for _ in oids:
            end = answer.index(b"\n", at)
            header = answer[at:end].decode().split()
            if len(header) != 3:
                raise CommitIsUnknown(
                    f"git has no object {header[0]} in {self.folder}.",
                    fix="Run `git fetch origin`, then the same command again.",
                )
            size = int(header[2])
            content = answer[end + 1 : end + 1 + size]
            yield Object(oid=header[0], kind=header[1], content=content)
            at = end + 1 + size + 1

    def write_blob(self, content: bytes) -> str:
        return self.run("hash-object", "-w", "--stdin", stdin=content).out.strip()

    def identity(self) -> str:
        """Return `Name <mail>` of the person (or robot) at work."""
        is_robot = settings().in_github_actions
        # There git would make up an address of the machine's name.
        only = ["-c", "user.useConfigOnly=true"] if is_robot else []
        line = self.run(*only, "var", "GIT_COMMITTER_IDENT", check=False)
        if line.returncode != 0:
            return _ROBOT if is_robot else "trainshed <trainshed@localhost>"
        return line.out.rsplit(">", 1)[0] + ">"


def discover(folder: Path) -> Repository:
    """Find the repository that a folder lies in."""
    if not folder.is_dir():
        raise NotARepository(
            f"There is no folder {folder}.", fix="Pass --repository a folder of a git clone."
        )
    found = cmd.run(["git", "rev-parse", "--show-toplevel"], cwd=folder, env=_QUIET, check=False)
    if found.returncode != 0:
        raise NotARepository(
            f"{folder} is not inside a git repository: {found.err.strip()}",
            fix="Change into your repository, or make one with `git init`.",
        )
    return Repository(Path(found.out.rstrip("\n")))


def is_id(revision: str) -> bool:
    """Tell whether a revision is a full commit id, which names the same commit everywhere."""
    return re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", revision) is not None


def require_clean(repository: Repository) -> None:
    changed = repository.changed_files()
    if changed:
        raise WorkingTreeIsDirty(
            f"Files in {repository.folder} differ from the last commit: {_some(changed)}.",
            fix="Commit them (or `git stash`), push, and release again.",
        )


def _credentials() -> dict[str, str]:
    """Return variables that lend git our token for GitHub's own address; nothing is written down.

    git keeps a header to the address that it is given for, so another origin never sees it.
    """
    github = settings().github
    if github is None:
        return {}
    count = int(child_environment().get("GIT_CONFIG_COUNT") or 0)
    key = f"http.{github.server.rstrip('/')}/.extraheader"
    secret = base64.b64encode(f"x-access-token:{github.token}".encode()).decode()
    # An empty one first takes back what a checkout has left: GitHub refuses two of them.
    values = ("", f"AUTHORIZATION: basic {secret}")
    variables = {"GIT_CONFIG_COUNT": str(count + len(values))}
    for number, value in enumerate(values, start=count):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _tree_entries(listing: str) -> Iterator[Entry]:
    for line in listing.split("\0"):
        if line:
            head, path = line.split("\t", 1)
            mode, kind, oid = head.split()
            yield Entry(mode=mode, kind=kind, oid=oid, path=path)
