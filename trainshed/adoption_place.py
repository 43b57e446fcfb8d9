"""Where adopting happens: the project's folder in its repository, and what is there already."""

from pathlib import Path

from trainshed import adoption, adoption_workflows, config_file, git, project
from trainshed.adoption import Place
from trainshed.adoption_flags import FlagIsOdd
from trainshed.adoption_workflows import Fetching
from trainshed.project import Project


def open_at(folder: Path) -> Project:
    """Open the project that a folder belongs to, or make one of that very folder."""
    found = project.open_at(folder)
    if (found.folder / config_file.NAME).is_file():
        return found
    return Project(repository=found.repository, folder=folder.resolve())


def of(here: Project, *, branch: str | None) -> Place:
    """Return where the files go; the default branch is the origin's unless it is named."""
    return Place(
        prefix=here.prefix,
        branch=branch or _default_branch(here.repository),
        ignored=_text(here.folder / ".gitignore"),
        ignored_above=_text(here.repository.folder / ".gitignore"),
    )


def fetching(here: Project, *, environment: str | None, secrets: tuple[str, ...]) -> Fetching:
    """Return what fetching data needs: what is asked for, else what an earlier init wrote."""
    if environment is not None:
        return Fetching(environment=environment, secrets=secrets)
    if secrets:
        raise FlagIsOdd(
            "--fetch-secret needs a GitHub environment: a secret of the whole repository would be "
            "there for every job.",
            fix="Make one that only holds what reads the data, and pass --data-environment NAME.",
        )
    there = here.repository.folder / adoption.WORKFLOWS / "pull-request.yml"
    return adoption_workflows.fetching_of(_text(there))


def _default_branch(repository: git.Repository) -> str:
    named = repository.run(
        "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD", check=False
    )
    if named.returncode == 0:
        return named.out.strip().removeprefix("origin/")
    return repository.branch() or "main"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
