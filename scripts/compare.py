#!/usr/bin/env python3
"""Compare the model of a commit with what it changes and with the live release, and give a verdict.

The candidate and the commit before it are trained from clean checkouts, or their runs are found. A
worse model is an answer, not a failure: the exit code is 0 unless --exit-code asks otherwise.
"""

import _framework  # noqa: F401  # isort: skip
import argparse
from collections.abc import Sequence
from pathlib import Path

from trainshed import github, project, report, script
from trainshed.experiment import Experiments
from trainshed.origin import Origin
from trainshed.progress import Progress
from trainshed.store import Store
from trainshed.training import Trainings

EXAMPLES = """\
  scripts/compare.py                        the last commit against its first parent and the release
  scripts/compare.py --base origin/main     against another commit
  scripts/compare.py --no-origin            do not ask the origin for the live release
  scripts/compare.py --exit-code            exit with 1 unless the verdict is pass or warn
"""


def main(argv: Sequence[str] | None = None) -> int:
    args = _arguments(argv)
    progress = Progress()
    here = project.open_at(args.repository)
    commit = here.repository.resolve(args.commit)
    if args.base:
        base: str | None = here.repository.resolve(args.base)
    else:
        base = next(iter(here.repository.parents(commit)), None)
    if args.dry_run:
        print(f"would train or find {commit[:12]} and {base[:12] if base else 'no parent'}")
        return 0
    experiments = Experiments(
        trainings=Trainings(
            project=here, store=Store(here), tell=progress.tell, output=progress.quiet
        ),
        origin=None if args.no_origin else Origin(here.repository),
        progress=progress,
    )
    compared = experiments.run(commit, parent=base, model=args.model).comparison
    out = args.out or here.state / "comparison.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(compared.to_json(), encoding="utf-8")
    github.append_summary(report.markdown(compared))
    github.set_outputs({"verdict": compared.verdict, "comparison": str(out)})
    return 1 if args.exit_code and compared.verdict not in {"pass", "warn"} else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    script.add_repository(parser)
    parser.add_argument("--model", help="which one; needed when trainshed.yml has several")
    parser.add_argument("--commit", default="HEAD", help="the candidate (default: HEAD)")
    parser.add_argument("--base", help="the commit it changes (default: its first parent)")
    parser.add_argument("--no-origin", action="store_true", help="leave the live release out")
    parser.add_argument("--out", type=Path, help="where the comparison goes, as JSON")
    parser.add_argument("--exit-code", action="store_true", help="let the exit code tell")
    parser.add_argument("--dry-run", action="store_true", help="tell what would be done")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
