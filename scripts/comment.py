#!/usr/bin/env python3
"""Tell a pull request what its run found: one comment per model, a commit status, the ledger.

Runs in the default branch's checkout, with a token that writes. What the run uploaded is data: it
is bounded and checked, and belongs to the commit and the pull requests that GitHub names.
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import json
import sys
from collections.abc import Mapping, Sequence

from trainshed import github, github_api, project, pull_requests, reply, script
from trainshed.config import Model
from trainshed.delivery import Delivery
from trainshed.errors import ConfigurationError
from trainshed.origin import Origin
from trainshed.project import Project
from trainshed.settings import settings

EXAMPLES = """\
  scripts/comment.py --run-id 123456789              what the workflow comment.yml does
  scripts/comment.py --run-id 123456789 --dry-run    tell what would be written, write nothing
"""


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    here = project.open_at(args.repository)
    where = github_api.require(settings())
    repository = github_api.repository(where)
    run = pull_requests.run(repository, args.run_id)
    if run.event != pull_requests.EVENT:
        _tell(f"workflow run {run.id} was not for a pull request: there is nobody to tell")
        return
    pulls = pull_requests.of_run(repository, run)
    models = _models(here)
    fetching = [name for name, one in models.items() if one.data.fetch is not None]
    replies = reply.gather(repository, run, models=sorted(models), fetching=fetching)
    for one in replies:
        print(reply.line(one), file=sys.stderr, flush=True)  # safe to print as it is
    _tell(f"open pull requests of {run.head[:12]}: {_numbers(pulls)}")
    if args.dry_run:
        return
    delivery = Delivery(where, repository, run, pulls, _tell)
    for one in replies:
        delivery.send(one)
    delivery.record(Origin(here.repository), replies)
    github.append_summary(reply.summary(replies))
    github.set_output("verdicts", json.dumps({one.model: one.verdict for one in replies}))
    github.set_output("comments", json.dumps(delivery.written))
    delivery.require_success()


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    script.add_repository(parser)
    parser.add_argument("--run-id", type=int, required=True, help="the pull request's workflow run")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be written")
    return parser.parse_args(argv)


def _models(here: Project) -> Mapping[str, Model]:
    """Return the models that are told of in any case: those of the default branch."""
    try:
        return here.config().models
    except ConfigurationError as error:
        _tell(error.problem)
        return {}


def _numbers(pulls: Sequence[int]) -> str:
    return ", ".join(f"#{pull}" for pull in pulls) or "none (closed, or pushed to again)"


def _tell(line: str) -> None:
    print(github_api.printable(line), file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
