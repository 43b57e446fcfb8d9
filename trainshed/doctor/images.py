"""Images of releases that stand: a rollback pulls one of them, however old."""

from trainshed.doctor.facts import Facts, Unknown
from trainshed.doctor.finding import Finding, Topic

_TOPIC = Topic("Images")


def check(facts: Facts) -> list[Finding]:
    local = facts.local
    gone = [name for name, there in local.images.items() if there is False]
    unseen = {name: one.why for name, one in local.images.items() if isinstance(one, Unknown)}
    found = [
        _TOPIC.problem(
            f"The registry has no {name}, the image of a release that stands: a rollback to it "
            "would fail.",
            "Restore it there (a deleted version of a package on GitHub can be restored for 30 "
            "days), or revert that release, so that nothing counts on it.",
        )
        for name in gone
    ]
    found += [
        _TOPIC.warning(
            f"{name} deletes images. Those of standing releases must stay, however old.",
            "Keep at least every image that `scripts/deploy.py verify` names: tags that start with "
            "`d-` name one each, for ever.",
        )
        for name in local.cleaners
    ]
    if unseen:
        first = next(iter(unseen))
        found.append(
            _TOPIC.cannot_tell(
                f"{len(unseen)} images of standing releases were not looked at, such as {first}.",
                unseen[first],
            )
        )
    if local.images and not gone and not unseen:
        found.append(_TOPIC.ok(f"All {len(local.images)} images of standing releases are there."))
    return found
