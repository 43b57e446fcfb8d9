"""Rules of tags and branches: none may forbid a release, a rollback or the ledger."""

from collections.abc import Iterable, Mapping
from typing import Any

from trainshed import ledger
from trainshed.doctor import ref_patterns
from trainshed.doctor.facts import Facts, GitHubFacts, Missing, Unknown
from trainshed.doctor.finding import Finding, Topic

_TOPIC = Topic("Rules of tags and branches")
_PAGE = "Settings → Rules → Rulesets"

# What would refuse a push of the workflow's own token to the ledger; `deletion` and
# `non_fast_forward` protect it, for it only ever grows.
_REFUSE_A_PUSH = {
    "creation", "update", "pull_request", "required_status_checks", "required_deployments",
    "required_signatures", "merge_queue", "workflows", "code_scanning", "commit_message_pattern",
    "commit_author_email_pattern", "committer_email_pattern",
}  # fmt: skip
_REFUSE_A_TAG = {"creation", "tag_name_pattern", "required_signatures", "required_status_checks"}
_PROTECTS = {"deletion", "non_fast_forward"}


def check(facts: Facts) -> list[Finding]:
    if facts.github is None:
        return []
    return [*_tags(facts, facts.github), *_ledger(facts.github), *_required(facts, facts.github)]


def _tags(facts: Facts, github: GitHubFacts) -> list[Finding]:
    listed = github.at("rulesets")
    if isinstance(listed, Unknown | Missing):
        why = listed.why if isinstance(listed, Unknown) else "GitHub does not show them."
        return [_TOPIC.cannot_tell("The rules for tags are not known.", why)]
    found: list[Finding] = []
    for ruleset in _rulesets(github):
        if ruleset["target"] == "tag" and ruleset["enforcement"] == "active":
            if isinstance(ruleset.get("unseen"), Unknown):
                why = ruleset["unseen"].why
                found.append(_TOPIC.cannot_tell(f"What {_named(ruleset)} forbids?", why))
            elif any(_covers(ruleset, f"refs/tags/{tag}", github) for tag in _tag_names(facts)):
                found += _tag_rules(ruleset)
    return found or [_TOPIC.ok("No rule forbids to create or delete a release's tag.")]


def _tag_rules(ruleset: Mapping[str, Any]) -> list[Finding]:
    kinds = {rule["type"] for rule in ruleset.get("rules", ())}
    bypass = ruleset.get("bypass_actors") or []
    found = []
    refusing = sorted(kinds & _REFUSE_A_TAG)
    if refusing and not _lets_actions_pass(bypass):
        found.append(
            _TOPIC.problem(
                f"{_named(ruleset)} ({', '.join(refusing)}) may refuse the tag of a release and "
                "the mark of a revert, which the token of the workflow pushes.",
                f"{_PAGE} → {ruleset['name']}: leave out release tags ({'<model>@v*'}), or add "
                "GitHub Actions to the bypass list.",
            )
        )
    if "deletion" in kinds:
        who = "only who may bypass it can" if bypass else "nobody can"
        make = _TOPIC.warning if bypass else _TOPIC.problem
        found.append(
            make(
                f"{_named(ruleset)} forbids to delete release tags: {who} roll back that way. "
                "The revert of deploy.yml still works.",
                f"{_PAGE} → {ruleset['name']} → Bypass list: add who may roll back, or take out "
                "Restrict deletions.",
            )
        )
    return found


def _ledger(github: GitHubFacts) -> list[Finding]:
    ref = f"refs/heads/{ledger.BRANCH}"
    refusing: list[Finding] = []
    rules = github.at(f"rules/branches/{ledger.BRANCH}")
    if isinstance(rules, Unknown | Missing):
        why = rules.why if isinstance(rules, Unknown) else "GitHub does not show them."
        return [_TOPIC.cannot_tell(f"The rules for {ledger.BRANCH} are not known.", why)]
    details = {ruleset["id"]: ruleset for ruleset in _rulesets(github)}
    for number in dict.fromkeys(rule.get("ruleset_id") for rule in rules):
        kinds = {one["type"] for one in rules if one.get("ruleset_id") == number}
        ruleset = details.get(number, {"id": number, "name": str(number)})
        bypass = ruleset.get("bypass_actors") or []
        if kinds & _REFUSE_A_PUSH and not _lets_actions_pass(bypass):
            refusing.append(
                _TOPIC.problem(
                    f"{_named(ruleset)} ({', '.join(sorted(kinds & _REFUSE_A_PUSH))}) covers "
                    f"{ledger.BRANCH}: the workflows cannot write down releases, and a release "
                    "fails as a whole.",
                    f"{_PAGE} → {ruleset['name']} → Target branches: exclude {ledger.BRANCH}.",
                )
            )
    refusing += _classic(github)
    if refusing:
        return refusing
    protecting = {rule["type"] for rule in rules} & _PROTECTS
    if protecting == _PROTECTS:
        return [_TOPIC.ok(f"{ledger.BRANCH} can grow, and be neither rewritten nor deleted.")]
    return [
        _TOPIC.warning(
            f"Everybody who may push can rewrite or delete {ledger.BRANCH}, the record of "
            "releases and reverts.",
            f"{_PAGE} → New branch ruleset, or\n"
            f"gh api -X POST repos/{github.repository}/rulesets -f name=ledger -f target=branch "
            "-f enforcement=active "
            f"-f 'conditions[ref_name][include][]={ref}' -f 'conditions[ref_name][exclude][]' "
            "-f 'rules[][type]=deletion' -f 'rules[][type]=non_fast_forward'",
        )
    ]


def _classic(github: GitHubFacts) -> list[Finding]:
    """Branch protection of the older kind, whose pattern may catch the ledger too."""
    answer = github.at(f"branches/{ledger.BRANCH}/protection")
    if isinstance(answer, Unknown | Missing):
        return []
    refusing = [
        key
        for key in ("required_pull_request_reviews", "required_status_checks", "restrictions")
        if answer.get(key)
    ]
    refusing += [
        key
        for key in ("lock_branch", "required_signatures")
        if (answer.get(key) or {}).get("enabled")
    ]
    if not refusing:
        return []
    return [
        _TOPIC.problem(
            f"Branch protection ({', '.join(refusing)}) covers {ledger.BRANCH}: the workflows "
            "cannot write down releases.",
            f"Settings → Branches: give that rule a pattern that does not match {ledger.BRANCH}.",
        )
    ]


def _required(facts: Facts, github: GitHubFacts) -> list[Finding]:
    """Without the status as a condition, a red verdict stops nobody from merging."""
    branch = github.default_branch
    rules = github.at(f"rules/branches/{branch}")
    classic = github.at(f"branches/{branch}/protection")
    if isinstance(rules, Unknown | Missing) and isinstance(classic, Unknown):
        return [_TOPIC.cannot_tell("Which checks a merge needs is not known.", classic.why)]
    contexts = {*_contexts_of_rules(rules), *_contexts_of_classic(classic)}
    missing = [f"trainshed/{name}" for name in facts.models if f"trainshed/{name}" not in contexts]
    if not missing:
        return [_TOPIC.ok(f"A merge into {branch} needs the verdict of every model.")]
    says = f"A merge into {branch} does not need {', '.join(missing)}: a red verdict stops nobody."
    if isinstance(classic, Unknown):
        return [
            _TOPIC.cannot_tell(
                f"No ruleset asks for {', '.join(missing)}; branch protection may.", classic.why
            )
        ]
    return [
        _TOPIC.warning(
            says,
            f"{_PAGE} → the ruleset of {branch} → Require status checks to pass → add it (it can "
            "be chosen once a pull request had it).",
        )
    ]


def _contexts_of_rules(rules: Any) -> Iterable[str]:
    if isinstance(rules, Unknown | Missing):
        return ()
    return [
        one["context"]
        for rule in rules
        if rule["type"] == "required_status_checks"
        for one in rule["parameters"]["required_status_checks"]
    ]


def _contexts_of_classic(protection: Any) -> Iterable[str]:
    if isinstance(protection, Unknown | Missing):
        return ()
    checks = protection.get("required_status_checks") or {}
    return [*checks.get("contexts", ()), *(one["context"] for one in checks.get("checks", ()))]


def _rulesets(github: GitHubFacts) -> list[Mapping[str, Any]]:
    """Return the rulesets, each with its details where this token may see them."""
    listed = github.at("rulesets")
    if isinstance(listed, Unknown | Missing):
        return []
    found: list[Mapping[str, Any]] = []
    for one in listed:
        detail = github.at(f"rulesets/{one['id']}")
        if isinstance(detail, Missing):
            detail = Unknown(why="GitHub does not show it to this token.")
        seen: Any = {"unseen": detail} if isinstance(detail, Unknown) else detail
        found.append({**one, **seen})
    return found


def _covers(ruleset: Mapping[str, Any], ref: str, github: GitHubFacts) -> bool:
    names = (ruleset.get("conditions") or {}).get("ref_name") or {"include": ["~ALL"]}
    return ref_patterns.covers(
        ref,
        include=names.get("include", ()),
        exclude=names.get("exclude", ()),
        default_branch=github.default_branch,
    )


def _tag_names(facts: Facts) -> list[str]:
    return [f"{model}@v1.0.0{mark}" for model in facts.models for mark in ("", "!")]


def _lets_actions_pass(bypass: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether an app is on the bypass list; which one it is, its number does not tell us."""
    return any(
        one["actor_type"] == "Integration" and one.get("bypass_mode", "always") != "pull_request"
        for one in bypass
    )


def _named(ruleset: Mapping[str, Any]) -> str:
    return f'The ruleset "{ruleset["name"]}"'
