#!/usr/bin/env python3
"""Train a model from a clean checkout of a commit, or find the run that was made of it before.

The trainer runs in a fresh checkout of the commit, in the environment of the model's lock file, and
never in your folder. What it reports is kept in `.trainshed/runs/<run id>/`.
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import json
import sys
from collections.abc import Sequence

from trainshed import github, project, run_report, script
from trainshed.progress import Progress
from trainshed.settings import settings
from trainshed.store import Store
from trainshed.training import Outcome, Plan, Trainings

EXAMPLES = """\
  scripts/train.py                      train the only model, from the last commit
  scripts/train.py --model churn --commit main
  scripts/train.py --dry-run            tell the run id and the command, train nothing
  scripts/train.py --seed 7             another seed is another run
"""


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    progress = Progress()
    here = project.open_at(args.repository)
    trainings = Trainings(project=here, store=Store(here), tell=progress.tell, output=progress.tell)
    commit = here.repository.resolve(args.commit)
    _tell_of_changes(here, args.commit, progress)
    if args.dry_run:
        _tell_plan(trainings.plan(commit, args.model, seed=args.seed), trainings.store)
        return
    with progress.step(f"Training from commit {commit[:12]}") as step:
        outcome = trainings.train_or_find(commit, args.model, seed=args.seed, again=args.again)
        step.result = outcome.told
    _tell_outcome(outcome)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    script.add_repository(parser)
    parser.add_argument("--model", help="which one; needed when trainshed.yml has several")
    parser.add_argument("--commit", default="HEAD", help="branch, tag or id (default: HEAD)")
    parser.add_argument("--seed", type=int, help="instead of the model's `seed:`")
    parser.add_argument("--again", action="store_true", help="train even when the run is there")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done")
    return parser.parse_args(argv)


def _tell_of_changes(here: project.Project, revision: str, progress: Progress) -> None:
    changed = here.repository.changed_files() if revision == "HEAD" else []
    if changed:
        progress.tell(
            f"{len(changed)} changed files are no part of this run, which is made of the last "
            f"commit: {', '.join(changed[:5])}"
        )


def _tell_plan(plan: Plan, store: Store) -> None:
    found = store.find(plan.run_id) is not None
    folder = str(store.folder(plan.run_id))
    github.set_outputs({"run-id": plan.run_id, "found": json.dumps(found), "run-folder": folder})
    what = "is in the run store: nothing to train" if found else "would be trained with"
    print(f"Run {plan.run_id[:12]} of {plan.model} {what}", file=sys.stderr)
    if not found:
        print(f"  {' '.join(plan.settings.train)}", file=sys.stderr)
    print(f"  data {plan.dataset.path} sha256:{plan.dataset.digest}", file=sys.stderr)


def _tell_outcome(outcome: Outcome) -> None:
    run = outcome.run
    if settings().github_step_summary:  # elsewhere the outputs below say it all
        github.append_summary(run_report.markdown(run, was_found=outcome.was_found))
    github.set_outputs(
        {
            "run-id": run.run_id,
            "found": json.dumps(outcome.was_found),
            "run-folder": str(outcome.folder),
            "dataset-digest": run.dataset.digest,
            "artifact": str(outcome.folder / run.artifact.path),
            "metrics": json.dumps(dict(run.metrics)),
        }
    )


if __name__ == "__main__":
    raise SystemExit(script.run(main))
