"""More stories that the real workflow files play: several models, a hostile fork, caches, secrets.

As in test_story, everything that is not GitHub itself is real.
"""

import contextlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import containers
import pytest
import repositories
import results
from act import project, world
from act.log import Result
from act.world import CANARY, World
from github_double import ACTIONS
from github_double.things import Pull
from served_project import PREDICTOR, TRAINER, data

from trainshed import result
from trainshed.engine import Client
from trainshed.settings import settings
from trainshed.trainer import TrainerFailed

pytest_plugins = ["containers"]
pytestmark = pytest.mark.engine

Create = Callable[..., World]

BOTH = [("pull-request.yml", "success"), ("comment.yml", "success")]

# All well while it is packaged; released as v1.2.0 it ends at once.
SICK = f"""\
import io
import json
import os

released = json.loads(os.environ.get("TRAINSHED_MANIFEST", "{{}}")).get("version")
{PREDICTOR.replace("def load", "def _load")}

def load(path):
    if released == "1.2.0":
        raise RuntimeError("no such column")
    _load(path)
"""


@pytest.fixture
def create(engine_client: Client, tmp_path: Path) -> Iterator[Create]:
    """Create a small GitHub; what it started is removed."""
    with contextlib.ExitStack() as stack:

        def enter(**arguments: Any) -> World:
            made = stack.enter_context(
                world.created(tmp_path, base_image=settings().base_image, **arguments)
            )
            stack.callback(containers.remove_all, engine_client, made.model)
            return made

        yield enter


def ran(those: list[Result]) -> list[tuple[str, str]]:
    return [(one.workflow, one.conclusion) for one in those]


def status_of(github: World, commit: str) -> tuple[str, str]:
    """Return state and description of a commit's newest status."""
    mine = [one for one in github.github.statuses if one.sha == commit]
    assert {one.context for one in mine} == {f"trainshed/{github.model}"}
    return mine[-1].state, mine[-1].description or ""


def bodies(github: World, pull: Pull) -> list[str]:
    mine = [one for one in github.github.comments.values() if one.number == pull.number]
    assert {one.author for one in mine} <= {ACTIONS}
    return [one.body for one in mine]


# Several models and environments


def answering(github: World) -> list[str | None]:
    return [github.answering(one) for one in ("staging", "production")]


def live(github: World, tag: str) -> list[tuple[str, str]]:
    """Return where a release was deployed, in order, and what came of it, as GitHub knows it."""
    found = [one for one in github.github.deployments.values() if one.payload["tag"] == tag]
    return [(one.environment, one.state) for one in found]


def test_a_release_goes_through_both_environments_and_a_broken_one_stops_at_the_first(
    create: Create,
) -> None:
    lifetime = repositories.model_section("lifetime")
    content = project.tiny("staging", "production", models={"lifetime": lifetime})
    files = {**content.files, **repositories.model_files("lifetime"), "app/predict.py": SICK}
    github = create(content=replace(content, files=files))
    first, second, third = (f"{github.model}@v1.{one}.0" for one in range(3))

    # A merge releases both models, and one of them is served: staging first, then production.
    pull, opened = github.open_pull_request("first", {"data/train.csv": data(1) + "3,6\n"})
    assert ran(opened) == BOTH
    assert len(bodies(github, pull)) == 2
    (merged,) = github.merge(pull)
    assert merged.conclusion == "success", merged.log
    assert github.tags() == sorted([first, "lifetime@v1.0.0"])
    assert answering(github) == [first, first]
    assert live(github, first) == [("staging", "success"), ("production", "success")]
    jobs = [job for job in merged.jobs if "Deploy to" in job]
    assert re.findall(r"Deploy to (\w+)", " ".join(jobs)) == ["staging", "production"]

    github.release_again(first, as_=second)
    github.tick()
    assert answering(github) == [second, second]

    # What is broken ends in staging, where the release before it goes on; production is not asked.
    (broken,) = github.merge(github.branch("third", {"data/train.csv": data(3)}))
    assert broken.conclusion == "failure"
    assert third in github.tags()
    assert answering(github) == [second, second]
    assert live(github, third) == [("staging", "failure")]

    # A deleted tag rolls back both.
    (deleted,) = github.delete_tags(second)
    assert deleted.conclusion == "success", deleted.log
    assert answering(github) == [first, first]
    assert "lifetime@v1.0.0" in github.tags()


# The tests of the framework itself


def test_self_ci_runs_from_a_full_checkout(create: Create, tmp_path: Path) -> None:
    own = ".github/workflows/self-ci.yml"
    files = {
        name: what
        for name, what in project.everything().items()
        if name == own or not name.startswith(".github/workflows/")
    }
    github = create(
        content=project.Content(files=files, model=containers.unique_name(), ports={}),
        programs=shims(tmp_path / "programs"),
    )
    recorder = github.repo.folder / ".ci/run"
    recorder.write_text(RECORDER)
    recorder.chmod(0o755)
    github.repo.commit_and_push({}, "Record instead")
    github.repo.git("tag", "v1.0.0")
    github.repo.push("v1.0.0")

    pull, opened = github.open_pull_request("change", {"README.md": "another\n"})
    merged = github.merge(pull)

    for those in (opened, merged):
        assert ran(those) == [("self-ci.yml", "success")], those[0].log
        assert "sudo --preserve-env=CI .ci/run" in those[0].log
        assert "recorded CI=true commits=4 tags=v1.0.0 changes=0 another" in those[0].log
    assert repositories.cmd.run(
        ["git", "ls-files", "--stage", ".ci/run"], cwd=project.ROOT
    ).out.startswith("100755"), "sudo starts it as a program"


RECORDER = """\
#!/usr/bin/env bash
set -euo pipefail
changes=$(git status --porcelain | wc -l)
commits=$(git rev-list --count HEAD)
echo "recorded CI=${CI} commits=${commits} tags=$(git tag) changes=${changes} $(cat README.md)"
"""

# It drops the environment but for what it is told to keep, as sudo does.
SUDO = """\
#!/bin/sh
echo "sudo $*"
[ "$1" = --preserve-env=CI ] && shift || exit 64
exec env -i PATH="$PATH" HOME="$HOME" CI="$CI" "$@"
"""


def shims(folder: Path) -> Path:
    """Make a folder with a sudo, which this machine may lack."""
    folder.mkdir()
    (folder / "sudo").write_text(SUDO)
    (folder / "sudo").chmod(0o755)
    return folder


# What a stranger's code uploads

STRANGERS_WORKFLOW = """\
name: Pull request
on: pull_request
jobs:
  experiment:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1
      - run: python3 hostile.py
        env:
          HEAD: ${{ github.event.pull_request.head.sha }}
"""
# At GitHub a job speaks to the storage with a token of its runtime, and sends what it likes.
STRANGERS_CODE = """\
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

env = os.environ
folder = Path(env["STAND_IN_STORE"]) / "artifacts" / env["GITHUB_RUN_ID"]
folder.mkdir(parents=True)
with zipfile.ZipFile("hostile.zip") as said, zipfile.ZipFile(folder / NAME, "w", 8) as sent:
    for one in said.namelist():
        sent.writestr(one, said.read(one).replace(b"ab" * 20, env["HEAD"].encode()))
"""
COMMANDS = (
    "\x1b[2J##[add-mask]trainshed\r::add-mask::trainshed\n::set-output name=verdicts::{}\n"
    "::set-env name=PATH::/tmp/evil\n::stop-commands::x\n\x1b]0;owned\x07\x1b[2J"
    "%0A::error::owned\n\n```\n<img src=x onerror=alert(1)> @octo-lab/everyone\n[x](https://evil)"
)
OBEYED = {"set-output", "set-env", "summary"}
"""What comment.yml says to GitHub by files, whatever it is told."""


def archive(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return buffer.getvalue()


def test_what_a_hostile_fork_uploads_is_refused_and_does_nothing(
    create: Create, tmp_path: Path
) -> None:
    github = create()
    outside = tmp_path / "outside"
    files = {
        ".github/workflows/pull-request.yml": STRANGERS_WORKFLOW,
        "hostile.py": STRANGERS_CODE.replace("NAME", f'"trainshed-{github.model}.zip"'),
    }
    pull = github.branch("evil$(touch${IFS}owned)`id`", files, from_fork=True)

    def upload(members: Mapping[str, bytes]) -> Result:
        """Push once more, let the stranger's workflow upload this, and return comment.yml's run."""
        theirs, ours = github.push_again(pull, {"hostile.zip": archive(members)})
        assert (theirs.workflow, theirs.conclusion) == ("pull-request.yml", "success"), theirs.log
        assert (ours.workflow, ours.conclusion) == ("comment.yml", "success"), ours.log
        return ours

    def of(made: result.Result, change: Callable[[Any], object] | None = None) -> bytes:
        return results.content(made, change).replace(b"churn", github.model.encode())

    def lie(document: Any) -> None:
        for side in (document["comparison"]["candidate"], document["run"]):
            side["metrics"] = {COMMANDS: 1.0}

    elsewhere = {f"../../../..{outside}": b"1", str(outside): b"1", "result.json/": b""}
    told = results.failed(TrainerFailed(COMMANDS, fix=COMMANDS))
    refused = {
        "is of another commit": {"result.json": of(results.compared(head="ee" * 20))},
        "has more than 8388608 bytes": {"result.json": b" " * (result.LARGEST + 1) + b"{}"},
        "does not hold one result.json": elsewhere,
        "names a metric or a parameter as no trainer may": {
            "result.json": of(results.compared(), lie)
        },
    }
    for says, members in refused.items():
        ran = upload(members)
        state, description = status_of(github, pull.head_sha)
        assert (state, description[:12]) == ("error", "not believed")
        (body,) = bodies(github, pull)
        assert says in body
        assert_nothing_happened(github, ran, verdict="not-believed")

    # A failure is told in the stranger's words: it is a text, and nothing else.
    ran = upload({"result.json": of(told), **elsewhere})
    state, description = status_of(github, pull.head_sha)
    assert (state, description[:16]) == ("error", "trainer-failed: ")
    (body,) = bodies(github, pull)
    outside_of_fences = re.sub(r"(?s)(`{3,})text\n.*?\n\1\n", "", body)
    for raw in ("::", r"##\[", r"(?<!\\)<img", "@octo-lab", "https://evil"):
        assert not re.search(raw, outside_of_fences), raw
    assert_nothing_happened(github, ran, verdict="failed")

    assert not outside.exists()
    assert not list(tmp_path.rglob("owned"))
    assert github.tags() == []
    experiments = [one for one in github.repo.ledger_paths() if "experiment" in one]
    assert experiments == [], "nothing of it is on record"


def assert_nothing_happened(github: World, ran: Result, *, verdict: str) -> None:
    """Check that comment.yml obeyed nothing that it was told, and told no secret."""
    assert set(ran.commands) == OBEYED
    assert ran.output("comment", "verdicts") == json.dumps({github.model: verdict})
    assert ran.annotations == ()
    described = [str(one.description) for one in github.github.statuses]
    said = [one.body for one in github.github.comments.values()]
    for text in (ran.log, *ran.summaries, *said, *described):
        assert "\x1b" not in text
        assert "\x07" not in text
        for secret in (*CANARY.values(), "ghs_"):
            assert secret not in text


def test_a_comment_arrives_once_although_github_fails_three_times(create: Create) -> None:
    github = create()
    fault = github.service.double.faults.add(
        method="POST", path=r"/issues/\d+/comments$", status=500, times=3
    )

    pull, opened = github.open_pull_request("more-data", {"data/train.csv": data(2)})

    assert ran(opened) == BOTH
    assert fault.count == 3
    (body,) = bodies(github, pull)
    assert "✅ **pass**" in body
    assert status_of(github, pull.head_sha)[0] == "success"


# What is trained once


def test_a_run_is_found_by_those_who_may_have_it_and_by_nobody_else(create: Create) -> None:
    content = project.tiny(image=None, serve="none")
    training = TRAINER + "print('TRAINED ' + Path('pipelines/f1.txt').read_text())\n"
    github = create(
        content=replace(content, files={**content.files, "pipelines/train.py": training})
    )

    def trained(ran: Result) -> list[str]:
        """Return what the trainer itself printed, each time that it ran."""
        return re.findall(r"TRAINED (\S+)", ran.log)

    # Nobody has trained anything: the candidate and what it changes are trained.
    pull, (first, _) = github.open_pull_request("better", {"pipelines/f1.txt": "0.91\n"})
    assert trained(first) == ["0.91", "0.9"]

    # Nothing changed: nothing is trained.
    again, _ = github.push_again(pull, {})
    assert again.is_ok
    assert trained(again) == []
    assert [again.output("compare", name) for name in ("found", "base-found")] == ["true", "true"]

    # Main trains by itself what the pull request trained before: it may not read that.
    (merged,) = github.merge(pull)
    assert merged.is_ok
    assert trained(merged) == ["0.91"]
    assert merged.output("train", "found") == "false"
    assert github.tags() == [f"{github.model}@v1.0.0"]

    # Another pull request finds what main trained, also one from a fork.
    for name, better, is_fork in (("best", "0.92", False), ("afar", "0.93", True)):
        _, (other, _) = github.open_pull_request(
            name, {"pipelines/f1.txt": f"{better}\n"}, from_fork=is_fork
        )
        assert trained(other) == [better]
        assert other.output("compare", "found") == "false"
        assert other.output("compare", "base-found") == "true"
