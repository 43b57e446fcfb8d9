"""The training contract: what a trainer's `key=value` lines mean, whatever its language.

A line is of the contract when it starts with a known key and `=`. Every other line is the program's
own log and passes through. A line that looks like the contract but breaks it stops the run.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal, get_args

from trainshed import paths
from trainshed.errors import ProgramError

FileKey = Literal["artifact", "schema", "predictions", "examples", "training_rows"]
FILE_KEYS: tuple[FileKey, ...] = get_args(FileKey)

_LINE = re.compile(rf"^(dataset|{'|'.join(FILE_KEYS)}|metric\.[^=\s]*|param\.[^=\s]*)=(.*)$")
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.@/-]{0,99}$")
_MOST_NAMES = 10_000


class TrainerBrokeTheContract(ProgramError):
    """A line of the trainer's output looks like the contract but breaks it, or one is missing."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a trainer said. Paths are as printed, relative to the checkout."""

    dataset: str
    metrics: Mapping[str, float]
    params: Mapping[str, str]
    files: Mapping[FileKey, str]


@dataclass
class Reader:
    """Fold a trainer's output, line by line, into a `Report`."""

    data: str
    """The dataset path that the trainer was given; it must report the same one."""

    _dataset: str | None = None
    _metrics: dict[str, float] = field(default_factory=dict)
    _params: dict[str, str] = field(default_factory=dict)
    _files: dict[FileKey, str] = field(default_factory=dict)

    def feed(self, line: str) -> None:
        """Take one line of output, without its line break.

        Raises:
            TrainerBrokeTheContract: the line looks like the contract but breaks it.
        """
        text = line.rstrip("\r\n")
        match = _LINE.match(text)
        if match is None:
            return
        key, value = match[1], match[2].strip()
        if key == "dataset":
            self._take_dataset(text, value)
        elif key.startswith("metric."):
            self._take_metric(text, key.removeprefix("metric."), value)
        elif key.startswith("param."):
            self._take_param(text, key.removeprefix("param."), value)
        else:
            self._take_file(text, key, value)

    def finish(self, *, required_metrics: frozenset[str] = frozenset()) -> Report:
        """Return the report, once the trainer has ended well.

        Raises:
            TrainerBrokeTheContract: a required line was never printed.
        """
        missing = [
            line
            for line, is_there in (
                ("dataset=<path>", self._dataset is not None),
                ("metric.<name>=<number>", bool(self._metrics)),
                ("artifact=<path>", "artifact" in self._files),
            )
            if not is_there
        ]
        missing += [
            f"metric.{name}=<number>" for name in sorted(required_metrics - self._metrics.keys())
        ]
        if missing or self._dataset is None:
            raise TrainerBrokeTheContract(
                f"The trainer ended well but never printed `{missing[0]}`.",
                fix="Print it on a line of its own on standard output (docs/contract.md).",
            )
        return Report(
            dataset=self._dataset,
            metrics=dict(self._metrics),
            params=dict(self._params),
            files=dict(self._files),
        )

    def _take_dataset(self, line: str, value: str) -> None:
        if self._dataset is not None:
            raise _broken(line, "is a second `dataset=`", "Print it once.")
        if PurePosixPath(value) != PurePosixPath(self.data):
            raise _broken(
                line,
                f"names another dataset than the one it was given, {self.data}",
                "Read the path that is passed as {data}; a path in the code cannot be traced.",
            )
        self._dataset = value

    def _take_metric(self, line: str, name: str, value: str) -> None:
        self._check_name(line, name, self._metrics)
        number = _number(value)
        if number is None:
            raise _broken(line, "is not a number", "Print a number, such as 0.842.")
        if not math.isfinite(number):
            raise _broken(line, "is not a finite number", "Find out why the metric has no value.")
        self._metrics[name] = number

    def _take_param(self, line: str, name: str, value: str) -> None:
        self._check_name(line, name, self._params)
        self._params[name] = value

    def _take_file(self, line: str, key: str, value: str) -> None:
        name = next(known for known in FILE_KEYS if known == key)
        if name in self._files:
            raise _broken(line, f"is a second `{name}=`", "One run makes one of it: print it once.")
        problem = paths.problem_with(value)
        if problem:
            raise _broken(
                line,
                f"is not a path inside the checkout: it {problem}",
                "Write beside the path that is passed as {out}, and print that relative path.",
            )
        self._files[name] = value

    def _check_name(self, line: str, name: str, known: Mapping[str, object]) -> None:
        if not _NAME.match(name):
            raise _broken(
                line, "has an odd name", "Use letters, digits and _ . @ / -, at most 100 of them."
            )
        if name in known:
            raise _broken(line, f"gives {name} a second time", "Print each name once.")
        if len(known) >= _MOST_NAMES:
            raise _broken(line, f"is one of more than {_MOST_NAMES}", "Report fewer of them.")


def _number(text: str) -> float | None:
    """Read a number as every language prints it; Python alone also reads 1_000 and ٣."""
    try:
        return float(text) if text.isascii() and "_" not in text else None
    except ValueError:
        return None


def _broken(line: str, what: str, fix: str) -> TrainerBrokeTheContract:
    shown = line if len(line) <= 200 else f"{line[:197]}..."
    return TrainerBrokeTheContract(f"The trainer's line `{shown}` {what}.", fix=fix)
