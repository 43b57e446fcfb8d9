#!/usr/bin/env python3
"""Make the environment that Trainshed runs in, or find it again, and tell where its Python is.

Every environment is made from a lock file under the cache folder (TRAINSHED_CACHE, else
~/.cache/trainshed), with uv where it is installed, else with pip. It is shared by every clone and
made again only when its lock file changes.

parts, each an environment of its own:
  framework   what trainshed/ and scripts/ import: no ML library (the default)
  train       what pipelines/train.py imports
  serve       the HTTP server
  guide       train, serve and framework together, as in requirements.txt
  dev         all of that, with the test runner, linter and type checker
"""

import _framework  # noqa: F401  # isort: skip
import sys
from collections.abc import Sequence
from pathlib import Path

from trainshed import environment, github, script
from trainshed.settings import settings

ROOT = Path(__file__).resolve().parents[1]
LOCKS = {
    "framework": "requirements/framework.txt",
    "train": "requirements/train.txt",
    "serve": "requirements/serve.txt",
    "guide": "requirements.txt",
    "dev": "requirements/dev.txt",
}
EXAMPLES = """\
  python3 scripts/setup.py
  python3 scripts/setup.py --part framework --part train
  PYTHON=$(python3 scripts/setup.py --part dev --print-python)
"""


def main(argv: Sequence[str] | None = None) -> None:
    parser = script.parser(__doc__, examples=EXAMPLES)
    parser.add_argument(
        "--part",
        dest="parts",
        action="append",
        choices=LOCKS,
        help="which environment; repeat it for several (default: framework)",
    )
    parser.add_argument(
        "--print-python",
        action="store_true",
        help="print nothing but the path of each part's Python to standard output",
    )
    args = parser.parse_args(argv)

    parts = args.parts or ["framework"]
    pythons = {part: str(_ensure(part).python) for part in parts}
    if args.print_python:
        print("\n".join(pythons.values()))
        return
    github.set_output("python", pythons[parts[0]])
    if len(pythons) > 1:
        github.set_outputs({f"python-{part}": python for part, python in pythons.items()})


def _ensure(part: str) -> environment.Environment:
    return environment.ensure(
        [ROOT / LOCKS[part]], root=settings().environments, name=part, tell=_tell
    )


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
