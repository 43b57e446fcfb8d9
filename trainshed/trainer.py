"""Train: run the user's training program in a checkout, and read what it reports."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainshed import contract, program
from trainshed.errors import ProgramError


class TrainerFailed(ProgramError):
    """The training program ended with an error."""


class TrainerTookTooLong(ProgramError):
    """The training program ran into its time limit and was stopped."""


class TrainerIsMissing(ProgramError):
    """The training program cannot be started."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    report: contract.Report
    seconds: float
    """Wall time of the program's own process."""


def train(
    argv: Sequence[str],
    *,
    data: str,
    checkout: Path,
    variables: Mapping[str, str],
    log: Path,
    timeout: float,
    metrics: frozenset[str],
    hint: str,
    tell: Callable[[str], None],
) -> Trained:
    """Run a training program in a checkout and return what it reported.

    Its standard output is read for the contract; both streams are told line by line and kept in
    `log`. `variables` is its whole environment. The program and all of its process group are gone
    when this returns, however it returns.

    Raises:
        TrainerIsMissing, TrainerFailed, TrainerTookTooLong, TrainerBrokeTheContract
    """
    reader = contract.Reader(data=data)
    with log.open("w", encoding="utf-8") as log_file:
        try:
            ended = program.run(
                argv, folder=checkout, variables=variables, timeout=timeout, tell=tell,
                log=log_file, feed=reader.feed,
            )  # fmt: skip
        except program.ProgramCannotBeStarted as error:
            raise TrainerIsMissing(
                f"`{shlex.join(argv)}` cannot be started: {error}.",
                fix="Check `train:` in trainshed.yml, and that the program is installed here.",
            ) from None
    if ended.code is None:
        raise TrainerTookTooLong(
            f"{ended.told}. Its last lines:\n{ended.tail}",
            fix="Raise `timeout:` of the model in trainshed.yml, or make training faster.",
        )
    if ended.code != 0:
        raise TrainerFailed(f"{ended.told}. Its last lines:\n{ended.tail}", fix=hint)
    return Trained(report=reader.finish(required_metrics=metrics), seconds=ended.seconds)
