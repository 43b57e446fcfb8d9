#!/usr/bin/env python3
"""Check a repository and its settings on GitHub, and say what to change.

Nothing is changed. Without a token only the clone, its origin and the registry are looked at. Much
of the settings is shown to administrators alone: what a token may not see is said, never guessed.
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from trainshed import adoption_workflows, doctor, project, script
from trainshed.doctor import finding, github_facts, local_facts
from trainshed.doctor.facts import Facts, GitHubFacts, Local, Unknown
from trainshed.settings import settings

EXAMPLES = """\
  scripts/doctor.py
  GITHUB_REPOSITORY=acme/models TRAINSHED_GITHUB_TOKEN=$(gh auth token) scripts/doctor.py
  scripts/doctor.py --json | jq '.[] | select(.level == "problem")'
  scripts/doctor.py --exit-code --skip-images      in a scheduled workflow
"""


def main(argv: Sequence[str] | None = None) -> int:
    args = _arguments(argv)
    here = project.open_at(args.repository)
    local = local_facts.gather(here, looks_at_images=not args.skip_images)
    findings = doctor.check(_facts(local))
    print(finding.as_json(findings) if args.json else finding.text(findings), end="")
    return 1 if args.exit_code and finding.has_problem(findings) else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    script.add_repository(parser)
    parser.add_argument("--json", action="store_true", help="as JSON, for other programs")
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 on a problem")
    parser.add_argument("--skip-images", action="store_true", help="do not ask the registry")
    return parser.parse_args(argv)


def _facts(local: Local) -> Facts:
    data = adoption_workflows.fetching_of(local.workflows.get("pull-request.yml") or "").environment
    config = local.config
    models = () if isinstance(config, Unknown) else tuple(config.models)
    environments = () if isinstance(config, Unknown) else tuple(config.environments)
    return Facts(
        local=local,
        github=_github(local, [*environments, *([data] if data else [])]),
        now=datetime.now(UTC),
        models=models,
        environments=environments,
        data_environment=data,
    )


def _github(local: Local, environments: Sequence[str]) -> GitHubFacts | None:
    github = settings().github
    if github is None:
        return None
    print(f"asking GitHub about {github.repository}", file=sys.stderr)
    return github_facts.gather(github, default_branch=local.branch, environments=environments)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
