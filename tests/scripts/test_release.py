"""scripts/release.py as a person or an action runs it, in a real clone of a real origin."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import repositories
import yaml
from repositories import Repo, model_files, model_section, project_files, report_of

from trainshed import ledger, manifest, tags

ROOT = Path(__file__).parents[2]
REPORT = "pipelines/churn/report.txt"

# Its data is a folder of numbers, one a line; its metric is their mean distance from their mean.
LIFETIME = """\
#!/usr/bin/env bash
set -euo pipefail
data=$1 out=$2 sum=0 count=0 apart=0
mapfile -t months < <(cat "$data"/*.txt)
for one in "${months[@]}"; do sum=$((sum + one)); count=$((count + 1)); done
mean=$((sum / count))
for one in "${months[@]}"; do
  distance=$((one - mean))
  apart=$((apart + ${distance#-}))
done
echo "mean=$mean" > "$out"
echo "dataset=$data"
echo "metric.mae=$((apart / count))"
echo "artifact=$out"
"""


def with_a_project(folder: Path) -> Repo:
    return repositories.make(folder, project_files())


@pytest.fixture
def repo(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return repositories.copy_of(with_a_project, tmp_path, tmp_path_factory)


class Ended:
    """How a script ended: its exit code, its outputs, and what it said."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.stdout, self.stderr = process.communicate()
        self.code = process.returncode
        self.outputs = dict(re.findall(r"^([a-z-]+)=(.*)$", self.stdout, re.MULTILINE))

    @property
    def result(self) -> tuple[int, str | None, str | None]:
        return (self.code, self.outputs.get("result"), self.outputs.get("tag"))

    @property
    def error(self) -> tuple[int, str]:
        """The exit code and the slug of the error that was told."""
        told = re.findall(r"^error\[([a-z-]+)\]: ", self.stderr, re.MULTILINE)
        assert len(told) == 1, self.stderr
        return (self.code, told[0])


def start(script: str, repo: Repo, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, ROOT / f"scripts/{script}.py", *arguments],
        cwd=repo.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def release(repo: Repo, *arguments: str) -> Ended:
    return Ended(start("release", repo, *arguments))


def deploy(repo: Repo, *arguments: str) -> Ended:
    return Ended(start("deploy", repo, *arguments))


def test_help_teaches(repo: Repo) -> None:
    told = release(repo, "--help").stdout

    assert "the exit code is 0" in told
    assert "scripts/release.py --dry-run" in told
    assert "scripts/deploy.py run --forward" in told


def test_a_release_is_told_with_its_comparison(repo: Repo) -> None:
    ended = release(repo)

    assert ended.result == (0, "released", "churn@v1.0.0")
    assert ended.outputs["verdict"] == "pass"
    assert ended.outputs["commit"] == repo.git("rev-parse", "HEAD")
    assert "churn@v1.0.0 is released: the gate says pass" in ended.stderr
    assert "f1" in ended.stderr


def test_outputs_and_summary_go_where_an_action_looks_for_them(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "outputs"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))

    ended = release(repo)

    assert (ended.code, ended.stdout) == (0, "")
    assert re.search(r"^tag<<(\w+)\nchurn@v1\.0\.0\n\1$", (tmp_path / "outputs").read_text(), re.M)
    assert "f1" in (tmp_path / "summary.md").read_text()


def test_releasing_twice_releases_once(repo: Repo) -> None:
    release(repo)
    before = repo.refs()

    ended = release(repo)

    assert ended.result == (0, "already-released", "churn@v1.0.0")
    assert repo.refs() == before


def test_an_older_commit_than_the_newest_release_is_superseded(repo: Repo) -> None:
    older = repo.git("rev-parse", "HEAD")
    repo.commit_and_push({REPORT: report_of(f1=0.95)})
    release(repo)

    assert release(repo, "--commit", older).result == (0, "superseded", "churn@v1.0.0")
    assert repo.tag_names() == ["churn@v1.0.0"]


def test_what_the_gate_blocks_ends_well_and_pushes_no_tag(repo: Repo) -> None:
    release(repo)
    repo.commit_and_push({REPORT: report_of(f1=0.7)})
    before = repo.tag_names()

    ended = release(repo)

    assert ended.result == (0, "blocked", "")
    assert ended.outputs["verdict"] == "fail"
    assert repo.tag_names() == before


def test_an_override_takes_its_person_from_github(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(repo)
    repo.commit_and_push({REPORT: report_of(f1=0.7)})
    monkeypatch.setenv("GITHUB_ACTOR", "ada")

    ended = release(repo, "--override", "the labels are stricter now")

    assert ended.result == (0, "released", "churn@v1.0.1")
    assert ended.outputs["verdict"] == "fail"
    assert "and ada overrides it: the labels are stricter now" in ended.stderr
    override = repo.standing().of("churn")[0].override
    assert override is not None
    assert (override.who, override.reason) == ("ada", "the labels are stricter now")


def test_a_reverted_run_is_not_released_again(repo: Repo) -> None:
    release(repo)
    deploy(repo, "revert", "churn@v1.0.0", "--reason", "complaints")
    before = repo.refs()

    ended = release(repo)

    assert ended.error == (5, "run-was-reverted")
    assert "complaints" in ended.stderr
    assert "scripts/deploy.py revert --unrevert churn@v1.0.0" in ended.stderr
    assert repo.refs() == before


def test_an_unreverted_run_is_released_already(repo: Repo) -> None:
    release(repo)
    deploy(repo, "revert", "churn@v1.0.0", "--reason", "complaints")
    deploy(repo, "revert", "--unrevert", "churn@v1.0.0", "--reason", "it was something else")

    assert release(repo).result == (0, "already-released", "churn@v1.0.0")


def test_a_clone_that_is_ahead_of_the_origin_is_refused(repo: Repo) -> None:
    repo.commit({REPORT: report_of(f1=0.95)})

    assert release(repo).error == (5, "commit-is-not-pushed")
    assert repo.tag_names() == []


def test_a_dirty_tree_is_refused_and_its_files_are_named(repo: Repo) -> None:
    (repo.folder / REPORT).write_text(report_of(f1=0.95))

    ended = release(repo)

    assert ended.error == (5, "working-tree-is-dirty")
    assert REPORT in ended.stderr
    assert repo.tag_names() == []


def test_a_file_that_git_does_not_know_is_no_obstacle(repo: Repo) -> None:
    (repo.folder / "notes.txt").write_text("mine")

    assert release(repo).result == (0, "released", "churn@v1.0.0")


def test_skipped_commits_are_in_the_manifest(repo: Repo) -> None:
    release(repo)
    skipped = repo.commit({REPORT: report_of(f1=0.91)}, "One")
    repo.commit_and_push({REPORT: report_of(f1=0.92)}, "Two")

    release(repo)

    assert manifest_on_origin(repo, "churn@v1.0.1").skipped == (skipped,)


def test_a_dry_run_prints_the_manifest_and_pushes_nothing(repo: Repo) -> None:
    before = repo.refs()

    ended = release(repo, "--dry-run")

    printed = ended.stdout[: ended.stdout.index("\n}\n") + 3]
    parsed = manifest.parse(printed, tag=tags.require("churn@v1.0.0"))
    assert ended.result == (0, "would-release", "churn@v1.0.0")
    assert (parsed.version, parsed.metrics) == ("1.0.0", {"f1": 0.9})
    assert repo.refs() == before
    assert release(repo).result == (0, "released", "churn@v1.0.0")


def test_two_at_once_from_two_clones_make_one_tag(repo: Repo) -> None:
    processes = [start("release", one) for one in (repo, repo.clone())]

    ended = [Ended(process) for process in processes]

    # Both say "released" only if they pushed the very same tag in the same second.
    assert {one.outputs["result"] for one in ended} <= {"released", "already-released"}
    assert [(one.code, one.outputs["tag"]) for one in ended] == [(0, "churn@v1.0.0")] * 2
    assert repo.tag_names() == ["churn@v1.0.0"]
    assert [path for path in repo.ledger_paths() if path.startswith("releases/")] == [
        "releases/churn@v1.0.0.json"
    ]


def test_an_origin_that_refuses_the_push_has_nothing_half_released(repo: Repo) -> None:
    repo.hook("pre-receive", "echo protected by a rule >&2; exit 1")
    before = repo.refs()

    ended = release(repo)

    assert ended.error == (4, "origin-refuses-the-push")
    assert "Nothing was changed there" in ended.stderr
    assert repo.refs() == before


def test_an_origin_that_is_away_is_told(repo: Repo) -> None:
    repo.origin_folder.rename(repo.origin_folder.with_name("away.git"))

    assert release(repo).error == (4, "origin-cannot-be-read")


def test_an_origin_that_was_replaced_is_told_and_gets_nothing(repo: Repo) -> None:
    release(repo)
    repo.origin_folder.rename(repo.origin_folder.with_name("old.git"))
    repositories.make_origin(repo.origin_folder)

    assert release(repo).error == (5, "origin-was-replaced")
    assert repo.refs() == {}


def test_an_empty_origin_has_nothing_to_release(tmp_path: Path) -> None:
    repo = repositories.make(tmp_path)
    repo.commit(project_files())

    assert release(repo).error == (5, "nothing-to-release")


def test_a_folder_outside_any_repository_is_told(repo: Repo, tmp_path: Path) -> None:
    assert release(repo, "--repository", str(tmp_path)).error == (2, "not-a-repository")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param([], "has 2 models: churn, lifetime", id="which-of-two"),
        pytest.param(["--model", "chrn"], 'Did you mean "churn"?', id="misspelt"),
    ],
)
def test_a_model_must_be_one_of_those_there_are(
    tmp_path: Path, arguments: list[str], told: str
) -> None:
    repo = repositories.make(tmp_path, project_files("churn", "lifetime"))

    ended = release(repo, *arguments)

    assert ended.error == (2, "model-is-unknown")
    assert told in ended.stderr


def test_two_models_in_any_language_release_and_roll_back_independently(tmp_path: Path) -> None:
    """The second is trained by a bash script on a folder of data, and never served."""
    repo = repositories.make(tmp_path, with_lifetime())
    assert release(repo, "--model", "churn").result == (0, "released", "churn@v1.0.0")
    assert release(repo, "--model", "lifetime").result == (0, "released", "lifetime@v1.0.0")
    assert manifest_on_origin(repo, "lifetime@v1.0.0").metrics == {"mae": 10.0}

    repo.commit_and_push({"data/lifetime/c.txt": "30\n"}, "More data for one of them")
    assert release(repo, "--model", "churn").result == (0, "already-released", "churn@v1.0.0")
    assert release(repo, "--model", "lifetime").result == (0, "released", "lifetime@v1.1.0")

    repo.delete_tag("lifetime@v1.1.0")
    rolled_back = deploy(repo, "run")
    assert rolled_back.code == 0, rolled_back.stderr
    assert "tombstones/lifetime@v1.1.0/000001.json" in repo.ledger_paths()
    plan = deploy(repo, "plan").stdout
    assert "releases of churn: churn@v1.0.0\n" in plan
    assert "releases of lifetime: lifetime@v1.0.0\n" in plan

    repo.delete_tag("churn@v1.0.0")
    assert deploy(repo, "run").code == 0
    plan = deploy(repo, "plan").stdout
    assert "releases of churn: none\n" in plan
    assert "releases of lifetime: lifetime@v1.0.0\n" in plan

    repo.commit_and_push({REPORT: report_of(f1=0.95)}, "A better churn")
    assert release(repo, "--model", "churn").result == (0, "released", "churn@v1.0.1")
    assert release(repo, "--model", "lifetime").error == (5, "run-was-reverted")


def with_lifetime() -> dict[str, str]:
    lifetime = {
        "data": "data/lifetime/",
        "target": "months",
        "train": ["bash", "pipelines/lifetime.sh", "{data}", "{out}"],
        "inputs": ["pipelines/lifetime.sh"],
        "metrics": {"mae": {"direction": "minimize", "tolerance": 5}},
        "serve": "none",
    }
    models = {"churn": model_section("churn"), "lifetime": lifetime}
    return {
        "trainshed.yml": yaml.safe_dump({"models": models}),
        **model_files("churn"),
        "pipelines/lifetime.sh": LIFETIME,
        "data/lifetime/a.txt": "10\n20\n",
        "data/lifetime/b.txt": "30\n40\n",
    }


def test_the_digest_of_a_released_file_is_what_sha256sum_prints(repo: Repo) -> None:
    release(repo)

    said = manifest_on_origin(repo, "churn@v1.0.0").dataset
    assert said.digest == hashlib.sha256((repo.folder / said.path).read_bytes()).hexdigest()


def manifest_on_origin(repo: Repo, name: str) -> manifest.Manifest:
    """Read a release as any other program can: from the tag's message, by git alone."""
    message = repo.bare.run("for-each-ref", "--format=%(contents)", f"refs/tags/{name}").out
    record = json.loads(repo.bare.run("show", f"{ledger.BRANCH}:releases/{name}.json").out)
    read = manifest.parse(message, tag=tags.require(name))
    assert json.loads(message).items() <= record["manifest"].items()
    return read
