#!/usr/bin/env python3
"""Play the whole journey on this machine, in a throwaway clone, and check that every step is true.

First release, a pull request with more data, its merge, a pull request with a worse model, a tag
deleted, a deleted tag pushed back. It ends with a table, and exits with 1 if a step was not true.
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from trainshed import git, script, terminal
from trainshed.demo import Demo
from trainshed.demo_stage import registry_of_this_machine, stage
from trainshed.progress import Progress

EXAMPLES = """\
  make demo
  scripts/demo.py --keep      leave the clone and its origin behind, to look into
  scripts/demo.py --verbose   show what every script says
"""


def main(argv: Sequence[str] | None = None) -> None:
    parser = script.parser(__doc__, examples=EXAMPLES)
    parser.add_argument("--keep", action="store_true", help="leave the throwaway folder behind")
    parser.add_argument("--verbose", action="store_true", help="show what every script says")
    args: argparse.Namespace = parser.parse_args(argv)

    source = git.discover(Path(__file__).resolve().parent)
    progress = Progress(stream=sys.stdout, is_verbose=args.verbose)
    registry, why = registry_of_this_machine()
    print(f"Trainshed demo, {why}", flush=True)
    try:
        with stage(source, registry=registry, is_kept=args.keep) as made:
            if args.keep:
                print(f"The clone and its origin stay in {made.folder}", flush=True)
            Demo(made, progress, show=terminal.markdown).play()
    finally:
        terminal.table_of_steps(progress.steps)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
