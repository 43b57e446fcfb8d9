"""What the matrices of workflows are made of: a project's models, and where a runner can deploy."""

import json
from dataclasses import dataclass
from pathlib import Path

from trainshed import config_file, project
from trainshed.config import Config
from trainshed.settings import settings


@dataclass(frozen=True, kw_only=True)
class Description:
    models: tuple[str, ...]
    environments: tuple[str, ...]

    @property
    def models_json(self) -> str:
        return json.dumps(self.models)

    @property
    def environments_json(self) -> str:
        return json.dumps(self.environments)


def of(folder: Path) -> Description:
    """Describe the project of a folder; one without a trainshed.yml has nothing."""
    try:
        configuration = project.open_at(folder).config()
    except config_file.ConfigIsMissing:
        return Description(models=(), environments=())
    return describe(configuration, is_hosted=settings().runner_is_hosted)


def describe(configuration: Config, *, is_hosted: bool) -> Description:
    """List models and environments in the order of trainshed.yml.

    A process ends with the hosted runner that started it: such an environment is deployed to on the
    machine that it lives on.
    """
    return Description(
        models=tuple(configuration.models),
        environments=tuple(
            name
            for name, one in configuration.environments.items()
            if not (is_hosted and one.target == "process")
        ),
    )
