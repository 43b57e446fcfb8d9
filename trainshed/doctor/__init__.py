"""Check a repository and its GitHub settings: facts in, findings out, one module per topic."""

from trainshed.doctor import (
    actions,
    clone,
    environments,
    forks,
    images,
    project_file,
    rules,
    schedule,
    workflows,
)
from trainshed.doctor.facts import Facts
from trainshed.doctor.finding import Finding

TOPICS = (
    clone,
    project_file,
    workflows,
    schedule,
    actions,
    forks,
    rules,
    environments,
    images,
)


def check(facts: Facts) -> list[Finding]:
    """Return every finding, topic by topic."""
    return [finding for topic in TOPICS for finding in topic.check(facts)]
