"""scripts/release.py with a token for GitHub: the release's page, and what happens without one."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import github_double
import pytest
import repositories
from github_double import Double
from github_double.state import Release
from repositories import Repo, project_files, report_of

from trainshed import experiment_record, run
from trainshed.experiment_record import ExperimentRecord
from trainshed.result import RunSummary
from trainshed.store import Store

ROOT = Path(__file__).parents[2]
REPORT = "pipelines/churn/report.txt"
DATA = "data/churn.csv"


@dataclass(frozen=True)
class Stage:
    """A project on GitHub: a clone, its origin, and the double that serves the origin."""

    repo: Repo
    double: Double

    def run(self, script: str, *arguments: str, token: str = github_double.EVERYTHING) -> "Ended":
        variables = {
            "TRAINSHED_GITHUB_TOKEN": token,
            "GITHUB_REPOSITORY": "acme/churn",
            "GITHUB_API_URL": self.double.url,
            "GITHUB_RUN_ID": "7",
        }
        done = subprocess.run(
            [sys.executable, ROOT / f"scripts/{script}.py", *arguments],
            cwd=self.repo.folder,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def release(self, *arguments: str, token: str = github_double.EVERYTHING) -> "Ended":
        return self.run("release", *arguments, token=token)

    @property
    def pages(self) -> dict[str, Release]:
        found = self.double.state.repository.releases.values()
        pages = {one.tag_name: one for one in found}
        assert len(pages) == len(found), "a release has several pages"
        return pages

    def writes(self) -> int:
        return len([one for one in self.double.requests if one.method != "GET"])

    def assert_whole(self, *names: str) -> None:
        assert [one for one, page in self.pages.items() if not page.is_draft] == list(names)
        for page in self.pages.values():
            assert sorted(one.name for one in page.assets) == ["manifest.json", "model-card.md"]


@dataclass(frozen=True)
class Ended:
    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> tuple[int, str, str]:
        outputs = dict(re.findall(r"^([a-z-]+)=(.*)$", self.stdout, re.MULTILINE))
        return (self.code, outputs["result"], outputs["tag"])


def with_a_project(folder: Path) -> Repo:
    return repositories.make(folder, project_files())


@pytest.fixture
def stage(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    repo = repositories.copy_of(with_a_project, tmp_path, tmp_path_factory)
    with github_double.serve("acme/churn", git=repo.origin_folder) as double:
        yield Stage(repo, double)


def test_a_release_gets_a_page_with_manifest_and_model_card(stage: Stage) -> None:
    ended = stage.release()

    assert ended.result == (0, "released", "churn@v1.0.0")
    stage.assert_whole("churn@v1.0.0")
    page = stage.pages["churn@v1.0.0"]
    attached = {one.name: one.content.decode() for one in page.assets}
    message = stage.repo.bare.run("for-each-ref", "--format=%(contents)", "refs/tags/*").out
    assert json.loads(attached["manifest.json"]) == json.loads(message)
    assert "# churn 1.0.0" in attached["model-card.md"]
    assert "| rows | 1 |" in attached["model-card.md"]
    assert "the first release of churn" in (page.body or "")
    assert "https://github.com/acme/churn/releases/tag/churn@v1.0.0" in ended.stderr


def test_the_notes_tell_what_changed_and_name_skipped_commits(stage: Stage) -> None:
    stage.release()
    skipped = stage.repo.commit({REPORT: report_of(f1=0.905)}, "Try a <b>bolder</b> tree")
    stage.repo.commit_and_push({DATA: "a,b\n1,2\n3,4\n5,6\n", REPORT: report_of(f1=0.92)})

    assert stage.release().result == (0, "released", "churn@v1.1.0")

    notes = stage.pages["churn@v1.1.0"].body or ""
    assert "| added | 2 |\n| removed | 0 |\n| common | 1 |" in notes
    assert f"[`{skipped[:12]}`](https://github.com/acme/churn/commit/{skipped})" in notes
    assert "Try a \\<b\\>bolder" in notes
    assert "0.9200 | 0.9000 | +0.0200 🟢" in notes


def test_releasing_twice_writes_nothing(stage: Stage) -> None:
    stage.release()
    before = stage.writes()

    assert stage.release().result == (0, "already-released", "churn@v1.0.0")

    assert stage.writes() == before


def test_a_dry_run_asks_github_nothing(stage: Stage) -> None:
    assert stage.release("--dry-run").result == (0, "would-release", "churn@v1.0.0")
    assert stage.double.requests == []


def test_a_token_that_may_only_read_leaves_a_release_without_a_page_and_says_so(
    stage: Stage,
) -> None:
    stage.double.state.add_token("reads", permissions={"contents": "read", "metadata": "read"})

    ended = stage.release(token="reads")

    assert ended.result == (4, "released", "churn@v1.0.0")
    assert "error[token-may-not]" in ended.stderr
    assert "contents: write" in ended.stderr
    assert stage.repo.tag_names() == ["churn@v1.0.0"]
    assert stage.release().result == (0, "already-released", "churn@v1.0.0")
    stage.assert_whole("churn@v1.0.0")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"method": "POST", "path": "/releases$"}, id="nothing-yet"),
        pytest.param({"method": "POST", "path": "/assets", "is_done": True}, id="half-attached"),
        pytest.param({"method": "PATCH"}, id="not-published"),
    ],
)
def test_what_broke_off_is_completed_when_it_is_run_again(
    stage: Stage, fault: dict[str, object]
) -> None:
    stage.double.faults.add(status=422, **fault)  # type: ignore[arg-type]
    assert stage.release().code == 4

    assert stage.release().result == (0, "already-released", "churn@v1.0.0")

    stage.assert_whole("churn@v1.0.0")


def test_the_next_release_completes_the_page_of_the_one_before(stage: Stage) -> None:
    stage.double.faults.add(method="POST", path="/releases$", status=422)
    stage.release()
    stage.repo.commit_and_push({REPORT: report_of(f1=0.92)})

    assert stage.release().result == (0, "released", "churn@v1.0.1")

    stage.assert_whole("churn@v1.0.1", "churn@v1.0.0")
    published = stage.double.asked("PATCH")
    assert [one.body["make_latest"] for one in published] == ["true", "false"]


def test_an_older_page_that_cannot_be_made_does_not_fail_a_release(stage: Stage) -> None:
    stage.release()
    stage.repo.commit_and_push({REPORT: report_of(f1=0.92)})
    stage.release()
    del stage.double.state.repository.releases[stage.pages["churn@v1.0.0"].id]
    stage.double.faults.add(method="POST", path="/releases$", status=422)

    ended = stage.release()

    assert ended.result == (0, "already-released", "churn@v1.0.1")
    assert "churn@v1.0.0 has no page yet, the next run tries again" in ended.stderr
    stage.assert_whole("churn@v1.0.1")


def test_a_page_that_a_person_deleted_is_made_again(stage: Stage) -> None:
    stage.release()
    stage.double.state.repository.releases.clear()

    stage.release()

    stage.assert_whole("churn@v1.0.0")


def test_a_reverted_release_says_so_and_is_taken_up_again(stage: Stage) -> None:
    stage.release()
    stage.repo.commit_and_push({REPORT: report_of(f1=0.92)})
    stage.release()
    stage.repo.delete_tag("churn@v1.0.1")

    assert stage.run("deploy", "run").code == 0

    page = stage.pages["churn@v1.0.1"]
    assert (page.is_draft, page.name) == (True, "churn@v1.0.1 (reverted)")
    assert "Reverted: its tag was deleted" in (page.body or "")

    assert stage.run("deploy", "revert", "--unrevert", "churn@v1.0.1").code == 0
    again = stage.pages["churn@v1.0.1"]
    assert (again.id, again.is_draft, again.name) == (page.id, False, "churn@v1.0.1")
    assert "Reverted" not in (again.body or "")


def test_a_revert_by_a_mark_leaves_the_page_and_shows_the_one_before_as_latest(
    stage: Stage,
) -> None:
    stage.release()
    stage.repo.commit_and_push({REPORT: report_of(f1=0.92)})
    stage.release()

    assert stage.run("deploy", "revert", "churn@v1.0.1", "--reason", "complaints").code == 0

    page = stage.pages["churn@v1.0.1"]
    assert (page.is_draft, page.name) == (False, "churn@v1.0.1 (reverted)")
    last = stage.double.asked("PATCH")[-1]
    assert last.body["make_latest"] == "true"
    assert last.body["tag_name"] == "churn@v1.0.0"


def test_a_shallow_clone_makes_the_same_page(stage: Stage) -> None:
    stage.release()
    stage.repo.commit_and_push({DATA: "a,b\n1,2\n3,4\n"})
    stage.release()
    page = stage.pages["churn@v1.1.0"]
    whole = (page.body, [one.content for one in page.assets])
    stage.double.state.repository.releases.clear()

    Stage(stage.repo.clone("shallow", depth=1), stage.double).run("deploy", "run")

    page = stage.pages["churn@v1.1.0"]
    assert (page.body, [one.content for one in page.assets]) == whole


def test_without_training_a_run_that_is_not_there_is_an_error(stage: Stage) -> None:
    ended = stage.release("--no-train")

    assert ended.code == 5
    assert "error[run-is-not-trained]" in ended.stderr
    assert "scripts/train.py" in ended.stderr
    assert stage.repo.tag_names() == []
    stage.run("train")
    assert stage.release("--no-train").result == (0, "released", "churn@v1.0.0")


def test_the_notes_say_whether_the_pull_request_promised_the_same(stage: Stage) -> None:
    predictions = "echo row_id,y_true,y_pred > p.csv\necho predictions=p.csv\n"
    trainer = repositories.TRAINER + predictions
    stage.repo.commit_and_push({"pipelines/churn/train.sh": trainer})
    stage.run("train")
    here = stage.repo.project
    made = next(Store(here).runs())
    promised = ExperimentRecord(
        run=RunSummary(**{**run.summary(made), "dataset": made.dataset}),
        head="ab" * 20,
        base=None,
        pull_requests=(12,),
        verdict="pass",
        when="2026-01-02T03:04:05+00:00",
    )
    experiment_record.write(stage.repo.origin, [promised])

    stage.release()

    notes = stage.pages["churn@v1.0.0"].body or ""
    assert "Its predictions equal those of pull request \\#" in notes
