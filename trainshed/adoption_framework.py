"""Which Trainshed an adopter's workflows use: a repository on GitHub, a commit, its own files."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from trainshed import git
from trainshed.adoption_workflows import NAMES, Framework
from trainshed.errors import ConfigurationError
from trainshed.settings import FRAMEWORK

_NAMED = re.compile(r"^(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>\S+))?$")
_ADDRESS = re.compile(r"(?:://[^/]+/|^[^/:]+:)(?P<repository>[^/:]+/[^/]+?)(?:\.git)?/?$")
_FULL = re.compile(r"^[0-9a-f]{40}$")
_SOURCE = ".github/workflows"

Read = Callable[[str], str | None]


class FrameworkIsUnknown(ConfigurationError):
    """It is not known which repository and commit of Trainshed the workflows should use."""


@dataclass(frozen=True, kw_only=True)
class Found:
    framework: Framework
    notes: tuple[str, ...]
    """What a person should know of that commit, such as that GitHub does not have it yet."""


def of(named: str | None, *, folder: Path = FRAMEWORK) -> Found:
    """Return the Trainshed that is named as OWNER/REPO@COMMIT, or the one in a folder.

    Its workflows are read at that commit, so that they fit the actions that they use. Where the
    folder is no clone, or does not have that commit, they are the folder's own, and that is told.

    Raises:
        FrameworkIsUnknown: there is no origin on a server, or the commit cannot be told.
    """
    repository = git.Repository(folder) if (folder / ".git").exists() else None
    where, revision = _asked(named, repository)
    commit = _commit(repository, revision)
    notes: list[str] = []
    if repository is not None and repository.has(commit):
        read = _at(repository, commit)
        version = _version(repository, commit, read)
        notes += _notes(repository, commit, where)
    else:
        read = _in_folder(folder)
        version = _declared(read)
        notes.append(
            f"{commit[:12]} is not in {folder}: the workflows are those of that folder, as it is"
        )
    return Found(framework=_framework(where, commit, version, read), notes=tuple(notes))


def repository_of(address: str) -> str | None:
    """Return owner/name of a remote's address; None when it is a folder."""
    if address.startswith(("/", ".", "file:")):
        return None
    match = _ADDRESS.search(address)
    return match["repository"] if match else None


def _asked(named: str | None, repository: git.Repository | None) -> tuple[str, str]:
    if named is not None:
        match = _NAMED.match(named)
        if match is None:
            raise FrameworkIsUnknown(
                f"--framework {named} is not of the form OWNER/REPO@COMMIT.",
                fix="Write it such as acme/trainshed@v1.0.0, or with all 40 digits of a commit.",
            )
        return match["repository"], match["revision"] or "HEAD"
    address = "" if repository is None else _origin(repository)
    where = repository_of(address)
    if where is None:
        raise FrameworkIsUnknown(
            "Which Trainshed the workflows should use is not known: this copy of it has no origin "
            f"on a server{f' ({address})' if address else ''}.",
            fix="Pass --framework OWNER/REPO@COMMIT, with the repository that GitHub has.",
        )
    return where, "HEAD"


def _origin(repository: git.Repository) -> str:
    found = repository.run("remote", "get-url", "origin", check=False)
    return found.out.strip() if found.returncode == 0 else ""


def _commit(repository: git.Repository | None, revision: str) -> str:
    if _FULL.match(revision):
        return revision
    if repository is None:
        raise FrameworkIsUnknown(
            f"{revision} is not a whole commit id, and this copy of Trainshed is no git clone.",
            fix="Pass --framework OWNER/REPO@COMMIT with all 40 digits.",
        )
    return repository.resolve(revision)


def _notes(repository: git.Repository, commit: str, where: str) -> list[str]:
    notes = []
    if repository.changed_files():
        notes.append(
            "this copy of Trainshed has changes that are in no commit: they are no part of it"
        )
    on = repository.run("branch", "--remotes", "--contains", commit, check=False).out.strip()
    if not on:
        notes.append(
            f"commit {commit[:12]} is on no branch that was pushed: GitHub will not find "
            f"{where}@{commit[:12]} before it is"
        )
    return notes


def _version(repository: git.Repository, commit: str, read: Read) -> str:
    exact = repository.run(
        "describe", "--tags", "--exact-match", "--match", "v[0-9]*", commit, check=False
    )
    return exact.out.strip() if exact.returncode == 0 else f"{_declared(read)}+{commit[:7]}"


def _declared(read: Read) -> str:
    match = re.search(r'^version = "([^"]+)"', read("pyproject.toml") or "", re.MULTILINE)
    return f"v{match[1]}" if match else "unknown version"


def _framework(where: str, commit: str, version: str, read: Read) -> Framework:
    workflows = {name: read(f"{_SOURCE}/{name}") for name in NAMES}
    missing = [name for name, text in workflows.items() if text is None]
    if missing:
        raise FrameworkIsUnknown(
            f"Commit {commit[:12]} of Trainshed has no {_SOURCE}/{missing[0]}.",
            fix="Name a newer one with --framework OWNER/REPO@COMMIT.",
        )
    texts = {name: text for name, text in workflows.items() if text is not None}
    used = {
        action
        for text in texts.values()
        for action in re.findall(r"uses: \./actions/([a-z-]+)", text)
    }
    return Framework(
        repository=where,
        commit=commit,
        version=version,
        workflows=texts,
        takes_folder=frozenset(one for one in used if _takes_folder(one, read)),
    )


def _takes_folder(action: str, read: Read) -> bool:
    content = yaml.safe_load(read(f"actions/{action}/action.yml") or "{}")
    return "folder" in (content.get("inputs") or {})


def _at(repository: git.Repository, commit: str) -> Read:
    def read(path: str) -> str | None:
        content = repository.file_at(commit, path)
        return None if content is None else content.decode()

    return read


def _in_folder(folder: Path) -> Read:
    def read(path: str) -> str | None:
        try:
            return (folder / path).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    return read
