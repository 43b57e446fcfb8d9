"""Would it come out the same again? A run is trained once more, aside, and the two are compared.

The answer lies in the run's folder, as `determinism.json`. It is of one machine on one day: a
processor of another kind may add numbers up in another order.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from trainshed import decode, state_files, times
from trainshed.errors import ProgramError
from trainshed.evidence import Determinism
from trainshed.prediction_difference import Answers, differ
from trainshed.run import Run
from trainshed.store import Store
from trainshed.training import Outcome, Trainings

FORMAT = 1

_NAME = "determinism.json"
_KINDS = ("artifact", "predictions", "examples", "schema", "training_rows")
"""What the trainer handed over. (The profile is made by us, from the data.)"""


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A metric that did not come out the same; None: that training did not report it."""

    metric: str
    first: float | None
    second: float | None


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What training a run twice showed."""

    run_id: str
    model: str
    commit: str
    level: Determinism
    files: tuple[str, ...]
    """Kinds of files that differ, such as `artifact`."""
    answers: Answers | None
    """None when both wrote the same predictions, or they could not be compared."""
    no_answers: str
    """Why predictions that differ could not be compared."""
    metrics: tuple[Moved, ...]
    when: str
    """ISO 8601, UTC."""
    format: int = FORMAT


def verify(
    trainings: Trainings,
    commit: str,
    model: str | None,
    *,
    seed: int | None = None,
    again: bool = False,
) -> tuple[Outcome, Proof]:
    """Train or find a run, train it once more, and say how much of it came out the same.

    The stored run stays as it is: the other one lies aside, and is gone afterwards.
    """
    first = trainings.train_or_find(commit, model, seed=seed, again=again)
    with trainings.store.scratch() as folder:
        store = Store(trainings.project)
        store.home = folder
        second = replace(trainings, store=store).train_or_find(commit, model, seed=seed)
        answers, no_answers = _answers(first, second)
    proof = judge(first.run, second.run, answers, no_answers=no_answers, when=times.now())
    return first, proof


def judge(
    first: Run, second: Run, answers: Answers | None = None, *, no_answers: str = "", when: str
) -> Proof:
    """Decide how identical two trainings are, and name all that differs."""
    ours, theirs = _digests(first), _digests(second)
    files = tuple(kind for kind in _KINDS if ours.get(kind) != theirs.get(kind))
    metrics = tuple(_moved(first.metrics, second.metrics))
    are_answers_same = "predictions" in ours and "predictions" not in files
    if not files:
        level: Determinism = "bit-identical"
    elif are_answers_same or (answers is not None and answers.are_identical):
        level = "prediction-identical"
    else:
        level = "different" if metrics else "metric-identical"
    return Proof(
        run_id=first.run_id,
        model=first.model,
        commit=first.commit,
        level=level,
        files=files,
        answers=answers,
        no_answers=no_answers,
        metrics=metrics,
        when=when,
    )


def keep(folder: Path, proof: Proof) -> None:
    """Write down what was proved of a run, in its folder, in the place of an earlier proof."""
    state_files.write(folder / _NAME, asdict(proof))


def find(folder: Path, run_id: str) -> Proof | None:
    """Return what was proved of the run of a folder; None: never, or it cannot be read."""
    try:
        found = decode.from_json(Proof, (folder / _NAME).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return found if found.run_id == run_id and found.format <= FORMAT else None


def _answers(first: Outcome, second: Outcome) -> tuple[Answers | None, str]:
    """Return how predictions differ; else, where it cannot be said, why."""
    one, other = first.run.predictions, second.run.predictions
    if one is None or other is None or one.digest == other.digest:
        return None, ""
    try:
        return differ(first.folder / one.path, second.folder / other.path), ""
    except ProgramError as error:  # it breaks a rule of predictions: who compares is told in full
        return None, error.problem


def _digests(run: Run) -> dict[str, str]:
    files = {kind: getattr(run, kind) for kind in _KINDS}
    return {kind: file.digest for kind, file in files.items() if file is not None}


def _moved(first: Mapping[str, float], second: Mapping[str, float]) -> Iterator[Moved]:
    for name in [*first, *(name for name in second if name not in first)]:
        if first.get(name) != second.get(name):
            yield Moved(metric=name, first=first.get(name), second=second.get(name))
