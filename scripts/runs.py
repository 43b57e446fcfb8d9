#!/usr/bin/env python3
"""List, show and compare the runs of the run store: metrics, params, data and commit.

verbs:
  list          one line per run, oldest first
  show RUN      everything that is known of one
  compare A B   metric by metric: B against A
"""

import _framework  # noqa: F401  # isort: skip
import argparse
from collections.abc import Sequence

from trainshed import project, run_table, script
from trainshed.store import Store

EXAMPLES = """\
  scripts/runs.py list --model churn
  scripts/runs.py list --json | jq '.[].metrics.f1'
  scripts/runs.py show 3f2a9c
  scripts/runs.py compare 3f2a9c 81bb20     the first digits of an id are enough
"""


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    store = Store(project.open_at(args.repository))
    if args.verb == "list":
        runs = [one for one in store.runs() if args.model in {None, one.model}]
        print(run_table.as_json(runs) if args.json else run_table.listing(runs), end="")
    elif args.verb == "show":
        one = store.get(args.run)
        print(one.to_json() if args.json else run_table.details(one), end="")
    else:
        print(run_table.comparison(store.get(args.before), store.get(args.after)), end="")


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list | show | compare")
    listing = verbs.add_parser("list", allow_abbrev=False)
    listing.add_argument("--model", help="only this one")
    show = verbs.add_parser("show", allow_abbrev=False)
    show.add_argument("run", metavar="RUN", help="run id, or its first digits")
    compare = verbs.add_parser("compare", allow_abbrev=False)
    compare.add_argument("before", metavar="A")
    compare.add_argument("after", metavar="B")
    for one in (listing, show, compare):
        script.add_repository(one)
    for one in (listing, show):
        one.add_argument("--json", action="store_true", help="as JSON, for other programs")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
