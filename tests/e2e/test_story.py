"""The story of a model on GitHub, played by the real workflow files.

Everything that is not GitHub itself is real: git, registry, engine, the image, the live port.
"""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import containers
import pytest
from act import world
from act.log import Result
from act.world import CANARY, World
from github_double import ACTIONS
from github_double.things import Deployment, Pull, Status
from served_project import TRAINER, data

from trainshed.engine import Client
from trainshed.settings import settings

pytest_plugins = ["containers"]

# A stranger's trainer that tells all that it can see. Encoded: act would blot a secret out.
CURIOUS = """\
import base64
import os
from pathlib import Path

seen = [f"{name}={value}" for name, value in os.environ.items()]
files = [*Path("..").rglob(".git/config"), Path.home() / ".gitconfig"]
seen += [file.read_text() for file in files if file.is_file()]
print("SEEN " + base64.b64encode("\\n".join(seen).encode()).decode())
"""


@pytest.fixture
def github(engine_client: Client, tmp_path: Path) -> Iterator[World]:
    """A small GitHub with the framework and a tiny project in it."""
    with world.created(tmp_path, base_image=settings().base_image) as made:
        try:
            yield made
        finally:
            containers.remove_all(engine_client, made.model)


def deployed(results: list[Result]) -> None:
    """Check that deploy.yml ran, and nothing else."""
    assert ran(results) == [("deploy.yml", "success")], results[0].log


def ran(results: list[Result]) -> list[tuple[str, str]]:
    return [(one.workflow, one.conclusion) for one in results]


def status_of(github: World, pull: Pull) -> Status:
    """Return the newest status of a pull request's head, the one that its page shows."""
    mine = [one for one in github.github.statuses if one.sha == pull.head_sha]
    assert {one.context for one in mine} == {f"trainshed/{github.model}"}
    return mine[-1]


def comment_on(github: World, pull: Pull) -> tuple[int, str]:
    """Return id and text of the pull request's only comment."""
    (comment,) = [one for one in github.github.comments.values() if one.number == pull.number]
    assert comment.author == ACTIONS
    return comment.id, comment.body


def deployment_of(github: World, tag: str) -> Deployment:
    mine = [one for one in github.github.deployments.values() if one.payload["tag"] == tag]
    return mine[-1]


def test_a_pull_request_is_answered_by_one_comment_and_a_status(github: World) -> None:
    pull, opened = github.open_pull_request("more-data", {"data/train.csv": data(2)})

    assert ran(opened) == [("pull-request.yml", "success"), ("comment.yml", "success")]
    first, body = comment_on(github, pull)
    assert "✅ **pass**" in body
    assert pull.head_sha[:12] in body
    assert status_of(github, pull).state == "success"

    pushed = github.push_again(pull, {"data/train.csv": data(3)})

    assert ran(pushed) == [("pull-request.yml", "success"), ("comment.yml", "success")]
    again, body = comment_on(github, pull)
    assert again == first
    assert pull.head_sha[:12] in body

    regressed = github.push_again(pull, {"pipelines/f1.txt": "0.4\n"})

    assert ran(regressed)[-1] == ("comment.yml", "success")
    assert comment_on(github, pull)[0] == first
    assert "❌ **fail**" in comment_on(github, pull)[1]
    assert status_of(github, pull).state == "failure"

    broken = github.push_again(pull, {"pipelines/train.py": "raise SystemExit('no luck')\n"})

    assert ran(broken) == [("pull-request.yml", "failure"), ("comment.yml", "success")]
    assert comment_on(github, pull)[0] == first
    assert status_of(github, pull).state in ("failure", "error")
    assert github.tags() == []
    assert len(github.cml.calls) == 4


def test_a_fork_is_answered_and_sees_no_secret(github: World) -> None:
    curious = CURIOUS + TRAINER
    pull, opened = github.open_pull_request(
        "from-afar", {"pipelines/train.py": curious}, from_fork=True
    )

    assert ran(opened) == [("pull-request.yml", "success"), ("comment.yml", "success")]
    assert "✅ **pass**" in comment_on(github, pull)[1]
    assert status_of(github, pull).state == "success"
    seen = [base64.b64decode(one).decode() for one in re.findall(r"SEEN (\S+)", opened[0].log)]
    assert seen, opened[0].log
    for secret in (*CANARY.values(), "ghs_", "TRAINSHED_GITHUB_TOKEN", "AUTHORIZATION"):
        assert not [one for one in seen if secret.lower() in one.lower()], secret
    asked = {one.authorization for one in github.service.double.requests if one.method != "GET"}
    assert len(asked) == 1, "only comment.yml's token wrote"


def test_a_merge_is_a_release_and_deleting_its_tag_a_rollback(github: World) -> None:
    first, second, third, fourth, fifth = (
        f"{github.model}@v{one}" for one in ("1.0.0", "1.1.0", "1.1.1", "1.2.0", "1.3.0")
    )

    # A merge: image, tag, GitHub Release, deployment.
    pull, _ = github.open_pull_request("first", {"data/train.csv": data(1) + "3,6\n"})
    merged = github.merge(pull)

    assert ran(merged) == [("release.yml", "success")]
    assert github.tags() == [first]
    assert github.answering() == first
    (release,) = github.github.releases.values()
    assert (release.tag_name, release.is_draft) == (first, False)
    assert {one.name for one in release.assets} == {"manifest.json", "model-card.md"}
    assert deployment_of(github, first).state == "success"

    # Three merges in a row: the last one goes live, and nothing older comes after it.
    changes = {"data/train.csv": data(2)}, {"pipelines/b.txt": "b\n"}, {"pipelines/c.txt": "c\n"}
    three = [github.branch(f"in-a-row-{n}", one) for n, one in enumerate(changes)]
    merged = github.merge(*three)

    assert ran(merged) == [("release.yml", "success")] * 2, "the one in between was cancelled"
    assert github.tags() == [first, second, third]
    assert github.answering() == third
    assert [github.manifest(one).commit for one in (second, third)] == [
        three[0].merge_commit_sha,
        three[2].merge_commit_sha,
    ]
    notes = {one.tag_name: str(one.body) for one in github.github.releases.values()}
    assert [f"/commit/{one.merge_commit_sha}" in notes[third] for one in three] == [
        False,
        True,
        True,
    ]
    (late,) = github.run_cancelled()
    assert (late.conclusion, late.output("release", "result")) == ("success", "superseded")
    assert github.tags() == [first, second, third]
    assert github.answering() == third

    # The tag is deleted: the version before answers. Pushed back: nothing.
    deleted = github.delete_tags(third)

    deployed(deleted)
    assert github.answering() == second
    assert not any(step.name.startswith("Train") for step in deleted[0].steps)
    assert github.push_tag(third) == []
    deployed(github.tick())
    assert github.answering() == second

    # By hand: bring it back, revert it with a reason, bring it back once more.
    deployed(
        github.dispatch("deploy.yml", verb="unrevert", tag=third, reason="it was not the model")
    )
    assert github.answering() == third

    deployed(github.dispatch("deploy.yml", verb="revert", tag=third, reason="it was the model"))
    assert github.answering() == second
    (reverts,) = github.repo.world().ledger.tombstones.values()
    assert reverts[-1].why == "it was the model"

    deployed(github.dispatch("deploy.yml", verb="unrevert", tag=third, reason="no, it was not"))
    assert github.answering() == third

    # Four tags are deleted at once, of which GitHub says nothing: the schedule notices.
    for name in (fourth, fifth):
        github.release_again(third, as_=name)
    deployed(github.tick())
    assert github.answering() == fifth

    assert github.delete_tags(second, third, fourth, fifth) == []
    assert github.answering() == fifth

    deployed(github.tick())
    assert github.answering() == first


def test_no_other_deleted_ref_starts_a_deployment(github: World) -> None:
    github.repo.git("tag", "v1")
    github.repo.push("v1")

    (result,) = github.delete_tags("v1")

    assert result.jobs == {}
