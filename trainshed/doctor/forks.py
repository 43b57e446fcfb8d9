"""What code from a fork gets: it should be nothing but a token that reads."""

from trainshed.doctor.facts import Facts, GitHubFacts, Missing, Unknown
from trainshed.doctor.finding import Finding, Topic

_TOPIC = Topic("Forks")
_PAGE = "Settings → Actions → General → Fork pull request workflows"


def check(facts: Facts) -> list[Finding]:
    if facts.github is None:
        return []
    repository = facts.github.at("")
    if isinstance(repository, Unknown | Missing):
        why = repository.why if isinstance(repository, Unknown) else "GitHub shows no repository."
        return [_TOPIC.cannot_tell("Whether the repository is public is not known.", why)]
    return _private(facts.github) if repository["private"] else _public(facts.github)


def _public(github: GitHubFacts) -> list[Finding]:
    answer = github.at("actions/permissions/fork-pr-contributor-approval")
    if isinstance(answer, Unknown | Missing):
        why = answer.why if isinstance(answer, Unknown) else "GitHub does not show it."
        return [_TOPIC.cannot_tell("Whose pull requests need an approval to run?", why)]
    if answer["approval_policy"] == "first_time_contributors_new_to_github":
        return [
            _TOPIC.warning(
                "Only people who are new to GitHub need an approval before their code runs here, "
                "so a stranger can use up your minutes.",
                f"{_PAGE} → Require approval for first-time contributors, or\n"
                f"gh api -X PUT repos/{github.repository}/actions/permissions/"
                "fork-pr-contributor-approval -f approval_policy=first_time_contributors",
            )
        ]
    return [_TOPIC.ok("A first pull request of a stranger waits for an approval.")]


def _private(github: GitHubFacts) -> list[Finding]:
    answer = github.at("actions/permissions/fork-pr-workflows-private-repos")
    if isinstance(answer, Unknown | Missing):
        why = answer.why if isinstance(answer, Unknown) else "GitHub does not show it."
        return [_TOPIC.cannot_tell("What a fork's pull request gets is not known.", why)]
    if not answer["run_workflows_from_fork_pull_requests"]:
        return [_TOPIC.ok("Workflows do not run for forks of this private repository.")]
    given = [
        what
        for key, what in (
            ("send_write_tokens_to_workflows", "tokens that write"),
            ("send_secrets_and_variables", "secrets"),
        )
        if answer[key]
    ]
    if given:
        return [
            _TOPIC.problem(
                f"Code from a fork gets {' and '.join(given)}: pull-request.yml runs it as it is.",
                f"{_PAGE}: switch both off.",
            )
        ]
    return [_TOPIC.ok("Code from a fork gets neither secrets nor a token that writes.")]
