"""A model with predictions on GitHub: the comment shows evidence, the gate judges by it, twice.

Played by the real workflow files, as in test_story. The statistics' environment is the one that
the setup action makes.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import containers
import predicting
import pytest
import trainers
from act import project, world
from act.world import World
from rendered import tables

from trainshed import cml, decode
from trainshed.engine import Client
from trainshed.manifest import Manifest
from trainshed.settings import settings

pytest_plugins = ["containers"]
pytestmark = pytest.mark.engine

MODEL = "rows"


@pytest.fixture
def github(engine_client: Client, tmp_path: Path) -> Iterator[World]:
    section: dict[str, Any] = trainers.model(
        data="rows/train.csv", inputs=["code/"], **predicting.KEYS
    )
    content = project.tiny(models={MODEL: section})
    files = {**content.files, **predicting.files(data="rows/train.csv")}
    with world.created(
        tmp_path, base_image=settings().base_image, content=replace(content, files=files)
    ) as made:
        try:
            yield made
        finally:
            containers.remove_all(engine_client, made.model)


def test_a_pull_request_and_its_release_are_judged_by_the_same_evidence(github: World) -> None:
    # The first release has nothing to be compared with.
    pull, _ = github.open_pull_request("first", {"README.md": "Begin.\n"})
    github.merge(pull)

    moved = {"rows/train.csv": predicting.table(range(500, 1_500)), "code/rule": "0.51\n"}
    pull, opened = github.open_pull_request("moved", moved)
    assert [one.conclusion for one in opened] == ["success", "success"], opened[0].log

    body = comment_about(github, pull.number)
    assert "was asked again about the candidate's 200 rows" in body
    assert "the code and the data changed" in body
    metrics = tables(body)[0]
    (f1,) = [row for row in metrics if row[0].startswith("f1")]
    assert "[" in f1[3], f1
    assert "<summary>Slices" in body
    assert "<summary>Flips" in body
    assert "<summary>Data: 1,000 → 1,000 rows" in body
    assert "```mermaid" in body

    # Its release is judged again, by the runs that main made; nobody's code runs there.
    (released, *_) = github.merge(pull)
    assert released.conclusion == "success", released.log
    manifest = newest(github)
    assert manifest.evidence is not None, released.log
    assert manifest.evidence.rows.how == "paired"
    assert manifest.evidence.rows.compared == 100
    assert "runs no code of a trainer" in manifest.evidence.rows.why
    assert manifest.evidence.metrics["f1"].interval is not None
    (page,) = [one for one in github.github.releases.values() if one.tag_name == str(manifest.tag)]
    assert "[" in next(row for row in tables(page.body)[0] if row[0].startswith("f1"))[3]

    # A worse model is told so, and neither passes nor is released.
    pull, _ = github.open_pull_request("worse", {"code/rule": "0.8\n"})
    assert comment_about(github, pull.number).startswith("❌ **fail**")
    github.merge(pull)
    assert newest(github).version == manifest.version


def comment_about(github: World, number: int) -> str:
    (body,) = [
        one.body
        for one in github.github.comments.values()
        if one.number == number and cml.ends_with_marker(one.body, MODEL)
    ]
    return body


def newest(github: World) -> Manifest:
    listed = github.repo.bare.read("tag", "--list", f"{MODEL}@v*", "--sort=-v:refname")
    tag = f"refs/tags/{listed.splitlines()[0]}"
    message = github.repo.bare.read("for-each-ref", "--format=%(contents)", tag)
    return decode.from_json(Manifest, message)
