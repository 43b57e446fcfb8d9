#!/usr/bin/env python3
"""Train a model from a clean checkout of a commit, or find the run that was made of it before.

The trainer runs in a fresh checkout of the commit, in the environment of the model's lock file, and
never in your folder. What it reports is kept in `.trainshed/runs/<run id>/`.

--repeat shows how much the seed alone moves the metrics: the comment on a pull request calls a
smaller difference noise. --verify shows whether training comes out the same again.
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import json
import sys
from collections.abc import Callable, Sequence

from trainshed import determinism, github, project, repetition, script
from trainshed.progress import Progress
from trainshed.question import Repeating
from trainshed.settings import settings
from trainshed.statistician import Statistician
from trainshed.store import Store
from trainshed.training import Outcome, Plan, Trainings

EXAMPLES = """\
  scripts/train.py                      train the only model, from the last commit
  scripts/train.py --model churn --commit main
  scripts/train.py --dry-run            tell the run id and the command, train nothing
  scripts/train.py --seed 7             another seed is another run
  scripts/train.py --repeat 5           five seeds, as many at once as there are processors
  scripts/train.py --verify             train twice: is it the same, bit by bit?
"""


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    progress = Progress()
    here = project.open_at(args.repository)
    trainings = Trainings(project=here, store=Store(here), tell=progress.tell, output=progress.tell)
    commit = here.repository.resolve(args.commit)
    _tell_of_changes(here, args.commit, progress)
    if args.dry_run:
        _dry_run(trainings, commit, args)
    elif args.repeat:
        _repeat(trainings, commit, args, progress)
    elif args.verify:
        _verify(trainings, commit, args, progress)
    else:
        _train(trainings, commit, args, progress)


def _train(trainings: Trainings, commit: str, args: argparse.Namespace, progress: Progress) -> None:
    with progress.step(f"Training from commit {commit[:12]}") as step:
        outcome = trainings.train_or_find(commit, args.model, seed=args.seed, again=args.again)
        step.result = outcome.told
    _tell_outcome(outcome)


def _repeat(
    trainings: Trainings, commit: str, args: argparse.Namespace, progress: Progress
) -> None:
    from trainshed import run_report  # noqa: PLC0415  # a run that is found needs none of it

    plans = repetition.plan(trainings, commit, args.model, times=args.repeat, seed=args.seed)
    jobs = repetition.jobs_of(plans, args.jobs)
    title = f"Training {len(plans)} seeds of commit {commit[:12]}, {jobs} at once"
    with progress.step(title) as step:
        outcomes = repetition.train(trainings, plans, jobs=jobs, again=args.again)
        found = sum(one.was_found for one in outcomes)
        step.result = f"{len(outcomes) - found} trained, {found} found"
    repeated = repetition.of([one.run for one in outcomes])
    repetition.keep(outcomes[0].folder, repeated)
    with Statistician(tell=progress.tell) as statistician:
        noise = statistician.noise(Repeating(values=repeated.metrics))
    spreads = repetition.spreads(repeated, noise)
    _tell_outcome(outcomes[0])
    _tell(run_report.repetition_text(repeated, spreads), progress)
    _summarize(run_report.repetition(repeated, spreads))
    github.set_output("repeat", json.dumps(repetition.plain(repeated, spreads)))


def _verify(
    trainings: Trainings, commit: str, args: argparse.Namespace, progress: Progress
) -> None:
    from trainshed import run_report  # noqa: PLC0415  # a run that is found needs none of it

    with progress.step(f"Training twice from commit {commit[:12]}") as step:
        outcome, proof = determinism.verify(
            trainings, commit, args.model, seed=args.seed, again=args.again
        )
        step.result = f"{outcome.told}, then trained once more: {proof.level}"
    determinism.keep(outcome.folder, proof)
    _tell_outcome(outcome)
    _tell(run_report.proof_text(proof), progress)
    _summarize(run_report.proof(proof))
    github.set_output("verified", proof.level)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    script.add_repository(parser)
    parser.add_argument("--model", help="which one; needed when trainshed.yml has several")
    parser.add_argument("--commit", default="HEAD", help="branch, tag or id (default: HEAD)")
    parser.add_argument("--seed", type=int, help="instead of the model's `seed:`")
    parser.add_argument("--again", action="store_true", help="train even when the run is there")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--repeat", type=_at_least(2), metavar="K", help="train K seeds, from the model's own on"
    )
    how.add_argument("--verify", action="store_true", help="train twice, and tell what differs")
    parser.add_argument(
        "--jobs", type=_at_least(1), metavar="N", help="seeds at once (default: processors here)"
    )
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done")
    return parser.parse_args(argv)


def _at_least(lowest: int) -> Callable[[str], int]:
    def read(value: str) -> int:
        if not value.isdecimal() or int(value) < lowest:
            raise argparse.ArgumentTypeError(f"should be a number from {lowest} on, got {value!r}")
        return int(value)

    return read


def _tell_of_changes(here: project.Project, revision: str, progress: Progress) -> None:
    changed = here.repository.changed_files() if revision == "HEAD" else []
    if changed:
        progress.tell(
            f"{len(changed)} changed files are no part of this run, which is made of the last "
            f"commit: {', '.join(changed[:5])}"
        )


def _dry_run(trainings: Trainings, commit: str, args: argparse.Namespace) -> None:
    """Tell the plan. Outputs are of the model's own seed, however many there are."""
    if args.repeat:
        plans = repetition.plan(trainings, commit, args.model, times=args.repeat, seed=args.seed)
    else:
        plans = [trainings.plan(commit, args.model, seed=args.seed)]
    store, first = trainings.store, plans[0]
    found = json.dumps(store.find(first.run_id) is not None)
    folder = str(store.folder(first.run_id))
    github.set_outputs({"run-id": first.run_id, "found": found, "run-folder": folder})
    _tell_plan(first, store)
    for one in plans[1:]:
        what = "is in the run store" if store.find(one.run_id) else "would be trained"
        seed = repetition.seed_of(one)
        print(f"Run {one.run_id[:12]}, seed {seed}, {what}", file=sys.stderr)
    if args.repeat:
        print(f"{repetition.jobs_of(plans, args.jobs)} at once", file=sys.stderr)
    if args.verify:
        print("Then it would be trained once more, aside, and compared", file=sys.stderr)


def _tell_plan(plan: Plan, store: Store) -> None:
    found = store.find(plan.run_id) is not None
    what = "is in the run store: nothing to train" if found else "would be trained with"
    print(f"Run {plan.run_id[:12]} of {plan.model} {what}", file=sys.stderr)
    if not found:
        print(f"  {' '.join(plan.settings.train)}", file=sys.stderr)
    print(f"  data {plan.dataset.path} sha256:{plan.dataset.digest}", file=sys.stderr)


def _tell_outcome(outcome: Outcome) -> None:
    run = outcome.run
    if settings().github_step_summary:
        from trainshed import run_report  # noqa: PLC0415  # nor does one at a terminal

        _summarize(run_report.markdown(run, was_found=outcome.was_found))
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


def _tell(text: str, progress: Progress) -> None:
    for line in text.splitlines():
        progress.tell(line)


def _summarize(markdown: str) -> None:
    if settings().github_step_summary:  # elsewhere the outputs and lines say it all
        github.append_summary(f"{markdown}\n")  # what comes next is no part of a folded block


if __name__ == "__main__":
    raise SystemExit(script.run(main))
