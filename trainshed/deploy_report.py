"""Tell a deployment's plan in plain text: desired against live, and what was ignored and why."""

from trainshed.deployment import Plan
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
