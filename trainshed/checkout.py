"""A clean checkout: a fresh, sparse git worktree of one commit, never the person's own folder.

Nothing of the repository's configuration is changed (`git sparse-checkout` would), no hook runs,
and what a killed run leaves behind is removed by the next.
"""

import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from trainshed import git, locks
from trainshed.errors import ConfigurationError
from trainshed.project import Project


class InputIsMissing(ConfigurationError):
    """A path that trainshed.yml names is not in the commit."""


@contextmanager
def of(project: Project, commit: str, *, only: Sequence[str] | None) -> Iterator[Path]:
    """Check out a commit and yield the project's folder in it; it is removed afterwards.

    Args:
        project: whose repository is checked out.
        commit: a full commit id.
        only: paths relative to the project's folder; None for the whole tree.

    Raises:
        InputIsMissing: one of the paths is not in the commit.
    """
    repository = project.repository
    if only is not None:
        require(project, commit, only)
    home = project.state / "checkouts"
    _remove_abandoned(repository, home)
    name = secrets.token_hex(6)
    worktree = home / name
    with locks.held(home / f"{name}.lock"):
        try:
            _add(repository, worktree, commit)
            names = None if only is None else [f"{project.prefix}{path}" for path in only]
            _fill(git.Repository(worktree), names)
            yield worktree / project.prefix
        finally:
            _remove(repository, worktree)


def require(project: Project, commit: str, paths: Sequence[str]) -> None:
    names = [f"{project.prefix}{path}".rstrip("/") for path in paths]
    there = {entry.path for entry in project.repository.entries(commit, names)}
    for path, name in zip(paths, names, strict=True):
        if name not in there:
            raise InputIsMissing(
                f"{path} is not in commit {commit[:12]}.",
                fix="Add it to git and commit, or correct the path in trainshed.yml.",
            )


def _add(repository: git.Repository, worktree: Path, commit: str) -> None:
    with _alone(worktree):
        repository.run(
            "-c", "core.hooksPath=/dev/null", "worktree", "add", "--quiet", "--force", "--detach",
            "--no-checkout", str(worktree), commit,
        )  # fmt: skip


def _alone(worktree: Path) -> AbstractContextManager[None]:
    """Hold off all other worktrees: git reads what there is of each, and fails on half of one."""
    return locks.held(worktree.parents[1] / "locks" / "worktrees")


def _fill(worktree: git.Repository, only: Sequence[str] | None) -> None:
    # Said even when it is false: a worktree inherits a person's own sparse checkout.
    is_sparse = "true" if only is not None else "false"
    sparse = ["-c", f"core.sparseCheckout={is_sparse}", "-c", "core.sparseCheckoutCone=false"]
    if only is not None:
        info = Path(worktree.read("rev-parse", "--absolute-git-dir")) / "info"
        info.mkdir(exist_ok=True)
        patterns = "".join(f"/{_escaped(path)}\n" for path in only)
        (info / "sparse-checkout").write_text(patterns, encoding="utf-8")
    worktree.run(*sparse, "-c", "core.hooksPath=/dev/null", "read-tree", "-m", "-u", "HEAD")


def _escaped(path: str) -> str:
    """Write a path as a pattern that matches only itself (gitignore's rules)."""
    return re.sub(r"([\\*?\[\]!# ])", r"\\\1", path)


def _remove(repository: git.Repository, worktree: Path) -> None:
    arguments = ["worktree", "remove", "--force", "--force", str(worktree)]
    with _alone(worktree):
        removed = repository.run(*arguments, check=False)
    if removed.returncode != 0:  # git had not finished making it, or may not empty a folder of it
        for folder, _, _ in os.walk(worktree):
            Path(folder).chmod(0o700)
        shutil.rmtree(worktree, ignore_errors=True)
        common = repository.folder / repository.read("rev-parse", "--git-common-dir")
        shutil.rmtree(common / "worktrees" / worktree.name, ignore_errors=True)
    (worktree.parent / f"{worktree.name}.lock").unlink(missing_ok=True)


def _remove_abandoned(repository: git.Repository, home: Path) -> None:
    """Remove checkouts whose maker was killed: nobody holds their lock any more."""
    for lock in home.glob("*.lock"):
        with locks.tried(lock) as is_abandoned:
            if is_abandoned:
                _remove(repository, home / lock.stem)
