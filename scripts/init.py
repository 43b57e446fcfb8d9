#!/usr/bin/env python3
"""Adopt Trainshed in a repository that has a trainer.

Writes trainshed.yml, the workflows (their actions pinned to a commit of Trainshed) and a line of
.gitignore. It looks for trainers, data and lock files, asks what it cannot see (at a terminal) or
takes flags, and shows the whole diff first. A file that is there and differs is never overwritten
without --force. With a trainshed.yml that is there already, only the workflows are brought up to
date.
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainshed import (
    adoption,
    adoption_facts,
    adoption_files,
    adoption_framework,
    adoption_place,
    adoption_probe,
    dataset,
    script,
)
from trainshed.adoption import Choices
from trainshed.adoption_asking import AtTerminal, Nobody
from trainshed.adoption_facts import Facts
from trainshed.adoption_files import Change
from trainshed.adoption_flags import Flags
from trainshed.adoption_questions import Questions
from trainshed.project import Project

EXAMPLES = """\
  scripts/init.py                        at a terminal: asks, shows the diff, asks again
  scripts/init.py --dry-run --model churn --target churn --metric f1:maximize:min=0.8
  scripts/init.py --model churn --target churn --metric f1:maximize --probe \\
    --environment production=docker:8080                       trains once: is f1 printed?
  scripts/init.py --force                later: bring the workflows to this copy of Trainshed
  scripts/init.py --model churn --data data/big.parquet --fetch 'dvc pull data/big.parquet' \\
    --data-environment data --fetch-secret AWS_ACCESS_KEY_ID --fetch-secret AWS_SECRET_ACCESS_KEY
"""


@dataclass(frozen=True, kw_only=True)
class Session:
    """Where init works, and whether a person is there."""

    here: Project
    facts: Facts
    args: argparse.Namespace

    @property
    def is_interactive(self) -> bool:
        return sys.stdin.isatty() and not self.args.no_input


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    here = adoption_place.open_at(args.repository)
    session = Session(here=here, facts=adoption_facts.find(here.folder), args=args)
    found = adoption_framework.of(args.framework)
    for note in found.notes:
        _tell(f"note: {note}")
    wanted = adoption.files(
        _choices(session),
        place=adoption_place.of(here, branch=args.branch),
        framework=found.framework,
        fetching=adoption_place.fetching(
            here, environment=args.data_environment, secrets=tuple(args.fetch_secret)
        ),
    )
    changes = adoption_files.compare(here.repository.folder, wanted)
    print(adoption_files.shown(changes), end="", flush=True)
    if args.dry_run or all(change.kind == "same" for change in changes):
        _tell("nothing was written" if args.dry_run else "everything is there already")
        return
    if not args.force:
        adoption_files.require_no_loss(changes)
    if not session.is_interactive or args.yes or _confirmed():
        adoption_files.write(here.repository.folder, changes, state=here.state)
        _tell_next(changes)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    script.add_repository(parser)
    model = parser.add_argument_group("the model")
    model.add_argument("--model", metavar="NAME", help="lower-case letters, digits and hyphens")
    model.add_argument("--trainer", metavar="PATH", help="the program that trains")
    model.add_argument("--train", metavar="COMMAND", help="how to start it, with {data} and {out}")
    model.add_argument("--data", metavar="PATH", help="a tracked file or folder, or a fetched one")
    model.add_argument("--fetch", metavar="COMMAND", help="what brings data that is not in git")
    model.add_argument(
        "--sha256", metavar="DIGEST", help="of fetched data (default: as it is here)"
    )
    model.add_argument("--target", metavar="COLUMN", help="what is predicted, or `none`")
    model.add_argument(
        "--metric", action="append", default=[], metavar="NAME:DIRECTION",
        help="such as f1:maximize:min=0.8:tolerance=0.01; repeat it for several",
    )  # fmt: skip
    model.add_argument("--probe", action="store_true", help="train once to see the metrics")
    model.add_argument("--out", metavar="PATH", help="where the trainer writes (default: models/)")
    model.add_argument(
        "--input", action="append", default=[], metavar="PATH",
        help="what training may read, repeatable (default: the whole tree)",
    )  # fmt: skip
    model.add_argument("--lock", metavar="PATH", help="its packages, or `none`")
    model.add_argument("--image", metavar="NAME", help="such as ghcr.io/{owner}/churn, or `none`")
    model.add_argument("--no-serve", action="store_true", help="it is registered, not served")
    _add_places(parser)
    parser.add_argument("--dry-run", action="store_true", help="show the diff, write nothing")
    parser.add_argument("--force", action="store_true", help="also change files that are there")
    parser.add_argument("--yes", action="store_true", help="do not ask before writing")
    parser.add_argument("--no-input", action="store_true", help="ask nothing, even at a terminal")
    return parser.parse_args(argv)


def _add_places(parser: argparse.ArgumentParser) -> None:
    places = parser.add_argument_group("where it runs")
    places.add_argument(
        "--environment", action="append", default=[], metavar="NAME=TARGET:PORT",
        help="such as production=docker:8080; repeatable, in their order",
    )  # fmt: skip
    places.add_argument("--branch", help="the default branch (default: the origin's)")
    places.add_argument(
        "--framework", metavar="OWNER/REPO@COMMIT",
        help="the Trainshed that the workflows use (default: this copy's origin and commit)",
    )  # fmt: skip
    places.add_argument(
        "--data-environment", metavar="NAME",
        help="GitHub environment with the credentials of `fetch:`; forks do not get it",
    )  # fmt: skip
    places.add_argument(
        "--fetch-secret", action="append", default=[], metavar="NAME",
        help="a secret of that environment that `fetch:` gets; repeatable",
    )  # fmt: skip


def _choices(session: Session) -> Choices | None:
    args, facts = session.args, session.facts
    flags = Flags(
        model=args.model,
        trainer=args.trainer,
        train=args.train,
        data=args.data,
        fetch=args.fetch,
        sha256=args.sha256,
        target=args.target,
        metrics=tuple(args.metric),
        out=args.out,
        inputs=tuple(args.input),
        lock=args.lock,
        image=args.image,
        is_served=not args.no_serve,
        environments=tuple(args.environment),
    )
    if facts.has_config and not flags.are_given:
        session.here.config()  # it stays; a mistake in it is told now
        return None
    questions = Questions(
        facts=facts,
        asker=AtTerminal() if session.is_interactive else Nobody(),
        tell=_tell,
        probe=(lambda chosen: _probed(session.here, chosen)) if args.probe else None,
        digest=lambda path: _digest(session.here.folder / path),
        is_interactive=session.is_interactive,
    )
    return questions.answer(flags)


def _digest(data: Path) -> str | None:
    return dataset.digest(data).sha256 if data.exists() else None


def _probed(here: Project, chosen: Choices) -> Mapping[str, float]:
    return adoption_probe.metrics(
        here,
        train=chosen.train,
        data=chosen.data,
        lock=chosen.lock,
        inputs=chosen.inputs,
        model=chosen.model,
        tell=_tell,
    )


def _confirmed() -> bool:
    if input("\nWrite these files? [y/N] ").strip().lower() in {"y", "yes"}:
        return True
    _tell("nothing was written")
    return False


def _tell_next(changes: Sequence[Change]) -> None:
    written = [change.path for change in changes if change.kind != "same"]
    _tell(f"wrote {', '.join(written)}")
    _tell("next: commit and push them, then let scripts/doctor.py look at the settings on GitHub")


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(script.run(main))
