#!/usr/bin/env python3
"""Serve a trained run on this machine, in the environment of its own lock file.

Without --run it is the run of the last commit, which must have been trained. This is for looking at
a model; what is live is started by scripts/deploy.py.
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from trainshed import project, script
from trainshed.progress import Progress
from trainshed.serving_plan import Serving, plan
from trainshed.store import RunIsUnknown, Store
from trainshed.training import Trainings

EXAMPLES = """\
  scripts/serve.py                              the last commit's model on port 8000
  scripts/serve.py --run 3f2a9c --port 9000     any run of the store: scripts/runs.py list
  curl -d '{"rows": [{...}]}' http://127.0.0.1:8000/predict
  curl http://127.0.0.1:8000/openapi.json
"""


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    progress = Progress()
    here = project.open_at(args.repository)
    store = Store(here)
    trainings = Trainings(project=here, store=store, tell=progress.tell, output=progress.tell)
    run_id = args.run
    if run_id is None:
        run_id = trainings.plan(here.repository.resolve("HEAD"), args.model).run_id
        if store.find(run_id) is None:
            raise RunIsUnknown(
                f"The last commit's run ({run_id[:12]}) is not in the run store.",
                fix="Train it first: scripts/train.py",
            )
    found = store.get(run_id)
    code = here.state / "serve" / found.run_id[:12]
    serving = plan(
        here, commit=found.commit, model=found.model, run=store.folder(found.run_id), code=code,
        tell=progress.tell,
    )  # fmt: skip
    arguments = ["--port", str(args.port), "--host", args.host]
    if args.log:
        arguments += ["--log", str(args.log)]
    if args.dry_run:
        print(" ".join([*serving.argv, *arguments]))
        return
    print(f"serving run {found.run_id[:12]} of {found.model}: http://{args.host}:{args.port}",
          file=sys.stderr)  # fmt: skip
    _become(serving, arguments)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    script.add_repository(parser)
    parser.add_argument("--model", help="which one; needed when trainshed.yml has several")
    parser.add_argument("--run", help="run id, or its first digits")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--log", type=Path, help="folder of the inference log (default: none)")
    parser.add_argument("--dry-run", action="store_true", help="print the command, start nothing")
    return parser.parse_args(argv)


def _become(serving: Serving, arguments: Sequence[str]) -> None:
    """Turn into the server: signals and its exit code are then its own."""
    sys.stderr.flush()
    os.execve(serving.argv[0], [*serving.argv, *arguments], dict(serving.variables))  # noqa: S606


if __name__ == "__main__":
    raise SystemExit(script.run(main))
