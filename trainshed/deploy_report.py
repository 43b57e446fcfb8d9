"""Tell a deployment: its plan in plain text, and how it ended as Markdown for a job's summary."""

from collections.abc import Sequence
from dataclasses import dataclass

from trainshed.deployment import Plan
from trainshed.ledger import Deployment, Ledger
from trainshed.reconcile import Step
from trainshed.world import World

_WORDS = {
    "keep": "runs what it should",
    "restart": "does not answer: starts it again",
    "forward": "moves forward",
    "rollback": "rolls back",
    "wait": "waits: nothing was released there yet (a release, or run --forward, does that)",
    "none-left": "has no release left to run: it keeps what it runs",
}


def step_text(step: Step) -> str:
    """Return one line about one model in one environment."""
    desired = step.desired.tag if step.desired else "nothing"
    live = step.current or "nothing"
    place = f"{step.environment}/{step.model}"
    moved = f"{live} → {desired}" if step.moves else str(live)
    return f"{place}: {moved} ({_WORDS[step.action]})"


def plan_text(plan: Plan, world: World) -> str:
    """Return the whole plan: a line per environment and model, then releases, then notes."""
    lines = [step_text(step) for step in plan.steps]
    lines += [f"tombstone: {one.tag}, since {one.why}" for one in plan.standing.reverted]
    for model in sorted({tag.model for tag in world.ledger.releases} | set(plan.standing.releases)):
        standing = ", ".join(str(one.tag) for one in plan.standing.of(model)[:5]) or "none"
        more = len(plan.standing.of(model)) - 5
        lines.append(f"releases of {model}: {standing}{f' and {more} older' if more > 0 else ''}")
    lines += [f"note: {note}" for note in plan.standing.notes]
    return "\n".join(lines) + "\n" if lines else "nothing is deployed and nothing was released\n"


@dataclass(frozen=True, kw_only=True)
class Row:
    """How one model in one environment ended."""

    environment: str
    model: str
    now: str | None
    """The release that is live there, by the ledger."""
    made: Deployment | None
    """What this run wrote down: a release went live, or failed to; None when nothing moved."""

    @property
    def has_changed(self) -> bool:
        return self.made is not None and self.made.outcome == "live"


def rows_of(places: Sequence[tuple[str, str]], book: Ledger, *, since: str) -> list[Row]:
    """Tell how places, (environment, model) each, ended, from what was written since a time.

    That is the time of this machine, which wrote the records: no other clock is compared with it.
    """
    rows = []
    for environment, model in places:
        records = book.deployments.get((environment, model), ())
        made = records[-1] if records and records[-1].when >= since else None
        live = book.live(environment, model)
        now = str(live) if live else None
        rows.append(Row(environment=environment, model=model, now=now, made=made))
    return rows


def summary(rows: Sequence[Row]) -> str:
    """Return a small table: what ran before, what runs now, and how long the move took."""
    from trainshed import report  # noqa: PLC0415  # a deployment at a terminal has no summary

    lines = [
        f"| {one.environment} | {one.model} | {_before(one)} | {_now(one)} | {_seconds(one)} |"
        for one in rows
    ]
    head = "| Environment | Model | Before | Now | Seconds |\n|:--|:--|:--|:--|--:|\n"
    failed = [
        f"\n❌ {one.made.tag} did not go live in {one.environment}: {report.text(one.made.why)}\n"
        for one in rows
        if one.made is not None and not one.has_changed
    ]
    return head + "".join(f"{line}\n" for line in lines) + "".join(failed)


def _before(row: Row) -> str:
    return _tag(row.made.previous if row.has_changed and row.made else row.now)


def _now(row: Row) -> str:
    return f"**{_tag(row.now)}**" if row.has_changed else _tag(row.now)


def _seconds(row: Row) -> str:
    return "" if row.made is None else f"{row.made.seconds:.1f}"


def _tag(tag: str | None) -> str:
    from trainshed import release_notes  # noqa: PLC0415

    return release_notes.exact(tag) if tag else "–"
