"""The workflow files: that they are there, pinned, and what this Trainshed would write."""

import re

from trainshed import adoption_workflows
from trainshed.doctor.facts import Facts, Unknown
from trainshed.doctor.finding import Finding, Topic
from trainshed.doctor.schedule import SCHEDULED

_TOPIC = Topic("Workflows")


def check(facts: Facts) -> list[Finding]:
    texts = facts.local.workflows
    missing = [name for name, text in texts.items() if text is None]
    there = {name: text for name, text in texts.items() if text is not None}
    found = []
    if missing:
        found.append(
            _TOPIC.problem(
                f"Not in .github/workflows: {', '.join(missing)}.", "scripts/init.py writes them."
            )
        )
    if there:
        found += _pins(there) or _currency(facts, there)
        found += _schedule(there)
    return found


def _pins(texts: dict[str, str]) -> list[Finding]:
    loose = {
        f"{repository}/actions/{action}@{ref}"
        for text in texts.values()
        for repository, action, ref in adoption_workflows.pins(text)
        if len(ref) != 40
    }
    if not loose:
        return []
    return [
        _TOPIC.problem(
            f"Not pinned to a commit: {', '.join(sorted(loose))}. Whoever moves that tag or branch "
            "runs code with this repository's tokens.",
            "scripts/init.py --force pins all of them.",
        )
    ]


def _currency(facts: Facts, texts: dict[str, str]) -> list[Finding]:
    pins = {ref for text in texts.values() for _, _, ref in adoption_workflows.pins(text)}
    if not pins:
        return [_TOPIC.ok("They use the actions of this very repository.")]
    if len(pins) > 1:
        short = ", ".join(sorted(pin[:12] for pin in pins))
        return [
            _TOPIC.problem(
                f"They use several commits of Trainshed: {short}.",
                "scripts/init.py --force brings all to one.",
            )
        ]
    framework, pin = facts.local.framework, next(iter(pins))
    if isinstance(framework, Unknown):
        return [_TOPIC.cannot_tell(f"Pinned to {pin[:12]}; is there a newer one?", framework.why)]
    if pin != framework.commit:
        return [
            _TOPIC.warning(
                f"They are pinned to {pin[:12]}; this Trainshed is {framework.commit[:12]} "
                f"({framework.version}).",
                "scripts/init.py shows the difference; with --force it writes it.",
            )
        ]
    changed = [name for name, text in texts.items() if text != _expected(facts, name, text)]
    if changed:
        return [
            _TOPIC.warning(
                f"Changed by hand: {', '.join(changed)}.",
                "scripts/init.py --dry-run shows how. An own change is fine while you know it.",
            )
        ]
    return [_TOPIC.ok(f"They are pinned to {pin[:12]} and as this Trainshed writes them.")]


def _schedule(texts: dict[str, str]) -> list[Finding]:
    text = texts.get(SCHEDULED)
    if text is None or re.search(r"^ +- cron: ", text, re.MULTILINE):
        return []
    return [
        _TOPIC.warning(
            f"{SCHEDULED} has no schedule: what events miss (four tags deleted at once, say) is "
            "never repaired.",
            'schedule: [{cron: "23 * * * *"}], as scripts/init.py writes it.',
        )
    ]


def _expected(facts: Facts, name: str, text: str) -> str | None:
    framework = facts.local.framework
    assert not isinstance(framework, Unknown)
    source = framework.workflows.get(name)
    if source is None:
        return text
    return adoption_workflows.adapted(
        source,
        framework=framework,
        folder=facts.local.prefix.rstrip("/"),
        branch=facts.local.branch,
        fetching=adoption_workflows.fetching_of(
            facts.local.workflows.get("pull-request.yml") or text
        ),
    )
