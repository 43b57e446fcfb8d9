#!/usr/bin/env python3
"""Play the journey on this machine: a pull request, its merge, a revert. No GitHub, same scripts.

It works in any repository that has a trainshed.yml and a remote `origin`, a bare one on disk too.

verbs:
  pull-request BRANCH  train the merge result and its baselines, compare, print the comment
  merge BRANCH         the same; when the gate lets it through: push the merge, release, deploy
  revert TAG           delete the tag with plain git, and reconcile
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import sys
from collections.abc import Sequence

from trainshed import github, project, script, tags
from trainshed.simulation import Simulation

EXAMPLES = """\
  git init --bare ../origin.git && git remote add origin ../origin.git && git push -u origin main
  scripts/simulate.py pull-request more-data
  scripts/simulate.py merge more-data
  scripts/simulate.py revert churn@v1.1.0
"""


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    simulation = Simulation(
        project=project.open_at(args.repository),
        tell=lambda line: print(f"  {line}", file=sys.stderr, flush=True),
    )
    if args.dry_run:
        print(_PLANS[args.verb].format(args.subject))
    elif args.verb == "pull-request":
        request = simulation.pull_request(args.subject, model=args.model)
        github.append_summary(request.markdown)
        github.set_outputs({"verdict": request.verdict, "merge": request.merge})
    elif args.verb == "merge":
        tag = simulation.merge(args.subject, model=args.model, is_forced=args.force)
        github.set_output("tag", tag)
    else:
        simulation.revert(tags.require(args.subject))


_PLANS = {
    "pull-request": "would compare the merge of {} with the default branch and the live release",
    "merge": "would push the merge of {} to the origin's default branch, release and deploy it",
    "revert": "would run `git push origin --delete {}` and reconcile",
}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    verbs = parser.add_subparsers(
        dest="verb", required=True, metavar="pull-request | merge | revert"
    )
    for verb, subject in (("pull-request", "BRANCH"), ("merge", "BRANCH"), ("revert", "TAG")):
        one = verbs.add_parser(verb, allow_abbrev=False)
        one.add_argument("subject", metavar=subject)
        script.add_repository(one)
        one.add_argument("--dry-run", action="store_true", help="tell what would be done")
        if verb != "revert":
            one.add_argument("--model", help="which one; needed when there are several")
        if verb == "merge":
            one.add_argument("--force", action="store_true", help="merge whatever the verdict")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
