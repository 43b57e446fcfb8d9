"""What the command line of init says of a model, and how its values are read."""

import re
import shlex
from dataclasses import dataclass
from typing import Any, Literal

from trainshed.config import MODEL_NAME, Metric
from trainshed.errors import ConfigurationError

NONE = "none"
_MINIMIZED = re.compile(r"loss|error|rmse|mae\b|mse\b|mape|brier|deviance|perplexity|latency", re.I)
_MAXIMIZED = re.compile(r"acc|f1|auc|precision|recall|r2\b|score|map\b|ndcg|kappa|mcc", re.I)
_FORM = "NAME:maximize or NAME:minimize, then :min=, :max= or :tolerance= as you like"
_PLACE = re.compile(r"^([a-z0-9-]+)=(process|docker):(\d+)$")


class FlagIsOdd(ConfigurationError):
    """A flag of init has a value that cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What the command line says; None where it says nothing, `none` where there is to be none."""

    model: str | None = None
    trainer: str | None = None
    train: str | None = None
    data: str | None = None
    fetch: str | None = None
    sha256: str | None = None
    target: str | None = None
    metrics: tuple[str, ...] = ()
    out: str | None = None
    inputs: tuple[str, ...] = ()
    lock: str | None = None
    image: str | None = None
    is_served: bool = True
    environments: tuple[str, ...] = ()

    @property
    def are_given(self) -> bool:
        return self != Flags()


def metric(text: str) -> tuple[str, Metric]:
    """Read a metric as flags name it: `f1:maximize:min=0.8:tolerance=0.01`."""
    name, _, rest = text.partition(":")
    way, *more = rest.split(":")
    limits: dict[str, float] = {}
    try:
        for one in more:
            key, _, value = one.partition("=")
            if key not in {"min", "max", "tolerance"}:
                raise ValueError(key)
            limits[key] = float(value)
        if not name or way not in {"maximize", "minimize"}:
            raise ValueError(way)
        chosen: Literal["maximize", "minimize"] = "maximize" if way == "maximize" else "minimize"
        return name, Metric(direction=chosen, **limits)
    except ValueError:
        raise FlagIsOdd(f"The metric {text} cannot be read.", fix=f"Write {_FORM}.") from None


def environment(text: str) -> tuple[str, dict[str, Any]]:
    """Read an environment as flags name it: `production=docker:8080`."""
    match = _PLACE.match(text)
    if match is None:
        raise FlagIsOdd(
            f"--environment {text} cannot be read.",
            fix="Write NAME=TARGET:PORT, such as production=docker:8080 or local=process:8080.",
        )
    return match[1], {"target": match[2], "port": int(match[3])}


def environment_problem(answer: str) -> str | None:
    try:
        if answer != NONE:
            environment(answer)
    except FlagIsOdd as error:
        return error.fix
    return None


def direction(name: str) -> str | None:
    """Say which way a metric of a well-known name is better; None when its name does not tell."""
    down, up = _MINIMIZED.search(name), _MAXIMIZED.search(name)
    if bool(down) == bool(up):
        return None
    return "minimize" if down else "maximize"


def metrics_problem(answer: str) -> str | None:
    try:
        for one in answer.replace(",", " ").split():
            metric(one)
    except FlagIsOdd as error:
        return f"{error.problem} {error.fix}"
    return None


def name_problem(answer: str) -> str | None:
    if re.match(MODEL_NAME, answer) and len(answer) <= 64:
        return None
    return "Use lower-case letters, digits and single hyphens, at most 64 of them, such as churn."


def command(text: str, flag: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise FlagIsOdd(f"{flag} {text}: {error}.", fix="Quote it as a shell would.") from None
