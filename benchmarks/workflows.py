"""The workflows themselves, executed with act: an unchanged pull request, and a rollback.

What is GitHub's own (starting a machine, checking out, its caches) is played by stand-ins that take
no time; what is measured is ours: setting up, and all steps of our actions.
"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT, Context, Measurement, benchmark
from trainshed import engine
from trainshed.settings import settings


@benchmark("workflow.pull_request.noop", unit="s", aim=10.0, better="lower")
def noop(context: Context) -> Measurement:
    """pull-request.yml where nothing changed: environment and both runs come from the cache."""
    with _github(context) as (github, data):
        _release(github, data(1), "first")
        pull, _ = github.open_pull_request("notes", {"NOTES.md": "0\n"})
        took = []
        for turn in range(context.repeat):
            context.tell(f"pull request, {turn + 1} of {context.repeat}")
            ran, *_ = github.push_again(pull, {"NOTES.md": f"{turn + 1}\n"})
            _tell_steps(context, ran)
            took.append(ran.seconds)
    return Measurement(value=sorted(took)[len(took) // 2])


@benchmark("workflow.rollback", unit="s", aim=10.0, better="lower")
def rollback(context: Context) -> Measurement:
    """deploy.yml from the deleted tag until the release before it answers.

    The machine starts with no environment and no package: a job whose token writes makes
    Trainshed's anew. Here one machine plays both jobs: one of them makes it, the other finds it.
    """
    with _github(context) as (github, data):
        took = []
        for turn in range(context.repeat):
            context.tell(f"two releases, {turn + 1} of {context.repeat}")
            _release(github, data(2 * turn + 1), f"first-{turn}")
            before = github.answering()
            _release(github, data(2 * turn + 2), f"second-{turn}")
            context.tell(f"rollback, {turn + 1} of {context.repeat}")
            took.append(
                _roll_back(context, github, str(before), context.scratch / f"runner-{turn}")
            )
    return Measurement(value=sorted(took)[len(took) // 2])


def _roll_back(context: Context, github: Any, before: str, runner: Path) -> float:
    """Return the seconds from the event on; the runner is a fresh one, without any cache."""
    service = github.service
    fresh = {
        "TRAINSHED_CACHE": str(runner / "trainshed"),
        "UV_CACHE_DIR": str(runner / "uv"),
        "PIP_CACHE_DIR": str(runner / "pip"),
    }
    act = replace(service.act, environment={**service.act.environment, **fresh})
    github.service = replace(service, act=act)
    answered: list[float] = []
    start = time.perf_counter()
    watching = threading.Thread(target=_watch, args=(github, before, answered), daemon=True)
    watching.start()
    try:
        results = github.delete_tags(str(github.answering()))
    finally:
        github.service = service
    watching.join(timeout=60)
    for ran in results:
        _tell_steps(context, ran)
    return answered[0] - start


def _watch(github: Any, release: str, answered: list[float]) -> None:
    while github.answering() != release:
        time.sleep(0.01)
    answered.append(time.perf_counter())


def _release(github: Any, table: str, branch: str) -> None:
    """Merge new data, which is released and deployed."""
    pull = github.branch(branch, {"data/train.csv": table})
    (ran,) = github.merge(pull)
    assert ran.conclusion == "success", ran.log


def _tell_steps(context: Context, ran: Any) -> None:
    for line in ran.table().splitlines():
        context.tell(line)


@contextmanager
def _github(context: Context) -> Iterator[tuple[Any, Any]]:
    """Yield the small GitHub that the tests play with, and what makes its data."""
    sys.path.insert(0, str(ROOT / "tests"))
    import containers  # noqa: PLC0415  # the tests' own, found by the line above
    from act import world  # noqa: PLC0415
    from served_project import data  # noqa: PLC0415

    base_image = settings().base_image
    with world.created(context.scratch / "github", base_image=base_image) as made:
        try:
            yield made, data
        finally:
            containers.remove_all(engine.connect(), made.model)
