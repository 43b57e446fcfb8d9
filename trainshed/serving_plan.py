"""How a run is served: the environment, the user's code and the command. For whoever starts it."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainshed import checkout, environment
from trainshed.config import Model
from trainshed.environment import Environment
from trainshed.errors import ConfigurationError
from trainshed.project import Project
from trainshed.settings import FRAMEWORK, settings, users_environment


class ModelIsNotServed(ConfigurationError):
    """trainshed.yml says that a model is not served."""


@dataclass(frozen=True, kw_only=True)
class Serving:
    """A command that serves a run; host, port and log are still to be added."""

    argv: tuple[str, ...]
    variables: Mapping[str, str]
    """Its whole environment."""


def plan(
    project: Project,
    *,
    commit: str,
    model: str,
    run: Path,
    code: Path,
    tell: Callable[[str], None],
) -> Serving:
    """Make all that serving a run needs, and return the command.

    Args:
        project: whose model it is.
        commit: the commit whose `serve:` and `lock:` count.
        model: its name.
        run: the run's folder in the store.
        code: a folder for the user's code; it is made anew.
        tell: is told what takes time.

    Raises:
        ModelIsNotServed: `serve: none`.
    """
    chosen = project.config_at(commit).models[model]
    if chosen.serve == "none":
        raise ModelIsNotServed(
            f"trainshed.yml says `serve: none` for {model}, so nothing can answer for it.",
            fix="Take `serve: none` away, name a predictor if the artifact has none, and commit.",
        )
    made = _environment(project, commit, chosen, tell)
    _copy_code(project, commit, chosen.serve.include, code)
    argv = [str(made.python), "-m", "trainshed.serving", "--run", str(run), "--code", str(code)]
    if chosen.serve.predictor is not None:
        argv += ["--predictor", chosen.serve.predictor]
    variables = {**made.variables(), "PYTHONPATH": str(FRAMEWORK)}
    return Serving(argv=tuple(argv), variables=users_environment(variables, without=made.without))


def _environment(
    project: Project, commit: str, chosen: Model, tell: Callable[[str], None]
) -> Environment:
    """The server's libraries, then the model's own lock: that one decides what both name."""
    locks = [FRAMEWORK / "requirements" / "serve.txt"]
    if chosen.lock is not None:
        locks.append(project.kept_lock(commit, chosen.lock))
    return environment.ensure(locks, root=settings().environments, name="serve", tell=tell)


def _copy_code(project: Project, commit: str, include: Sequence[str], code: Path) -> None:
    shutil.rmtree(code, ignore_errors=True)
    code.mkdir(parents=True)
    if not include:
        return
    with checkout.of(project, commit, only=include) as folder:
        for path in include:
            source, target = folder / path, code / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, dirs_exist_ok=True)
            else:
                shutil.copyfile(source, target)
