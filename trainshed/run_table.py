"""Runs as plain-text tables: narrow enough for a terminal, exact enough to paste."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from trainshed.report import change, number
from trainshed.run import Run
from trainshed.tables import table

_MOST_METRICS = 4


def listing(runs: Sequence[Run]) -> str:
    """Return one line per run."""
    if not runs:
        return "The run store is empty: scripts/train.py makes a run.\n"
    rows = [("run", "model", "created", "commit", "data", "metrics")]
    rows += [
        (
            one.run_id[:12],
            one.model,
            one.created.replace("+00:00", "Z"),
            one.commit[:8],
            f"{one.dataset.path} {one.dataset.digest[:8]}",
            " ".join(f"{name}={number(value)}" for name, value in _first(one)),
        )
        for one in runs
    ]
    return table(rows)


def details(one: Run) -> str:
    """Return everything that is known of a run."""
    ingredients = one.ingredients
    rows = [
        ("run", one.run_id),
        ("model", one.model),
        ("commit", one.commit),
        ("created", one.created),
        ("trained in", f"{one.seconds:.2f} s"),
        ("data", f"{one.dataset.path} sha256:{one.dataset.digest}"),
        ("code", " ".join(f"{path} {oid[:12]}" for path, oid in ingredients.code.items())),
        ("command", _command(one)),
        ("lock", f"sha256:{ingredients.lock}" if ingredients.lock else "none"),
        ("python", ingredients.python),
        ("artifact", f"{one.artifact.path} sha256:{one.artifact.digest}"),
        *((f"given {name}", value) for name, value in ingredients.params.items()),
        *((f"param {name}", value) for name, value in one.params.items()),
        *((f"metric {name}", number(value)) for name, value in one.metrics.items()),
    ]
    return table(rows)


def comparison(before: Run, after: Run) -> str:
    """Return two runs side by side: what differs in what went in, then metric by metric."""
    rows = [("", before.run_id[:12], after.run_id[:12], "change")]
    rows += [
        (name, left, right, "same" if left == right else "differs")
        for name, left, right in (
            ("commit", before.commit[:12], after.commit[:12]),
            ("data", before.dataset.digest[:12], after.dataset.digest[:12]),
            ("code", _code(before), _code(after)),
            ("command", _command(before), _command(after)),
            ("lock", _lock(before), _lock(after)),
            ("python", before.ingredients.python, after.ingredients.python),
        )
        if name != "command" or left != right  # it is long
    ]
    for name in sorted(before.ingredients.params.keys() | after.ingredients.params.keys()):
        left, right = (one.ingredients.params.get(name, "–") for one in (before, after))
        rows.append((name, left, right, "same" if left == right else "differs"))
    for name in [*before.metrics, *(name for name in after.metrics if name not in before.metrics)]:
        old, new = before.metrics.get(name), after.metrics.get(name)
        difference = None if old is None or new is None else new - old
        rows.append((name, number(old), number(new), change(difference)))
    return table(rows)


def as_json(runs: Iterable[Run]) -> str:
    return json.dumps([asdict(one) for one in runs], indent=2, ensure_ascii=False) + "\n"


def _first(one: Run) -> list[tuple[str, float]]:
    return list(one.metrics.items())[:_MOST_METRICS]


def _code(one: Run) -> str:
    return " ".join(oid[:12] for oid in one.ingredients.code.values())


def _command(one: Run) -> str:
    return " ".join(one.ingredients.command)


def _lock(one: Run) -> str:
    return (one.ingredients.lock or "none")[:12]
