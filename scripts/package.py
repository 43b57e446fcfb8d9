#!/usr/bin/env python3
"""Package a trained run: build its image, ask its golden rows inside it, push it, tell its digest.

The image is tagged `data-<12 digits of the data's digest>`, which moves, and
`d-<data>-m-<artifact>-c-<commit>`, which never does: when that exists it is used, not rebuilt.
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import json
from collections.abc import Sequence
from dataclasses import replace

from trainshed import github, project, script
from trainshed.package import Packages
from trainshed.progress import Progress
from trainshed.run import Run
from trainshed.store import RunIsUnknown, Store
from trainshed.training import Trainings

EXAMPLES = """\
  scripts/package.py                 the run of the last commit, which must have been trained
  scripts/package.py --run 3f2a9c
  scripts/package.py --dry-run       tell the image's names; build and push nothing
  TRAINSHED_BASE_IMAGE=python:3.12-slim@sha256:… scripts/package.py
"""


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    progress = Progress()
    here = project.open_at(args.repository)
    store = Store(here)
    trainings = Trainings(project=here, store=store, tell=progress.tell, output=progress.tell)
    run = store.get(args.run) if args.run else _of_last_commit(trainings, args.model)
    chosen = here.config_at(run.commit).models[run.model]
    packages = Packages(project=here, store=store, tell=progress.tell)
    names = packages.names(run, chosen)
    if args.dry_run:
        print(names.fixed_reference)
        print(f"{names.repository}:{names.moving}")
        return
    with progress.step(f"Packaging run {run.run_id[:12]} of {run.model}") as step:
        packaged = packages.package(run, chosen)
        step.result = "found in the registry" if packaged.was_found else "built and pushed"
    github.set_outputs(
        {
            "image": packaged.reference,
            "tag": names.fixed,
            "data-tag": names.moving,
            "found": json.dumps(packaged.was_found),
        }
    )


def _of_last_commit(trainings: Trainings, model: str | None) -> Run:
    commit = trainings.project.repository.resolve("HEAD")
    run_id = trainings.plan(commit, model).run_id
    found = trainings.store.find(run_id)
    if found is None:
        raise RunIsUnknown(
            f"The last commit's run ({run_id[:12]}) is not in the run store.",
            fix="Train it first: scripts/train.py",
        )
    # The run may be an earlier commit's; what serves it is this one's.
    return replace(found, commit=commit)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    script.add_repository(parser)
    parser.add_argument("--model", help="which one; needed when trainshed.yml has several")
    parser.add_argument("--run", help="run id, or its first digits")
    parser.add_argument("--dry-run", action="store_true", help="tell the names, build nothing")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
