"""Runs as plain-text tables: narrow enough for a terminal, exact enough to paste."""

import json
from collections.abc import Iterable, Mapping, Sequence

from trainshed.evidence import Flips, Rows
from trainshed.finding import Finding
from trainshed.ledger_runs import Known
from trainshed.mlflow_run import MlflowRun
from trainshed.report import change, number
from trainshed.run import Run
from trainshed.run_evidence import Compared
from trainshed.tables import table

_MOST_METRICS = 4
_LONGEST = 200
"""Characters of a foreign text, such as a parameter."""
_LONGEST_PATH = 40
_OUTCOMES = {
    "exported": "exported",
    "completed": "completed",
    "updated": "tags brought up to date",
    "there": "there already",
}
_WORDS = {"no-interval": "", "not-judged": "", "not-worse": "not worse"}


def listing(known: Sequence[Known], *, first: Sequence[str] = ()) -> str:
    """Return one line per run; `first` are metrics that are shown before others."""
    if not known:
        return "There is no such run. scripts/train.py makes one; it is kept in the run store.\n"
    rows = [("run", "model", "created", "commit", "data", "source", "metrics")]
    rows += [
        (
            one.run_id[:12],
            one.summary.model,
            text(one.summary.created.replace("+00:00", "Z")),
            one.summary.commit[:8],
            f"{_path(one.summary.dataset.path)} {one.summary.dataset.digest[:8]}",
            ", ".join(one.places),
            " ".join(f"{name}={number(value)}" for name, value in _first(one, first)),
        )
        for one in known
    ]
    return table(rows)


def details(one: Known) -> str:
    """Return everything that is known of a run."""
    known = one.summary
    rows = [
        ("run", known.run_id),
        ("model", known.model),
        ("commit", known.commit),
        ("created", text(known.created)),
        ("trained in", f"{known.seconds:.2f} s"),
        ("data", f"{text(known.dataset.path)} sha256:{known.dataset.digest}"),
        *(_made_of(one.run) if one.run else _digests(one)),
        *_places(one),
        *((f"param {name}", text(value)) for name, value in known.params.items()),
        *((f"metric {name}", number(value)) for name, value in known.metrics.items()),
    ]
    return table(rows)


def comparison(compared: Compared) -> str:
    """Return two runs side by side: what differs in what went in, then metric by metric."""
    before, after = compared.before, compared.after
    rows = [("", before.run_id[:12], after.run_id[:12], "")]
    rows += [
        (name, left, right, "same" if left == right else "differs")
        for name, left, right in _ingredients(before, after)
    ]
    parts = [table(rows), table(_metrics(compared))]
    if compared.rows is not None:
        parts.append(_told_rows(compared.rows))
    if compared.flips is not None:
        parts.append(_told_flips(compared.flips))
    if compared.why_not:
        parts.append(f"No intervals: {text(compared.why_not.rstrip('.'))}.\n")
    return "\n".join(parts)


def export_plan(runs: Sequence[MlflowRun]) -> str:
    """Return what an export would write, one line per run."""
    if not runs:
        return "There is no such run, so nothing would be exported.\n"
    rows = [
        ("run", "experiment", "what"),
        *((one.run_id[:12], one.experiment, one.told) for one in runs),
    ]
    return table(rows)


def exported(run: MlflowRun, outcome: str) -> str:
    what = f"{_OUTCOMES[outcome]} ({run.told})" if outcome == "exported" else _OUTCOMES[outcome]
    return f"{run.run_id[:12]}  {run.experiment}: {what}"


def outcomes(counts: Mapping[str, int]) -> str:
    """Say how many runs had each outcome."""
    return ", ".join(f"{counts[one]} {word}" for one, word in _OUTCOMES.items() if counts.get(one))


def as_json(known: Iterable[Known]) -> str:
    return json.dumps([one.to_json() for one in known], indent=2, ensure_ascii=False) + "\n"


def text(foreign: str) -> str:
    """Return a foreign text as one line of bounded length that no terminal takes for a command."""
    one_line = " ".join(foreign.split())
    shown = "".join(one if one.isprintable() else "�" for one in one_line)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"


def _path(foreign: str) -> str:
    shown = text(foreign)
    return shown if len(shown) <= _LONGEST_PATH else f"…{shown[1 - _LONGEST_PATH :]}"


def _first(one: Known, names: Sequence[str]) -> list[tuple[str, float]]:
    """Return a few metrics: those that were asked for, then the trainer's own order."""
    metrics = one.summary.metrics
    ordered = [*(name for name in names if name in metrics), *metrics]
    shown = max(_MOST_METRICS, len(names))
    return [(name, metrics[name]) for name in dict.fromkeys(ordered)][:shown]


def _made_of(run: Run) -> list[tuple[str, str]]:
    ingredients = run.ingredients
    return [
        ("code", _code(run)),
        ("command", " ".join(ingredients.command)),
        ("lock", f"sha256:{ingredients.lock}" if ingredients.lock else "none"),
        ("python", ingredients.python),
        *((one.path.partition("/")[0], f"{one.path} sha256:{one.digest}") for one in run.files),
        *((f"given {name}", value) for name, value in ingredients.params.items()),
    ]


def _digests(one: Known) -> list[tuple[str, str]]:
    known = one.summary
    rows = [("artifact", f"sha256:{known.artifact}")]
    rows += [("predictions", f"sha256:{known.predictions}")] if known.predictions else []
    return rows + ([("given seed", text(known.seed))] if known.seed is not None else [])


def _places(one: Known) -> list[tuple[str, str]]:
    named = ["the run store"] if one.run is not None else []
    named += ["main"] if one.is_of_main else []
    rows = [("known from", ", ".join(named))] if named else []
    rows += [("released as", str(release.tag)) for release in one.releases]
    for found in one.experiments:
        pulls = " ".join(f"#{pull}" for pull in found.pull_requests) or "closed by then"
        head = f"head {found.head[:12]}, {text(found.when)}"
        rows.append(("pull request", f"{pulls}: {found.verdict} ({head})"))
        if found.is_cut:
            rows.append(("", "its metrics and parameters were too many for the ledger"))
    return rows


def _ingredients(before: Known, after: Known) -> list[tuple[str, str, str]]:
    rows = [
        ("model", before.summary.model, after.summary.model),
        ("commit", before.summary.commit[:12], after.summary.commit[:12]),
        ("data", before.summary.dataset.digest[:12], after.summary.dataset.digest[:12]),
    ]
    if before.run is not None and after.run is not None:
        rows += [
            ("code", _code(before.run), _code(after.run)),
            ("command", _command(before.run), _command(after.run)),
            ("lock", _lock(before.run), _lock(after.run)),
            ("python", before.run.ingredients.python, after.run.ingredients.python),
        ]
    rows += [
        (name, text(before.params.get(name, "–")), text(after.params.get(name, "–")))
        for name in sorted(before.params.keys() | after.params.keys())
    ]
    # The command is long, and the models are mostly one.
    return [row for row in rows if row[0] not in {"command", "model"} or row[1] != row[2]]


def _metrics(compared: Compared) -> list[tuple[str, ...]]:
    before, after = compared.before.run_id[:12], compared.after.run_id[:12]
    rows: list[tuple[str, ...]] = [("", before, after, "change", "95 % interval", "")]
    found = {one.metric: one for one in compared.findings}
    old = compared.before.summary.metrics
    for name in [*old, *(name for name in found if name not in old)]:
        one = found.get(name)
        if one is None:
            rows.append((name, number(old[name]), "–", "–", "", ""))
            continue
        word = _WORDS.get(one.judgement, one.judgement)
        values = (number(one.baseline), number(one.candidate), change(one.difference))
        rows.append((name, *values, _interval(one), word))
    return rows


def _interval(one: Finding) -> str:
    if one.interval is None:
        return f"none: {text(one.why_not)}" if one.why_not else ""
    low, high = (change(limit) for limit in one.interval)
    level = one.level or 0.95
    wider = f" ({100 * level:.4g} %)" if round(level, 4) != 0.95 else ""
    return f"{low} to {high}{wider}"


def _told_rows(rows: Rows) -> str:
    if rows.how == "unpaired":
        told = f"Each on its own rows, {rows.baseline:,} and {rows.candidate:,}, unpaired"
        return f"{told}: {text(rows.why)}.\n" if rows.why else f"{told}.\n"
    left_out = {
        "only the first run has": rows.only_baseline,
        "only the second run has": rows.only_candidate,
        "were labelled anew": rows.relabelled,
        "the first run was trained on": rows.trained_on,
    }
    told = f"On the {rows.compared:,} rows that both answered"
    others = [f"{count:,} that {what}" for what, count in left_out.items() if count]
    return f"{told}; left out: {', '.join(others)}.\n" if others else f"{told}.\n"


def _told_flips(flips: Flips) -> str:
    return (
        f"{flips.right_to_wrong:,} went right → wrong, {flips.wrong_to_right:,} wrong → right "
        f"(McNemar's test: p = {flips.p_value:.2g}).\n"
    )


def _code(one: Run) -> str:
    return " ".join(f"{path} {oid[:12]}" for path, oid in one.ingredients.code.items())


def _command(one: Run) -> str:
    return " ".join(one.ingredients.command)


def _lock(one: Run) -> str:
    return (one.ingredients.lock or "none")[:12]
