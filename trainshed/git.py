"""A git repository, as facts and a few verbs. Always the `git` program: it knows its formats."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainshed import cmd
from trainshed.errors import ConfigurationError, ReleaseStateError

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
            env={**_QUIET, **(env or {})},
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
                fix="Look at `git log`; in a new clone, `git fetch origin` first.",
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
        return self.read("rev-list", "--parents", "-n1", commit).split()[1:]

    def is_ancestor(self, ancestor: str, commit: str) -> bool:
        return (
            self.run("merge-base", "--is-ancestor", ancestor, commit, check=False).returncode == 0
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
        line = self.run("var", "GIT_COMMITTER_IDENT", check=False)
        if line.returncode != 0:
            return "trainshed <trainshed@localhost>"
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


def require_clean(repository: Repository) -> None:
    changed = repository.changed_files()
    if changed:
        raise WorkingTreeIsDirty(
            f"Files in {repository.folder} differ from the last commit: {_some(changed)}.",
            fix="Commit them (or `git stash`), push, and release again.",
        )


def _some(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _tree_entries(listing: str) -> Iterator[Entry]:
    for line in listing.split("\0"):
        if line:
            head, path = line.split("\t", 1)
            mode, kind, oid = head.split()
            yield Entry(mode=mode, kind=kind, oid=oid, path=path)
