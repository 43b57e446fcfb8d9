#!/usr/bin/env python3
"""Release the newest commit of main: train or find its run, ask the gate, push an annotated tag.

The tag and its ledger record go to the origin in one atomic push. Where nothing is to release (the
run is released already, main has moved on, the gate blocks), that is told, and the exit code is 0.

With a token for GitHub the release gets its page there. When that fails, the release stands all the
same and the exit code is 4: run it again, and what is missing is completed.
"""

import _framework  # noqa: F401  # isort: skip
import argparse
from collections.abc import Sequence

from trainshed import comparison_summary, git, github, project, script
from trainshed.config import Model
from trainshed.config_file import model_of
from trainshed.inquiry import Inquiries
from trainshed.manifest import Override
from trainshed.origin import Origin
from trainshed.progress import Progress
from trainshed.project import Project
from trainshed.release import Released, Releases
from trainshed.run import Run
from trainshed.settings import settings
from trainshed.statistician import Statistician
from trainshed.store import Store
from trainshed.training import Trainings

EXAMPLES = """\
  scripts/release.py                     release the only model from the origin's newest commit
  scripts/release.py --model churn
  scripts/release.py --dry-run           tell version, verdict and manifest; push nothing
  scripts/release.py --no-train          only release a run that an earlier job made
  scripts/release.py --override "why"    release although the gate blocks; the manifest says so
  scripts/deploy.py run --forward        afterwards: move the environments to it
"""


def main(argv: Sequence[str] | None = None) -> None:
    args = _arguments(argv)
    progress = Progress()
    here = project.open_at(args.repository)
    git.require_clean(here.repository)
    trainings = Trainings(
        project=here,
        store=Store(here),
        tell=progress.tell,
        output=progress.folded,
        may_train=not args.no_train,
    )
    origin = Origin(here.repository)
    statistician = Statistician(tell=progress.tell)
    releases = Releases(
        project=here,
        origin=origin,
        trainings=trainings,
        inquiries=Inquiries(trainings=trainings, statistician=statistician, origin=origin),
        packages=lambda run, chosen: _package(trainings, run, chosen),
    )
    commit = here.repository.resolve(args.commit) if args.commit else None
    model = model_of(here.config_at(commit) if commit else here.config(), args.model)
    with statistician, progress.step(f"Releasing {model}") as step:
        released = releases.release(
            model,
            commit=commit,
            is_dry=args.dry_run,
            override=_override(args.override, here),
            gated=comparison_summary.show,
        )
        step.result = released.told
    _tell(released)
    if not args.dry_run:
        _publish(releases, released, progress)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = script.parser(__doc__, examples=EXAMPLES)
    script.add_repository(parser)
    parser.add_argument("--model", help="which one; needed when trainshed.yml has several")
    parser.add_argument("--commit", help="an older commit of main (default: its newest)")
    parser.add_argument("--dry-run", action="store_true", help="decide everything, push nothing")
    parser.add_argument(
        "--no-train",
        action="store_true",
        help="fail where the run is not in the run store: a job with a token does not train",
    )
    parser.add_argument(
        "--override",
        metavar="REASON",
        help="release although the gate blocks; reason and person go into the manifest",
    )
    return parser.parse_args(argv)


def _override(reason: str | None, here: Project) -> Override | None:
    if reason is None:
        return None
    return Override(reason=reason, who=settings().actor or here.repository.identity())


def _package(trainings: Trainings, run: Run, chosen: Model) -> str:
    from trainshed.package import Packages  # noqa: PLC0415  # only a model with an image needs it

    packages = Packages(project=trainings.project, store=trainings.store, tell=trainings.tell)
    return packages.package(run, chosen).reference


def _tell(released: Released) -> None:
    manifest, compared = released.manifest, released.comparison
    if released.kind == "would-release" and manifest is not None:
        print(manifest.to_json(), end="")
    github.set_outputs(
        {
            "result": released.kind,
            "tag": str(manifest.tag) if manifest else "",
            "verdict": compared.verdict if compared else "",
            "commit": released.commit,
            "image": (manifest.image or "") if manifest else "",
        }
    )


def _publish(releases: Releases, released: Released, progress: Progress) -> None:
    """Give the release its page at GitHub, and complete the pages of those before it."""
    hub = settings().github
    if hub is None:
        return
    from trainshed.published_releases import PublishedReleases  # noqa: PLC0415  # only for GitHub

    pages = PublishedReleases.at(
        hub, project=releases.project, origin=releases.origin, tell=progress.tell
    )
    with progress.step("Publishing at GitHub") as step:
        changed = pages.settle(releases.origin.read(), first=released.manifest)
        step.result = ", ".join(changed) or "nothing to do"


if __name__ == "__main__":
    raise SystemExit(script.run(main))
