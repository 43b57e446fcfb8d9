"""What decides a run's outcome, read from a commit: the parts of its run id."""

from collections.abc import Mapping

from trainshed import checkout, config
from trainshed.project import Project
from trainshed.run import Dataset, Ingredients


def of(
    project: Project,
    commit: str,
    model: str,
    chosen: config.Model,
    *,
    dataset: Dataset,
    seed: int | None,
    python: str,
) -> Ingredients:
    """Return the ingredients of a model's run at a commit.

    Args:
        seed: None: that of the configuration.
        python: the minor version of the Python of training environments.
    """
    lock = None if chosen.lock is None else project.kept_lock(commit, chosen.lock).stem
    env = {f"env.{key}": value for key, value in chosen.env.items()}
    return Ingredients(
        model=model,
        code=_code(project, commit, chosen),
        dataset=dataset.digest,
        command=tuple(chosen.train),
        params={"seed": str(chosen.seed if seed is None else seed), **env},
        lock=lock,
        python=python,
    )


def _code(project: Project, commit: str, chosen: config.Model) -> Mapping[str, str]:
    repository, prefix = project.repository, project.prefix
    if chosen.inputs is None:
        return {".": repository.tree_of(commit, prefix.rstrip("/"))}
    checkout.require(project, commit, chosen.inputs)
    entries = repository.entries(commit, [f"{prefix}{path}" for path in chosen.inputs])
    return {entry.path.removeprefix(prefix): entry.oid for entry in entries}
