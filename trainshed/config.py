"""`trainshed.yml`, the whole user interface: its keys, their defaults and what each means.

The JSON Schema for editors (docs/trainshed.schema.json) is generated from these classes. How a file
becomes a `Config`, and how its mistakes are told, is in `trainshed.config_file`.
"""

import re
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from trainshed import hosts, paths

PLACEHOLDERS = ("data", "out", "seed")
OF_EVALUATE = ("model", "data", "out")
"""Placeholders of `evaluate:`."""
MODEL_NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
DURATION = r"^([0-9]{1,6}) ?(s|m|h)$"
_SECONDS = {"s": 1, "m": 60, "h": 3600}


class Misfit(ValueError):
    """Keys that do not go together, with what to write instead."""

    def __init__(self, problem: str, *, example: str) -> None:
        super().__init__(problem)
        self.example = example


def _path(value: str) -> str:
    problem = paths.problem_with(value)
    if problem:
        raise ValueError(f"is not a path inside the repository: it {problem}")
    return paths.plain(value)


def _command_part(value: str) -> str:
    return _with_placeholders(value, PLACEHOLDERS)


def _evaluate_part(value: str) -> str:
    return _with_placeholders(value, OF_EVALUATE)


def _with_placeholders(value: str, known: tuple[str, ...]) -> str:
    _text(value)
    for name in _PLACEHOLDER.findall(value):
        if name not in known:
            there = ", ".join(f"{{{one}}}" for one in known)
            raise ValueError(f"has an unknown placeholder {{{name}}}; there are {there}")
    return value


def _text(value: str) -> str:
    if "\0" in value:
        raise ValueError("holds a zero byte, which no program can be given")
    return value


def _duration(value: Any) -> Any:
    if isinstance(value, str):
        match = re.fullmatch(DURATION, value)
        if match and int(match[1]) > 0:
            return int(match[1]) * _SECONDS[match[2]]
    raise ValueError("should be a duration such as 90s, 30m or 2h")


def _given(value: Any) -> Any:
    if value is None:  # an empty `min:` must not quietly switch a gate off
        raise ValueError("should have a value, or not be there at all")
    return value


def _rising(value: list[float]) -> list[float]:
    if any(high <= low for low, high in pairwise(value)):
        raise ValueError("should rise from limit to limit")
    return value


T = TypeVar("T")
IfGiven = Annotated[T | None, BeforeValidator(_given)]
RepositoryPath = Annotated[str, AfterValidator(_path)]
Text = Annotated[str, AfterValidator(_text)]
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
CommandPart = Annotated[str, AfterValidator(_command_part)]
Command = Annotated[list[CommandPart], Field(min_length=1)]
EvaluatePart = Annotated[str, AfterValidator(_evaluate_part)]
Duration = Annotated[str, Field(pattern=DURATION)]
Seconds = Annotated[int, BeforeValidator(_duration, json_schema_input_type=Duration)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Limits = Annotated[list[Number], Field(min_length=1), AfterValidator(_rising)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]


# Its pattern is for editors; the validators say more than that it does not match.
HostUrl = Annotated[
    str, AfterValidator(hosts.check_url), Field(json_schema_extra={"pattern": hosts.URL})
]
HostKey = Annotated[
    str, AfterValidator(hosts.check_key), Field(json_schema_extra={"pattern": hosts.KEY})
]


HOST_EXAMPLE = "host: ssh://deploy@server.example.org"
HOST_KEY_EXAMPLE = (
    "host_key: ssh-ed25519 AAAA…, which `ssh-keyscan -t ed25519 server` prints after the name"
)


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Data(Section):
    """What a model is trained on: a tracked file or folder, or one that a command fetches."""

    path: RepositoryPath
    fetch: IfGiven[Command] = None
    sha256: IfGiven[Sha256] = None

    @model_validator(mode="after")
    def _fetched_data_has_a_digest(self) -> "Data":
        if (self.fetch is None) != (self.sha256 is None):
            raise ValueError("needs both `fetch` and `sha256`: what is fetched is checked")
        return self


class Metric(Section):
    """How one metric is judged. `tolerance` is absolute, in the metric's own unit."""

    direction: Literal["maximize", "minimize"]
    min: IfGiven[Number] = None
    max: IfGiven[Number] = None
    tolerance: Annotated[Number, Field(ge=0)] = 0.0


class Gate(Section):
    """How findings become a verdict."""

    baseline: Literal["live", "parent"] = "live"
    """Which one decides; the other one does where there is none of it."""
    undecided: Literal["warn", "fail", "pass"] = "warn"
    """What an interval means that neither keeps the tolerance nor breaks it."""
    no_interval: Literal["number", "warn", "fail"] = "number"
    """What a judged metric without interval means: `number` judges its point difference."""
    required_rows: IfGiven[Annotated[int, Field(strict=True, ge=1)]] = None
    """With fewer rows compared, nothing can be said."""


class Serve(Section):
    """How a model answers: a predictor of the user's own, and the code that it needs."""

    predictor: IfGiven[Annotated[str, Field(pattern=r"^[\w.]+:\w+$")]] = None
    include: list[RepositoryPath] = []


def _data(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


class Model(Section):
    data: Annotated[Data, BeforeValidator(_data, json_schema_input_type=str | Data)]
    target: IfGiven[str] = None
    train: Command
    out: IfGiven[RepositoryPath] = None
    inputs: IfGiven[list[RepositoryPath]] = None
    lock: IfGiven[RepositoryPath] = None
    env: dict[Variable, Text] = {}
    seed: Annotated[int, Field(strict=True, ge=0)] = 0
    timeout: Seconds = Field(3600, json_schema_extra={"default": "60m"})
    metrics: Annotated[dict[str, Metric], Field(min_length=1)]
    gate: Gate = Gate()
    evaluate: IfGiven[Annotated[list[EvaluatePart], Field(min_length=1)]] = None
    """Answers the rows of other data with a model that was trained before: {model} {data} {out}."""
    positive: IfGiven[Text] = None
    """Of two classes the one that precision, recall and f1 are about."""
    bins: dict[str, Limits] = {}
    """Limits between the slices of a column of numbers; without, its quartiles."""
    key: list[Text] = []
    """Columns of the data that name a row."""
    private: list[Text] = []
    """Columns of which no value may be shown."""
    leakage: Annotated[Number, Field(ge=0, le=1)] = 0.01
    """The share of evaluation rows that may be trained on too."""
    image: IfGiven[str] = None
    serve: Serve | Literal["none"] = Serve()

    @property
    def is_served(self) -> bool:
        return self.serve != "none"


class Environment(Section):
    """A place where releases run. Its state folder belongs to this clone (target `process`)."""

    target: Literal["process", "docker"]
    address: Annotated[str, Field(pattern=r"^[0-9a-fA-F.:]+$")] = "127.0.0.1"
    """Where the live port listens; 0.0.0.0 opens it to every network (target `docker`)."""
    domain: IfGiven[Annotated[str, Field(pattern=r"^[A-Za-z0-9.-]+\.[A-Za-z]+$")]] = None
    """Target `docker`: a name that the edge gets a certificate for; it then listens on 443."""
    host: IfGiven[HostUrl] = None
    """Target `docker`: another machine, whose engine is used over SSH; None: this one."""
    host_key: IfGiven[HostKey] = None
    """The key that the host must show before anything is told to it."""
    port: Port | dict[str, Port]

    @model_validator(mode="after")
    def _a_host_is_pinned(self) -> "Environment":
        if self.host is not None and self.target != "docker":
            raise Misfit("has a `host`, which only `target: docker` uses", example="target: docker")
        if (self.host is None) != (self.host_key is None):
            raise Misfit(
                "needs both `host` and `host_key`: who is not known may be anybody",
                example=f"{HOST_EXAMPLE} and {HOST_KEY_EXAMPLE}",
            )
        return self

    @property
    def ssh_host(self) -> hosts.Host | None:
        if self.host is None or self.host_key is None:
            return None
        return hosts.parse(self.host, self.host_key)

    def port_of(self, model: str) -> int:
        return self.port if isinstance(self.port, int) else self.port[model]


class Config(Section):
    models: Annotated[
        dict[Annotated[str, Field(pattern=MODEL_NAME, max_length=64)], Model], Field(min_length=1)
    ]
    environments: dict[Annotated[str, Field(pattern=MODEL_NAME)], Environment] = {}

    @model_validator(mode="after")
    def _every_served_model_has_a_port(self) -> "Config":
        served = [name for name, model in self.models.items() if model.is_served]
        for name, environment in self.environments.items():
            if isinstance(environment.port, int):
                if len(served) > 1:
                    example = ", ".join(f"{m}: {8080 + i}" for i, m in enumerate(served))
                    raise ValueError(
                        f"environments/{name}/port: {len(served)} models are served, "
                        f"so each needs a port of its own: {{{example}}}"
                    )
            elif missing := sorted(set(served) - set(environment.port)):
                raise ValueError(f"environments/{name}/port: has no port for {missing[0]}")
        return self
