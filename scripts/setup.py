#!/usr/bin/env python3
"""Make the environment that Trainshed runs in, or find it again, and tell where its Python is.

Every environment is made from a lock file under the cache folder (TRAINSHED_CACHE, else
~/.cache/trainshed), with uv where it is installed, else with pip. It is shared by every clone and
made again only when its lock file changes.

parts, each an environment of its own:
  framework   what trainshed/ and scripts/ import: no ML library (the default)
  train       what pipelines/train.py imports
  serve       the HTTP server
  statistics  what computes evidence and profiles; `compare` makes it itself, with framework's
  guide       train, serve and framework together, as in requirements.txt
  dev         all of that, with the test runner, linter and type checker
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from trainshed import environment, github, script
from trainshed.installation import Installation
from trainshed.settings import settings

ROOT = Path(__file__).resolve().parents[1]
LOCKS = {
    "framework": "requirements/framework.txt",
    "train": "requirements/train.txt",
    "serve": "requirements/serve.txt",
    "statistics": "requirements/statistics.txt",
    "guide": "requirements.txt",
    "dev": "requirements/dev.txt",
}
EXAMPLES = """\
  python3 scripts/setup.py
  python3 scripts/setup.py --part framework --part train
  PYTHON=$(python3 scripts/setup.py --part dev --print-python)
  python3 scripts/setup.py --describe .      what trainshed.yml holds, as the setup action tells it
"""


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    if args.print_cache is not None:
        _tell_cache(is_wanted=args.print_cache == "true", with_statistics=args.with_statistics)
    elif args.for_actions:
        _set_up_a_runner(args.training_python, with_statistics=args.with_statistics)
    elif args.describe is not None:
        _describe(args.describe)
    else:
        _make(args.parts or ["framework"], only_print=args.print_python)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
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
    parser.add_argument(
        "--for-actions",
        action="store_true",
        help="set up a runner: the framework's environment, its installer, TRAINSHED_PYTHON",
    )
    parser.add_argument(
        "--training-python", default="", help="with --for-actions: the Python that trains"
    )
    parser.add_argument(
        "--with-statistics",
        action="store_true",
        help="with --for-actions or --print-cache: what comparing needs as well",
    )
    parser.add_argument(
        "--print-cache",
        choices=["true", "false"],
        help="tell what of it a runner may cache, and its key; none when it shall not",
    )
    parser.add_argument(
        "--describe", type=Path, metavar="FOLDER", help="tell a project's models and environments"
    )
    return parser.parse_args(argv)


def _make(parts: Sequence[str], *, only_print: bool) -> None:
    pythons = {part: str(_ensure(part).python) for part in parts}
    if only_print:
        print("\n".join(pythons.values()))
        return
    github.set_output("python", pythons[parts[0]])
    if len(pythons) > 1:
        github.set_outputs({f"python-{part}": python for part, python in pythons.items()})


def _tell_cache(*, is_wanted: bool, with_statistics: bool) -> None:
    cache = Installation(settings().cache_folder, with_statistics).cache
    key = cache.key if is_wanted else ""
    github.set_outputs({"key": key, "paths": "\n".join(map(str, cache.paths))})


def _set_up_a_runner(training_python: str, *, with_statistics: bool) -> None:
    installation = Installation(settings().cache_folder)
    installer = installation.installer(tell=_tell)
    if installer is not None:
        github.add_path(installer)
        os.environ["PATH"] = f"{installer}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    python = str(installation.framework(tell=_tell).python)
    if with_statistics:
        installation.statistics(tell=_tell)
    github.set_variable("TRAINSHED_PYTHON", python)
    github.set_variable("TRAINSHED_TRAINING_PYTHON", training_python)
    github.set_output("python", python)


def _describe(folder: Path) -> None:
    from trainshed import description  # noqa: PLC0415  # it needs the framework's environment

    described = description.of(folder)
    github.set_outputs(
        {"models": described.models_json, "environments": described.environments_json}
    )


def _ensure(part: str) -> environment.Environment:
    return environment.ensure(
        [ROOT / LOCKS[part]], root=settings().environments, name=part, tell=_tell
    )


def _tell(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
