"""The clone: its history, its tags, and what git ignores."""

from trainshed import ledger
from trainshed.doctor.facts import Facts, Unknown
from trainshed.doctor.finding import Finding, Topic

_TOPIC = Topic("Clone and origin")


def check(facts: Facts) -> list[Finding]:
    local = facts.local
    return [
        _TOPIC.warning(
            "This clone is shallow: commits that were skipped, and ancestors, are not seen.",
            "git fetch --unshallow origin\n"
            "In a workflow: `fetch-depth: 0` of actions/checkout, as release.yml has it.",
        )
        if local.is_shallow
        else _TOPIC.ok("The whole history is here."),
        *_tags(facts),
        *_origin(facts),
        _TOPIC.ok("`.trainshed/` is ignored by git.")
        if local.is_state_ignored
        else _TOPIC.warning(
            "`.trainshed/` is not in .gitignore: `git add .` may pick up runs before it is made.",
            "scripts/init.py adds the line.",
        ),
    ]


def _tags(facts: Facts) -> list[Finding]:
    """A checkout may fetch the commit of an annotated tag in its stead: the manifest is lost."""
    peeled = facts.local.peeled_tags
    if isinstance(facts.local.origin, Unknown):
        return []
    if not peeled:
        return [_TOPIC.ok("Release tags are annotated here as at the origin.")]
    return [
        _TOPIC.warning(
            f"{_some(peeled)} came as plain commits, without the manifest (actions/checkout does "
            "so when it checks out a tag). Trainshed reads the origin's; `gto show` would not.",
            "git fetch --tags --force origin",
        )
    ]


def _origin(facts: Facts) -> list[Finding]:
    origin = facts.local.origin
    if isinstance(origin, Unknown):
        return [_TOPIC.cannot_tell("The origin's tags and ledger could not be read.", origin.why)]
    found = [
        _TOPIC.warning(
            f"{tag} has the name of a release and is none: {why}.",
            f"Delete it (git push --delete origin '{tag}'), or leave it: it is passed over.",
        )
        for tag, why in sorted(origin.unusable.items())
    ]
    if origin.has_ledger:
        return [*found, _TOPIC.ok(f"The ledger, branch {ledger.BRANCH}, can be read.")]
    return [*found, _TOPIC.ok(f"No branch {ledger.BRANCH} yet: the first release makes it.")]


def _some(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(names[:3])}{more}"
