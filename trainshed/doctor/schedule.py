"""Whether GitHub will run the workflows: their state, and the schedule that repairs."""

from datetime import datetime, timedelta
from typing import Any

from trainshed.doctor.facts import Facts, GitHubFacts, Missing, Unknown
from trainshed.doctor.finding import Finding, Topic

_TOPIC = Topic("Workflows on GitHub")
_FOLDER = ".github/workflows/"
SCHEDULED = "deploy.yml"
_LATE = timedelta(days=1)
_QUIET = timedelta(days=45)
_SWITCHED_OFF = timedelta(days=60)  # of no activity, in a public repository


def check(facts: Facts) -> list[Finding]:
    if facts.github is None:
        return []
    answer = facts.github.at("actions/workflows")
    if isinstance(answer, Unknown | Missing):
        why = answer.why if isinstance(answer, Unknown) else "GitHub says there are none."
        return [_TOPIC.cannot_tell("The workflows' states could not be read.", why)]
    known = {one["path"].removeprefix(_FOLDER): one["state"] for one in answer["workflows"]}
    states = [_state(facts.github, name, known.get(name)) for name in facts.local.workflows]
    off = [finding for finding in states if finding is not None]
    if known.get(SCHEDULED) == "active":
        off += _age(facts, facts.github)
    return off or [_TOPIC.ok("All are active.")]


def _state(github: GitHubFacts, name: str, state: str | None) -> Finding | None:
    if state == "active":
        return None
    if state is None or state == "deleted":
        return _TOPIC.problem(
            f"GitHub does not know {name}: it is not on {github.default_branch} yet.",
            f"Commit and push it to {github.default_branch}.",
        )
    reason = {
        "disabled_inactivity": "GitHub switched it off after 60 days without activity",
        "disabled_fork": "workflows of a fork are off until somebody switches them on",
    }.get(state, "somebody switched it off")
    return _TOPIC.problem(
        f"{name} does not run: {reason}.",
        f"Actions → {name} → Enable workflow, or\n"
        f"gh workflow enable {name} --repo {github.repository}",
    )


def _age(facts: Facts, github: GitHubFacts) -> list[Finding]:
    """The schedule repairs what events missed: a rollback of four tags at once, say."""
    runs = github.at(f"actions/workflows/{SCHEDULED}/runs")
    found = _activity(facts, github)
    if isinstance(runs, Unknown | Missing):
        why = runs.why if isinstance(runs, Unknown) else "GitHub does not know the workflow."
        return [*found, _TOPIC.cannot_tell("When the schedule last ran is not known.", why)]
    start = f"gh workflow run {SCHEDULED} --repo {github.repository} -f verb=run"
    if not runs["workflow_runs"]:
        return [
            *found,
            _TOPIC.warning(
                f"The schedule of {SCHEDULED} has not run yet.",
                f"GitHub may take an hour after the first push. Until then, by hand:\n{start}",
            ),
        ]
    last = _time(runs["workflow_runs"][0]["created_at"])
    if facts.now - last > _LATE:
        return [
            *found,
            _TOPIC.warning(
                f"The schedule of {SCHEDULED} last ran {(facts.now - last).days} days ago.",
                "GitHub may drop scheduled runs under load; it should run each hour. By hand:\n"
                f"{start}",
            ),
        ]
    return [*found, _TOPIC.ok(f"The schedule of {SCHEDULED} ran within a day.")]


def _activity(facts: Facts, github: GitHubFacts) -> list[Finding]:
    repository: Any = github.at("")
    if isinstance(repository, Unknown | Missing) or repository.get("private"):
        return []
    pushed = repository.get("pushed_at")
    if pushed is None or facts.now - _time(pushed) < _QUIET:
        return []
    quiet = facts.now - _time(pushed)
    left = max(0, (_SWITCHED_OFF - quiet).days)
    return [
        _TOPIC.warning(
            f"Nothing was pushed for {quiet.days} days: GitHub switches schedules of public "
            f"repositories off after {_SWITCHED_OFF.days} (in {left} days).",
            "Any push to the repository, a release too, starts the count again.",
        )
    ]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
