#!/usr/bin/env python3
"""Compare the model of a commit with what it changes and with the live release, and give a verdict.

The candidate and the commit before it are trained from clean checkouts, or their runs are found,
and compared row by row: differences have intervals; slices, flips and changed data are told. A
worse model is an answer, not a failure: the exit code is 0 unless --exit-code asks otherwise.
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from trainshed import comparison_summary, git, github, project, report, result, script
from trainshed.errors import TrainshedError
from trainshed.experiment import Experiments, Planned
from trainshed.origin import Origin
from trainshed.progress import Progress
from trainshed.project import Project
from trainshed.statistician import Statistician
from trainshed.store import Store
from trainshed.training import Trainings

EXAMPLES = """\
  scripts/compare.py                        the last commit against its first parent and the release
  scripts/compare.py --base origin/main     against another commit
  scripts/compare.py --no-origin            do not ask the origin for the live release
  scripts/compare.py --report report.md     all that a pull request's comment would show
  scripts/compare.py --attribute            data and code changed: what did each of them do?
  scripts/compare.py --exit-code            exit with 1 unless the verdict is pass or warn
  scripts/compare.py --dry-run              tell the runs that it needs, train nothing
"""


def main(argv: Sequence[str] | None = None) -> int:
    args = _arguments(argv)
    progress = Progress()
    here = project.open_at(args.repository)
    commit = here.repository.resolve(args.commit)
    base = _base(here, commit, args.base)
    experiments = Experiments(
        trainings=Trainings(
            project=here, store=Store(here), tell=progress.tell, output=progress.folded
        ),
        origin=None if args.no_origin else Origin(here.repository),
        progress=progress,
        statistician=Statistician(tell=progress.tell),
        attributes=args.attribute,
    )
    if args.dry_run:
        planned = experiments.plan(commit, parent=base, model=args.model)
        _tell_plan(planned, experiments.trainings.store)
        return 0
    head = args.head or commit
    try:
        with experiments.statistician:
            found = experiments.run(commit, parent=base, model=args.model)
    except TrainshedError as error:
        if args.result and args.model:  # whoever waits for an answer gets one, and the job is red
            failed = result.of_failure(error, model=args.model, head=head, base=base)
            result.write(failed, args.result)
        raise
    compared = found.comparison
    if args.result:
        answer = result.of_comparison(compared, run=found.candidate.run, head=head, base=base)
        result.write(answer, args.result)
    out = args.out or here.state / "comparison.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(compared.to_json(), encoding="utf-8")
    if args.report:
        args.report.write_text(report.markdown(compared), encoding="utf-8")
    comparison_summary.show(compared)
    github.set_outputs(
        {
            "verdict": compared.verdict,
            "comparison": str(out),
            "found": json.dumps(found.candidate.was_found),
            "base-found": json.dumps(found.parent.was_found) if found.parent else "",
        }
    )
    return 1 if args.exit_code and compared.verdict not in {"pass", "warn"} else 0


def _base(here: Project, commit: str, named: str | None) -> str | None:
    """Return the id of the commit that is changed; one that is not here may yet be fetched."""
    if named is None:
        return next(iter(here.repository.parents(commit)), None)
    return named if git.is_id(named) else here.repository.resolve(named)


def _tell_plan(planned: Planned, store: Store) -> None:
    candidate, parent, live = planned.candidate, planned.parent, planned.live
    github.set_outputs(
        {
            "run-id": candidate.run_id,
            "run-folder": str(store.folder(candidate.run_id)),
            "base-run-id": parent.run_id if parent else "",
            "base-run-folder": str(store.folder(parent.run_id)) if parent else "",
            "live-run-id": live or "",
            "live-run-folder": str(store.folder(live)) if live else "",
        }
    )
    before = f"{parent.commit[:12]} (run {parent.run_id[:12]})" if parent else "no baseline"
    print(
        f"would train or find {candidate.commit[:12]} (run {candidate.run_id[:12]}) and {before}",
        file=sys.stderr,
    )


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    script.add_repository(parser)
    parser.add_argument("--model", help="which one; needed when trainshed.yml has several")
    parser.add_argument("--commit", default="HEAD", help="the candidate (default: HEAD)")
    parser.add_argument("--base", help="the commit it changes (default: its first parent)")
    parser.add_argument("--no-origin", action="store_true", help="leave the live release out")
    parser.add_argument(
        "--attribute",
        action="store_true",
        help="where data and code changed, train the old code on the new data, to part the two",
    )
    parser.add_argument("--out", type=Path, help="where the comparison goes, as JSON")
    parser.add_argument("--report", type=Path, help="where all of it goes, as Markdown")
    parser.add_argument(
        "--result", type=Path, help="where the answer goes, as JSON, for a comment on a pull "
        "request: a failure too, when --model is given",
    )  # fmt: skip
    parser.add_argument("--head", help="head of the pull request (default: the candidate)")
    parser.add_argument("--exit-code", action="store_true", help="let the exit code tell")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
