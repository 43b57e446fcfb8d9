#!/usr/bin/env python3
"""List, show, compare and export runs: those of the run store, and those that the ledger knows.

The ledger on the origin holds the runs of main, and what pull requests found. Where the origin
cannot be read, the store is all there is, and that is told.

verbs:
  list          one line per run, oldest first
  show RUN      everything that is known of one
  compare A B   metric by metric: B against A, with intervals where both have predictions here
  export        to MLflow, where MLFLOW_TRACKING_URI says; what is there already stays
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from trainshed import ledger_runs, project, run_evidence, run_query, run_table, script
from trainshed.config import Model
from trainshed.errors import ConfigurationError
from trainshed.ledger_runs import Known
from trainshed.progress import Progress
from trainshed.project import Project
from trainshed.run_query import Query
from trainshed.statistician import Statistician
from trainshed.store import RunIsUnknown, Store

EXAMPLES = """\
  scripts/runs.py list --model churn --since 2026-01-01 --where 'f1>0.8' --sort -f1 --limit 5
  scripts/runs.py list --where 'param.depth=7' --data data/v2/ --source ledger
  scripts/runs.py list --json | jq '.[].metrics.f1'
  scripts/runs.py show 3f2a9c
  scripts/runs.py compare 3f2a9c 81bb20     the first digits of an id are enough
  scripts/runs.py export 3f2a9c             to MLflow; without RUN, all that the filters leave
  scripts/runs.py export --model churn --dry-run
"""


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(sys.argv[1:] if argv is None else argv)
    here = project.open_at(args.repository)
    if args.verb == "list":
        query = _query(args)
        found = run_query.select(query, ledger_runs.gather(here, args.source, tell=_tell))
        shown = run_table.listing(found, first=query.names)
        print(run_table.as_json(found) if args.json else shown, end="")
    elif args.verb == "show":
        _show(here, args.run, as_json=args.json)
    elif args.verb == "compare":
        _compare(here, args.before, args.after)
    else:
        _export(here, args)


def _show(here: Project, run_id: str, *, as_json: bool) -> None:
    [one] = _find(here, [run_id])
    if not as_json:
        print(run_table.details(one), end="")
    elif one.run is not None:
        print(one.run.to_json(), end="")
    else:
        print(run_table.as_json([one]), end="")


def _compare(here: Project, before: str, after: str) -> None:
    old, new = _find(here, [before, after])
    with Statistician(tell=_tell) as statistician:
        compared = run_evidence.compare(
            old,
            new,
            store=Store(here),
            chosen=_models(here).get(new.summary.model),
            ask=statistician.compare,
        )
    print(run_table.comparison(compared), end="")


def _export(here: Project, args: argparse.Namespace) -> None:
    from trainshed import mlflow_export, mlflow_run  # noqa: PLC0415  # only this verb needs them

    if not args.dry_run:
        mlflow_export.require_uri()
    progress, store, models = Progress(), Store(here), _models(here)
    known = ledger_runs.gather(here, args.source, tell=_tell)
    if args.runs:
        known = [ledger_runs.find(known, run_id) for run_id in dict.fromkeys(args.runs)]
    found = run_query.select(_query(args), known)
    with tempfile.TemporaryDirectory() as scratch:
        runs = []
        for one in found:
            chosen = models.get(one.summary.model)
            files = mlflow_export.uploads(one, store=store, chosen=chosen, scratch=Path(scratch))
            given = [] if args.no_artifacts else files
            runs.append(mlflow_run.of(one, experiment=args.experiment, uploads=given))
        if args.dry_run:
            print(run_table.export_plan(runs), end="")
            return
        with progress.step(f"Exporting {len(runs)} run{'' if len(runs) == 1 else 's'}") as step:
            outcomes: Counter[str] = Counter()
            for done in mlflow_export.export(runs, state=here.state, tell=progress.tell):
                outcomes[done.outcome] += 1
                progress.tell(run_table.exported(done.run, done.outcome))
                step.result = run_table.outcomes(outcomes)


def _find(here: Project, ids: Sequence[str]) -> list[Known]:
    """Return runs by the first digits of their ids: of the store, or else of the ledger, too."""
    stored = ledger_runs.gather(here, "store", tell=_tell)
    try:
        return [ledger_runs.find(stored, run_id) for run_id in ids]
    except RunIsUnknown:
        known = ledger_runs.gather(here, "all", tell=_tell)
        return [ledger_runs.find(known, run_id) for run_id in ids]


def _models(here: Project) -> dict[str, Model]:
    """Return the models of trainshed.yml as it is now; a run may be of one that has gone."""
    try:
        return dict(here.config().models)
    except ConfigurationError as error:
        _tell(error.problem)
        return {}


def _query(args: argparse.Namespace) -> Query:
    return Query(
        model=args.model,
        commit=args.commit,
        data=args.data,
        since=run_query.moment(args.since) if args.since else None,
        until=run_query.moment(args.until, ends=True) if args.until else None,
        conditions=tuple(run_query.condition(text) for text in args.where),
        sort=args.sort,
        limit=args.limit,
    )


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    names = "list | show | compare | export"
    verbs = parser.add_subparsers(dest="verb", required=True, metavar=names)
    listing = verbs.add_parser("list", allow_abbrev=False)
    show = verbs.add_parser("show", allow_abbrev=False)
    show.add_argument("run", metavar="RUN", help="run id, or its first digits")
    compare = verbs.add_parser("compare", allow_abbrev=False)
    compare.add_argument("before", metavar="A")
    compare.add_argument("after", metavar="B")
    export = verbs.add_parser("export", allow_abbrev=False)
    export.add_argument("runs", metavar="RUN", nargs="*", help="only these")
    export.add_argument("--experiment", help="MLflow's (default: one for each model, by its name)")
    export.add_argument("--no-artifacts", action="store_true", help="leave all files here")
    export.add_argument("--dry-run", action="store_true", help="tell what would be exported")
    for one in (listing, export):
        _add_filters(one)
    for one in (listing, show, compare, export):
        script.add_repository(one)
    for one in (listing, show):
        one.add_argument("--json", action="store_true", help="as JSON, for other programs")
    return parser.parse_args(_with_orders(argv))


def _add_filters(to: argparse.ArgumentParser) -> None:
    to.add_argument("--model", help="only this one")
    to.add_argument("--commit", metavar="ID", help="of a commit: the first digits are enough")
    to.add_argument("--data", metavar="DATA", help="how its digest or its path begins")
    to.add_argument("--since", metavar="DAY", help="or time (UTC), such as 2026-01-31")
    to.add_argument("--until", metavar="DAY", help="or time (UTC); all of that day")
    to.add_argument(
        "--where",
        metavar="CONDITION",
        action="append",
        default=[],
        help="such as 'f1>0.8' or 'param.depth=7' (< <= = != >= >); repeat it: all must be met",
    )
    to.add_argument("--sort", metavar="NAME", help="a metric, param.NAME or created; -NAME turns")
    to.add_argument(
        "--limit", type=_count, metavar="N", help="the first N of --sort; else the newest N"
    )
    to.add_argument(
        "--source", choices=["store", "ledger", "all"], default="all", help="default: all"
    )


def _with_orders(argv: Sequence[str]) -> list[str]:
    """Let `--sort -f1` be written so: to argparse, `-f1` would be an option."""
    given: list[str] = []
    for one in argv:
        if given and given[-1] == "--sort":
            given[-1] = f"--sort={one}"
        else:
            given.append(one)
    return given


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("should be 1 or more")
    return number


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
