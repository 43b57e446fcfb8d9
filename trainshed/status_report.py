"""What runs where, what went live when, what was verified: as plain text for people."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trainshed.ledger import Deployment, Ledger, Tombstone
from trainshed.manifest import Manifest
from trainshed.reconcile import Current, Standing
from trainshed.report import number
from trainshed.tables import table

if TYPE_CHECKING:  # whoever only asks for the status pays for no container SDK
    from trainshed.verification import Checked

_MOST_METRICS = 4
_WHAT = {False: "reverted", True: "unreverted"}


def status(
    places: Iterable[tuple[str, str, Current]], ledger: Ledger, standing: Standing, *, now: datetime
) -> str:
    """Return a line per environment and model: release, age, health, data, metrics."""
    rows = [("environment", "model", "release", "live for", "health", "data", "metrics")]
    for environment, model, current in places:
        manifest = _manifest(current, ledger, standing)
        rows.append(
            (
                environment,
                model,
                str(current.tag or "nothing"),
                _age(environment, model, current, ledger, now=now),
                _health(current),
                f"{manifest.dataset.path} {manifest.dataset.digest[:12]}" if manifest else "–",
                _metrics(manifest),
            )
        )
    return table(rows) if len(rows) > 1 else "No environment serves a model.\n"


def history(events: Sequence[Deployment | Tombstone]) -> str:
    """Return what went live when, what failed to, what was reverted and by whom, as it happened."""
    if not events:
        return "Nothing went live yet.\n"
    rows = (_reverted(one) if isinstance(one, Tombstone) else _deployed(one) for one in events)
    return table([("when", "where", "release", "what", "who", "why"), *map(_one_line, rows)])


def verified(checked: "Sequence[Checked]") -> str:
    """Return a line per release that could go live again, and what keeps it from that."""
    if not checked:
        return "No release stands, so there is none to verify.\n"
    rows = [(one.tag, "ok" if one.problem is None else "PROBLEM", one.what) for one in checked]
    problems = "".join(f"{one.tag}: {one.problem}\n" for one in checked if one.problem)
    return table([("release", "verified", "what"), *rows]) + problems


def _reverted(one: Tombstone) -> tuple[str, ...]:
    return (one.when, "ledger", one.tag, _WHAT[one.is_lifted], one.who, one.why)


def _deployed(one: Deployment) -> tuple[str, ...]:
    why = f"after {one.previous}, {one.seconds:.1f} s: {one.why}" if one.previous else one.why
    return (one.when, f"{one.environment}/{one.model}", one.tag, one.outcome, one.who, why)


def _manifest(current: Current, ledger: Ledger, standing: Standing) -> Manifest | None:
    if current.tag is None:
        return None
    record = ledger.releases.get(current.tag)
    return record.manifest if record else standing.manifest(current.tag)


def _age(environment: str, model: str, current: Current, ledger: Ledger, *, now: datetime) -> str:
    records = ledger.deployments.get((environment, model), ())
    live = [one for one in records if one.outcome == "live"]
    if current.tag is None or not live or live[-1].tag != str(current.tag):
        return "–"
    seconds = int((now - datetime.fromisoformat(live[-1].when)).total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{max(seconds, 0)} s"


def _health(current: Current) -> str:
    if current.tag is None:
        return "–"
    return "answers" if current.is_healthy else "DOES NOT ANSWER"


def _metrics(manifest: Manifest | None) -> str:
    if manifest is None:
        return "–"
    first = list(manifest.metrics.items())[:_MOST_METRICS]
    return " ".join(f"{name}={number(value)}" for name, value in first)


def _one_line(event: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(" ".join(cell.replace("+00:00", "Z").split()) for cell in event)
