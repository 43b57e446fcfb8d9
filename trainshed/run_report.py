"""Render a run for a job's summary: what it scored first, what it is made of folded below.

A run that was repeated, or trained twice, has a section for that: on a terminal it is plain text.
"""

from collections.abc import Mapping, Sequence

from trainshed.determinism import Proof
from trainshed.prediction_difference import Answers
from trainshed.repetition import Repetition, Spread
from trainshed.report import change, code, number, text
from trainshed.run import Run
from trainshed.tables import table

_MOST_ROWS = 20
_SPREAD = ("Metric", "Mean", "Standard deviation", "Lowest", "Highest", "Limit")
_LIMIT = (
    "In 95 % of cases two trainings that only their seed sets apart differ by less than the limit: "
    "a smaller difference is noise."
)
_LEVELS = {
    "bit-identical": "every file came out the same, byte for byte",
    "prediction-identical": "not every file is the same, but every answer and score is",
    "metric-identical": "every metric is the same, but not every answer and score is known to be",
    "different": "it did not come out the same",
}
_SAME_FILES = (
    "A file that tells the time, a path or the order of a set differs though the model does not: "
    "leave those out of it, or sort them."
)
_SAME_ANSWERS = (
    "Hand {seed} to every generator of random numbers that training uses; set "
    '`env: {PYTHONHASHSEED: "0"}`, for the order of sets; and train on one thread '
    '(`OMP_NUM_THREADS: "1"`) or with the deterministic algorithms of your framework, since '
    "threads add numbers up in any order."
)


def markdown(run: Run, *, was_found: bool) -> str:
    """Return a run as GitHub-flavoured Markdown."""
    how = "found, not trained again" if was_found else f"trained in {run.seconds:.1f} s"
    return "\n".join(
        [
            f"**{text(run.model)}**: run {code(run.run_id)} {how}.",
            "",
            *_table(dict(list(run.metrics.items())[:_MOST_ROWS])),
            *_further(dict(list(run.metrics.items())[_MOST_ROWS:])),
            *_details(run),
        ]
    )


def repetition(repeated: Repetition, spreads: Sequence[Spread]) -> str:
    """Return what several seeds showed, as Markdown."""
    runs = [f"| {text(seed)} | {code(run_id)} |" for seed, run_id in repeated.runs.items()]
    head = [f"| {' | '.join(_SPREAD)} |", "|:--|--:|--:|--:|--:|--:|"]
    rows = [f"| {text(one.metric)} | {' | '.join(_numbers(one))} |" for one in spreads]
    further = f"{len(rows) - _MOST_ROWS} further metrics"
    start = f"**{text(repeated.model)}**: commit {code(repeated.commit)}"
    return "\n".join(
        [
            f"{start} trained with {len(repeated.runs)} seeds.",
            "",
            *[*head, *rows[:_MOST_ROWS], ""],
            *(_folded(further, [*head, *rows[_MOST_ROWS:], ""]) if rows[_MOST_ROWS:] else []),
            f"{_LIMIT}\n",
            *_folded("Runs by seed", ["| Seed | Run |", "|--:|:--|", *runs, ""]),
        ]
    )


def repetition_text(repeated: Repetition, spreads: Sequence[Spread]) -> str:
    """Return what several seeds showed, for a terminal."""
    rows = [_SPREAD, *((one.metric, *_numbers(one)) for one in spreads)]
    return f"{table(rows)}{len(repeated.runs)} seeds. {_LIMIT}\n"


def proof(found: Proof) -> str:
    """Return how identical two trainings of a run are, as Markdown."""
    mark = "⚠️" if found.level == "different" else "✅"
    start = f"**{text(found.model)}**: run {code(found.run_id)} was trained twice: {mark}"
    lines = [f"- {text(line)}" for line in differences(found)]
    return "\n".join(
        [
            f"{start} **{found.level}**, {_LEVELS[found.level]}.",
            "",
            *([*lines, ""] if lines else []),
            *(f"{line}\n" for line in _advice(found)),
        ]
    )


def proof_text(found: Proof) -> str:
    """Return how identical two trainings of a run are, for a terminal."""
    lines = [f"{found.level}: {_LEVELS[found.level]}"]
    lines += [f"  {line}" for line in differences(found)]
    return "\n".join([*lines, *_advice(found)]) + "\n"


def differences(found: Proof) -> list[str]:
    """Name all that two trainings differ in, one thing a line."""
    lines = [f"other bytes: {', '.join(found.files)}"] if found.files else []
    if found.answers is not None:
        lines += _of_answers(found.answers)
    if found.no_answers:
        lines.append(f"predictions could not be compared: {found.no_answers}")
    for one in found.metrics[:_MOST_ROWS]:
        lines.append(f"{one.metric}: {number(one.first)}, then {number(one.second)}")
        if one.first is not None and one.second is not None:
            lines[-1] += f" ({change(one.second - one.first)})"
    further = len(found.metrics) - _MOST_ROWS
    return [*lines, f"and {further} further metrics"] if further > 0 else lines


def _of_answers(found: Answers) -> list[str]:
    if found.are_identical:
        return [f"predictions: all {found.rows} rows have the same answer and scores"]
    lines = []
    if found.changed or found.rescored:
        by = "" if found.largest is None else f", by up to {number(found.largest)}"
        lines.append(
            f"predictions: of {found.rows} rows {found.changed} have another answer, "
            f"{found.rescored} another score{by}"
        )
    if found.only_first or found.only_second:
        lines.append(
            f"predictions: {found.only_first} rows were answered the first time only, "
            f"{found.only_second} the second time only"
        )
    if found.columns:
        lines.append(f"predictions: only one has {', '.join(found.columns)}")
    return lines


def _advice(found: Proof) -> list[str]:
    if found.level == "bit-identical":
        return []
    return [_SAME_FILES if found.level == "prediction-identical" else _SAME_ANSWERS]


def _numbers(one: Spread) -> list[str]:
    found = (one.mean, one.deviation, one.lowest, one.highest, one.limit)
    return [number(value) for value in found]


def _table(metrics: Mapping[str, float]) -> list[str]:
    rows = [f"| {text(name)} | {number(value)} |" for name, value in metrics.items()]
    return ["| Metric | Value |", "|:--|--:|", *rows, ""]


def _further(metrics: Mapping[str, float]) -> list[str]:
    if not metrics:
        return []
    return _folded(f"{len(metrics)} further metrics", _table(metrics))


def _folded(summary: str, lines: Sequence[str]) -> list[str]:
    return [f"<details><summary>{summary}</summary>", "", *lines, "</details>", ""]


def _details(run: Run) -> list[str]:
    rows = {
        "Commit": code(run.commit),
        "Data": f"{text(run.dataset.path)} {code(run.dataset.digest)}",
        "Artifact": f"{text(run.artifact.path)} {code(run.artifact.digest)}",
        "Python": text(run.ingredients.python),
        "Trained": f"{text(run.created)}, {run.seconds:.1f} s",
    }
    given = {text(name): text(value) for name, value in run.ingredients.params.items()}
    lines = [f"| {name} | {value} |" for name, value in {**rows, **given}.items()]
    return _folded("What it is made of", ["| | |", "|:--|:--|", *lines, ""])
