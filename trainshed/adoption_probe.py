"""Run a trainer once, as training will, to see which metrics it prints."""

from collections.abc import Callable, Mapping

from trainshed import checkout, environment, run_files, trainer
from trainshed.adoption import Data
from trainshed.errors import ConfigurationError
from trainshed.project import Project
from trainshed.settings import outside_environment, settings, users_environment

_TIMEOUT = 3600.0  # seconds; what `timeout:` is by default

Tell = Callable[[str], None]


class ProbeNeedsTrackedData(ConfigurationError):
    """--probe trains from the last commit, and data that a command fetches is not in it."""


def metrics(
    project: Project,
    *,
    train: tuple[str, ...],
    data: Data,
    lock: str | None,
    inputs: tuple[str, ...] | None,
    model: str,
    tell: Tell,
) -> Mapping[str, float]:
    """Return the metrics that a trainer prints, trained in a clean checkout of the last commit.

    Raises:
        ProbeNeedsTrackedData
        InputIsMissing: the data or the lock file is not committed.
        TrainerFailed, TrainerBrokeTheContract, …: as training would.
    """
    if data.fetch is not None:
        raise ProbeNeedsTrackedData(
            f"--probe trains from the last commit, and {data.path} is fetched.",
            fix="Name the metrics instead: --metric f1:maximize, once for each.",
        )
    commit = project.repository.resolve("HEAD")
    needed = [data.path, *([lock] if lock else [])]
    checkout.require(project, commit, needed)
    only = None if inputs is None else [*inputs, *needed]
    out = f"models/{model}"
    values = {"{data}": data.path, "{out}": out, "{seed}": "0"}
    with checkout.of(project, commit, only=only) as folder:
        run_files.make_place(folder, out)
        trained = trainer.train(
            [_filled(part, values) for part in train],
            data=data.path,
            checkout=folder,
            variables=_variables(project, commit, lock, tell),
            log=folder / ".trainshed-probe.log",
            timeout=_TIMEOUT,
            metrics=frozenset(),
            hint="Mend the program, commit, and run init again; or name the metrics with --metric.",
            tell=tell,
        )
    return trained.report.metrics


def _variables(project: Project, commit: str, lock: str | None, tell: Tell) -> Mapping[str, str]:
    if lock is None:
        return outside_environment()
    made = environment.ensure(
        [project.kept_lock(commit, lock)],
        root=settings().environments,
        name="train",
        python=environment.python_of(settings().training_python).path,
        tell=tell,
    )
    return users_environment(made.variables(), without=made.without)


def _filled(part: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        part = part.replace(name, value)
    return part
