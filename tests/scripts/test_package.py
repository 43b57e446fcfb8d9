"""scripts/package.py as far as it goes without an engine; tests/e2e/test_packaging.py goes on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from containers import ROOT, Project, make_project

IMAGE = "ghcr.io/acme/churn"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path, "churn", image=IMAGE)


def package(
    project: Project, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the script where no engine answers."""
    return subprocess.run(
        [sys.executable, ROOT / "scripts" / "package.py", *arguments],
        cwd=project.repo.folder,
        env={**os.environ, "DOCKER_HOST": f"unix://{project.repo.folder}/nowhere", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_teaches(project: Project) -> None:
    finished = package(project, "--help")

    assert finished.returncode == 0
    assert "never does: when that exists it is used, not rebuilt" in finished.stdout
    assert "scripts/package.py --dry-run " in finished.stdout
    assert "TRAINSHED_BASE_IMAGE=" in finished.stdout


def test_a_dry_run_prints_the_names_of_the_last_commits_image_and_needs_no_engine(
    project: Project,
) -> None:
    run = project.train()
    data, artifact = run.dataset.digest[:12], run.artifact.digest[:12]

    finished = package(project, "--dry-run")

    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines() == [
        f"{IMAGE}:d-{data}-m-{artifact}-c-{run.commit[:7]}",
        f"{IMAGE}:data-{data}",
    ]


def test_a_run_that_an_earlier_commit_made_is_packaged_with_the_last_commits_code(
    project: Project,
) -> None:
    run = project.train()
    last = project.repo.commit_and_push({"app/predict.py": "def predict(rows):\n    return []\n"})
    assert project.train().run_id == run.run_id

    of_last = package(project, "--dry-run").stdout
    of_run = package(project, "--dry-run", "--run", run.run_id[:8]).stdout

    assert f"-c-{last[:7]}\n" in of_last
    assert f"-c-{run.commit[:7]}\n" in of_run


def test_without_an_engine_it_ends_before_anything_is_made(project: Project) -> None:
    project.train()

    finished = package(project)

    assert (finished.returncode, finished.stdout) == (4, "")
    assert "error[engine-is-not-there]" in finished.stderr
    assert "DOCKER_HOST" in finished.stderr


def test_a_commit_that_was_not_trained_is_not_packaged(project: Project) -> None:
    finished = package(project)

    assert finished.returncode == 2
    assert "error[run-is-unknown]" in finished.stderr
    assert "Train it first: scripts/train.py" in finished.stderr


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"serve": "none"}, id="not-served"),
        pytest.param({"image": None}, id="no-image"),
    ],
)
def test_a_model_without_an_image_is_not_packaged(tmp_path: Path, changes: dict) -> None:
    project = make_project(tmp_path, "churn", **changes)
    project.train()

    finished = package(project)

    assert finished.returncode == 2
    assert "error[model-has-no-image]: churn has no image to package." in finished.stderr
    assert "serve: none" in finished.stderr


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, "churn", image="ghcr.io/Acme/Churn:v1")
    project.train()

    finished = package(project, "--dry-run")

    assert finished.returncode == 2
    assert "error[image-name-is-odd]" in finished.stderr


def test_an_owner_that_the_origin_does_not_tell_is_asked_for(tmp_path: Path) -> None:
    project = make_project(tmp_path, "churn", image="ghcr.io/{owner}/churn")
    project.train()

    unknown = package(project, "--dry-run")
    project.repo.git("remote", "set-url", "origin", "git@github.com:Acme/models.git")
    known = package(project, "--dry-run")

    assert unknown.returncode == 2
    assert "needs the owner of the repository" in unknown.stderr
    assert known.stdout.startswith("ghcr.io/acme/churn:d-")
