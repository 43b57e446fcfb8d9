"""The story of somebody who adopts Trainshed: init writes the files, and GitHub executes them.

The repository is not the framework: its project is a folder below the top, with packages of its
own. The actions come from a commit of Trainshed, downloaded as a runner does it: without a clone.
"""

import base64
import contextlib
import hashlib
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import containers
import pytest
import served_project
from act import project, world
from act.log import Result
from act.world import World
from github_double import ACTIONS
from github_double.things import Pull
from served_project import PREDICTOR, data

from trainshed.engine import Client
from trainshed.settings import settings

pytest_plugins = ["containers"]
pytestmark = pytest.mark.engine

TRAINSHED = "acme/trainshed"
COMMIT = "5ea1ed" + "0" * 34
FOLDER = "ml"

# It needs a package of its lock, and one that is there in no other environment.
TRAINER = """\
import argparse
import json
from pathlib import Path

import h11

parser = argparse.ArgumentParser()
parser.add_argument("--data", required=True)
parser.add_argument("--out", required=True)
args = parser.parse_args()

x, y = map(float, Path(args.data).read_text().split()[1].split(","))
Path(args.out).write_text(json.dumps({"factor": y / x}))
Path(f"{args.out}.schema").write_text('{"columns": [{"name": "x", "type": "number"}]}')
examples = [{"input": {"x": one}, "output": one * y / x} for one in (1.0, 7.5)]
Path(f"{args.out}.examples").write_text("".join(json.dumps(one) + "\\n" for one in examples))
print(f"dataset={args.data}")
print("metric.rmse=1.5")
print(f"artifact={args.out}")
print(f"schema={args.out}.schema")
print(f"examples={args.out}.examples")
"""
SERVE = "    serve: {predictor: service.predict:predict, include: [service/]}\n"


@pytest.fixture
def trainshed(tmp_path: Path) -> Path:
    """The framework as a runner downloads it."""
    return project.download(tmp_path / "trainshed")


@pytest.fixture
def github(engine_client: Client, tmp_path: Path, trainshed: Path) -> Iterator[World]:
    """A small GitHub with a repository that has a trainer and has never heard of Trainshed."""
    content = project.Content(
        files={
            "README.md": "Houses\n",
            f"{FOLDER}/training/fit.py": TRAINER,
            f"{FOLDER}/data/houses.csv": data(1),
            f"{FOLDER}/service/predict.py": PREDICTOR,
            f"{FOLDER}/requirements.txt": containers.LOCK,
        },
        model=containers.unique_name(),
        ports={project.ENVIRONMENT: served_project.free_port()},
    )
    with world.created(
        tmp_path, base_image=settings().base_image, content=content, actions={TRAINSHED: trainshed}
    ) as made:
        try:
            yield made
        finally:
            containers.remove_all(engine_client, made.model)


def init(github: World, trainshed: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    """Run scripts/init.py as a person does, in the project's folder."""
    return subprocess.run(
        [
            sys.executable, str(trainshed / "scripts/init.py"),
            f"--framework={TRAINSHED}@{COMMIT}", "--model", github.model,
            "--target", "y", "--metric", "rmse:minimize:max=5:tolerance=0.1",
            "--input", "training/", "--no-input",
            *(f"--environment={name}=docker:{port}" for name, port in github.content.ports.items()),
            *more,
        ],
        cwd=github.repo.folder / FOLDER, capture_output=True, text=True, check=True,
    )  # fmt: skip


def ran(results: list[Result]) -> list[tuple[str, str]]:
    return [(one.workflow, one.conclusion) for one in results]


def test_what_init_writes_releases_and_rolls_back_a_model_in_a_folder(
    github: World, trainshed: Path
) -> None:
    first, second = (f"{github.model}@v1.{one}.0" for one in (0, 1))
    assert not (trainshed / ".git").exists()

    # A person adopts it, and adds the one thing that init has no flag for.
    init(github, trainshed, "--image", containers.repository_of(github.model))
    config = github.repo.folder / FOLDER / "trainshed.yml"
    head, _, places = config.read_text().partition("environments:\n")
    config.write_text(f"{head}{SERVE}environments:\n{places}")
    written = github.repo.git("status", "--porcelain", "--untracked-files=all").splitlines()
    assert sorted(line.removeprefix("?? ") for line in written) == [
        ".github/workflows/comment.yml",
        ".github/workflows/deploy.yml",
        ".github/workflows/pull-request.yml",
        ".github/workflows/release.yml",
        f"{FOLDER}/.gitignore",
        f"{FOLDER}/trainshed.yml",
    ]

    # The pull request that brings it is trained already; main's comment.yml is not there yet.
    pull, opened = github.open_pull_request("adopt", {})
    assert ran(opened) == [("pull-request.yml", "success")], opened[0].log
    merged = github.merge(pull)
    assert ran(merged) == [("release.yml", "success")], merged[0].log
    assert github.answering() == first

    # A change: comment and status, then a release with its image, and it answers.
    pull, opened = github.open_pull_request("more", {f"{FOLDER}/data/houses.csv": data(2)})
    assert ran(opened) == [("pull-request.yml", "success"), ("comment.yml", "success")]
    (comment,) = github.github.comments.values()
    (status,) = github.github.statuses
    assert (comment.number, comment.author) == (pull.number, ACTIONS)
    assert "✅ **pass**" in comment.body
    assert (status.context, status.state) == (f"trainshed/{github.model}", "success")
    assert status.sha == pull.head_sha

    merged = github.merge(pull)
    assert ran(merged) == [("release.yml", "success")], merged[0].log
    assert github.tags() == [first, second]
    assert github.answering() == second
    image = str(github.manifest(second).image)
    assert image.startswith(f"{containers.repository_of(github.model)}@sha256:")
    assert github.manifest(second).dataset.path == "data/houses.csv"
    assert {one.tag_name for one in github.github.releases.values()} == {first, second}

    # The tag is deleted: the release before it answers, without training.
    deleted = github.delete_tags(second)
    assert ran(deleted) == [("deploy.yml", "success")], deleted[0].log
    assert github.answering() == first
    assert "metric.rmse" not in deleted[0].log

    # Without any tag left it may as well be another repository: what runs goes on, and it is told.
    deleted = github.delete_tags(first)
    assert ran(deleted) == [("deploy.yml", "failure")]
    assert "Every release that the ledger knows is gone from the origin" in deleted[0].log
    assert github.answering() == first


# Data that only a credential opens

KEY = "canary-key-of-the-data"
FETCH = """\
import os
import sys
import urllib.request
from pathlib import Path

request = urllib.request.Request("ADDRESS", headers={"Authorization": os.environ["DATA_KEY"]})
with urllib.request.urlopen(request) as answer:
    Path(sys.argv[1]).write_bytes(answer.read())
"""
# Encoded: act would blot a secret out.
CURIOUS = """\
import base64
import os

seen = [f"{name}={value}" for name, value in os.environ.items()]
print("SEEN " + base64.b64encode("\\n".join(seen).encode()).decode())
"""


@contextlib.contextmanager
def served(content: bytes) -> Iterator[tuple[str, list[int]]]:
    """Serve data to whoever has the key; yield its address, and how each request was answered."""
    answered: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = 200 if self.headers.get("Authorization") == KEY else 403
            answered.append(status)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content if status == 200 else b"")

        def log_message(self, *arguments: object) -> None:
            """Stay quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/houses.csv", answered
        server.shutdown()
        thread.join()


def seen_by_trainers(result: Result) -> list[str]:
    return [base64.b64decode(one).decode() for one in re.findall(r"SEEN (\S+)", result.log)]


def test_only_the_fetch_command_gets_a_credential_and_a_fork_waits_for_a_maintainer(
    tmp_path: Path, trainshed: Path
) -> None:
    houses = data(1).encode()
    content = project.Content(files={}, model=containers.unique_name(), ports={})
    with (
        served(houses) as (address, answered),
        world.created(
            tmp_path,
            base_image=None,
            content=replace(
                content,
                files={
                    f"{FOLDER}/training/fit.py": CURIOUS + TRAINER.replace("import h11\n", ""),
                    f"{FOLDER}/training/fetch.py": FETCH.replace("ADDRESS", address),
                },
            ),
            actions={TRAINSHED: trainshed},
            environments={"data": {"DATA_KEY": KEY}},
        ) as github,
    ):
        init(
            github, trainshed, "--no-serve", "--data", "data/houses.csv",
            "--fetch", "python3 training/fetch.py {data}",
            "--sha256", hashlib.sha256(houses).hexdigest(),
            "--data-environment", "data", "--fetch-secret", "DATA_KEY",
        )  # fmt: skip

        # Here a pull request fetches with the credential, and so does a merge.
        pull, opened = github.open_pull_request("adopt", {})
        assert ran(opened) == [("pull-request.yml", "success")], opened[0].log
        assert answered == [200]
        assert_no_credential(opened[0])
        merged = github.merge(pull)
        assert ran(merged) == [("release.yml", "success")], merged[0].log
        assert answered == [200, 200]
        assert_no_credential(merged[0])

        # A fork's cannot: the status says who can run it.
        change = {f"{FOLDER}/training/better.txt": "better\n"}
        theirs, opened = github.open_pull_request("afar", change, from_fork=True)
        assert ran(opened) == [("pull-request.yml", "failure"), ("comment.yml", "success")]
        assert answered == [200, 200], "there was no key to ask with"
        state, description = status_of(github, theirs)
        assert state == "error"
        assert "a maintainer must run it" in description
        (comment,) = github.github.comments.values()
        branch = f"fork-{theirs.head_sha[:12]}"
        assert f"git push origin {theirs.head_sha}:refs/heads/{branch}" in comment.body

        # A maintainer does what it says, and the same commit turns green.
        _, opened = github.take_in(theirs, branch)
        assert ran(opened) == [("pull-request.yml", "success"), ("comment.yml", "success")]
        assert answered == [200, 200, 200]
        assert_no_credential(opened[0])
        assert status_of(github, theirs)[0] == "success"


def assert_no_credential(result: Result) -> None:
    """Check that a trainer ran and saw no credential, under whatever name."""
    seen = seen_by_trainers(result)
    assert seen, result.log
    assert not [one for one in seen if KEY in one or "DATA_KEY" in one or "TRAINSHED_FETCH" in one]


def status_of(github: World, pull: Pull) -> tuple[str, str]:
    """Return state and description of the newest status of a pull request's head."""
    mine = [one for one in github.github.statuses if one.sha == pull.head_sha]
    return mine[-1].state, mine[-1].description or ""
