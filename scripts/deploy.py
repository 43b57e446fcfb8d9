#!/usr/bin/env python3
"""Make every environment run what it should; plan it, revert a release, or bring one back.

verbs:
  run      converge: a deleted tag or a revert mark becomes a tombstone, and the newest release that
           stands and was live there before goes live again, with no training and no build
  plan     print what is desired against what is live; change nothing
  status   per environment: release, age, health, data, metrics
  history  what went live when, what was reverted, by whom and why: from the ledger
  verify   whether every release that could go live again really could: image, labels, artifact
  revert   write a release's tombstone, then converge
  unrevert lift a release's tombstone and make the same tag again, then converge
"""

import _framework  # noqa: F401  # isort: skip
import argparse
import gc
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from trainshed import (
    deploy_report,
    ledger,
    project,
    reconcile,
    script,
    tags,
    times,
    tombstone,
)
from trainshed.announcement import Announcement
from trainshed.config_file import environments_of, model_of
from trainshed.deployment import Deployer
from trainshed.origin import Origin
from trainshed.progress import Progress
from trainshed.store import Store

EXAMPLES = """\
  git push --delete origin churn@v1.1.0 && scripts/deploy.py run     roll back
  scripts/deploy.py run --forward                move to the newest release (a release does this)
  scripts/deploy.py plan                         what would happen
  scripts/deploy.py revert churn@v1.1.0 --reason "complaints from support"
  scripts/deploy.py unrevert churn@v1.1.0 --reason "the cause was elsewhere"
"""


def main(argv: Sequence[str] | None = None) -> None:
    gc.disable()  # reading a ledger makes many objects and no garbage, and this ends soon
    args = _arguments(argv)
    here = project.open_at(args.repository)
    deployer = Deployer(
        project=here,
        origin=Origin(here.repository),
        store=Store(here),
        config=here.config(),
        progress=Progress(),
    )
    if args.model is not None:
        model_of(deployer.config, args.model)
    if args.verb in _LOOKS:
        _LOOKS[args.verb](deployer, args)
        return
    if args.verb == "plan" or args.dry_run:
        _plan(deployer, args)
        return
    why = "converge"
    if args.verb in _REVERTS:
        why = _revert(deployer, args)
    _run(deployer, args, why=why)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, what in (
        ("run", "make every environment run what it should"),
        ("plan", "print desired against live, change nothing"),
        ("status", "tell what runs where"),
        ("history", "tell what went live when, and what was reverted"),
        ("verify", "check that every standing release could go live again"),
        ("revert", "take a release back"),
        ("unrevert", "bring a release back"),
    ):
        one = verbs.add_parser(verb, help=what, description=what, allow_abbrev=False)
        script.add_repository(one)
        one.add_argument("--environment", help="only this one (default: all)")
        one.add_argument("--model", help="only this one (default: all)")
        one.add_argument("--dry-run", action="store_true", help="tell what would be done")
        if verb in _REVERTS:
            one.add_argument("tag", help="the release, such as churn@v1.1.0")
            one.add_argument("--reason", default="", help="why; kept in the ledger")
        elif verb not in _LOOKS:
            one.add_argument("--forward", action="store_true", help="move to the newest release")
        if verb == "revert":
            one.add_argument(
                "--unrevert", action="store_true", help="lift the tombstone instead: verb unrevert"
            )
        if verb not in {*_LOOKS, "plan"}:
            one.add_argument(
                "--only-ledger", action="store_true",
                help="write tombstones and deploy nothing, where no environment can be reached",
            )  # fmt: skip
    args = parser.parse_args(argv)
    args.lifts = args.verb == "unrevert" or getattr(args, "unrevert", False)
    return args


def _plan(deployer: Deployer, args: argparse.Namespace) -> None:
    world = deployer.origin.read()
    places = deployer.places(environment=args.environment, model=args.model)
    is_forward = getattr(args, "forward", False)
    plan = deployer.plan(world, places, is_forward=is_forward)
    if args.verb in _REVERTS:
        tag = tags.require(args.tag)
        verb = "lift" if args.lifts else "write"
        print(f"would {verb} the tombstone of {tag}, then converge", file=sys.stderr)
    print(deploy_report.plan_text(plan, world), end="")
    reconcile.require_an_origin(world, plan.standing)


def _status(deployer: Deployer, args: argparse.Namespace) -> None:
    from trainshed import status_report  # noqa: PLC0415  # a rollback needs none of it

    world = deployer.origin.read()
    places = deployer.places(environment=args.environment, model=args.model)
    rows = [(one.environment, one.model, one.current) for one in places]
    standing = reconcile.fold(world)
    text = status_report.status(rows, world.ledger, standing, now=datetime.now(UTC))
    print(text, end="")


def _history(deployer: Deployer, _args: argparse.Namespace) -> None:
    from trainshed import status_report  # noqa: PLC0415  # a rollback needs none of it

    commit = deployer.origin.read().ledger_commit
    events = ledger.events(deployer.project.repository, commit)
    print(status_report.history(events), end="")


def _verify(deployer: Deployer, args: argparse.Namespace) -> None:
    from trainshed import (  # noqa: PLC0415  # only this verb needs them
        status_report,
        targets,
        verification,
    )

    names = environments_of(deployer.config, args.environment)
    chosen = [deployer.config.environments[name] for name in names]
    standing = reconcile.fold(deployer.origin.read())
    models = [args.model] if args.model else sorted(standing.releases)
    releases = [one for model in models for one in standing.of(model)]
    tell = deployer.progress.tell
    checked = verification.verify(
        releases, deployer.store, connect=lambda: targets.engine_of(chosen), tell=tell
    )
    print(status_report.verified(checked), end="")
    verification.require(checked)


_LOOKS = {"status": _status, "history": _history, "verify": _verify}
_REVERTS = {"revert", "unrevert"}


def _revert(deployer: Deployer, args: argparse.Namespace) -> str:
    tag = tags.require(args.tag)
    who = deployer.project.who
    why = args.reason or "no reason was given"
    if args.lifts:
        did = tombstone.unrevert(deployer.origin, tag, who=who, why=why)
        told = "stands again" if did else "stands already"
    else:
        did = tombstone.revert(deployer.origin, tag, who=who, why=why)
        told = "is reverted" if did else "was reverted before"
    deployer.progress.tell(f"{tag} {told}: {why}")
    return f"{'unrevert' if args.lifts else 'revert'} {tag}: {why}"


def _run(deployer: Deployer, args: argparse.Namespace, *, why: str) -> None:
    if args.only_ledger:
        deployer.bury()
        return
    announcement = Announcement(deployer=deployer, environment=args.environment, model=args.model)
    began = times.now()
    try:
        plan = deployer.run(
            environment=args.environment,
            model=args.model,
            is_forward=getattr(args, "forward", False),
            why=why,
        )
        announcement.tell(plan)
    finally:
        announcement.publish(since=began)  # what did go live is told, though something else failed


if __name__ == "__main__":
    raise SystemExit(script.run(main))
