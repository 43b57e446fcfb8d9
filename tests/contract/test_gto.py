"""Our tags are a registry that GTO (Git Tag Ops) reads: the real `gto` is run on a real origin."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import repositories
from repositories import Repo, model_files, project_files

from trainshed import environment, tags, tombstone
from trainshed.environment import EnvironmentCannotBeBuilt
from trainshed.settings import settings

LOCK = Path(__file__).with_name("gto.txt")
WHO = "Someone Else <else@example.org>"


@pytest.fixture(scope="session")
def program() -> Path:
    """Return `gto`, in an environment of its own that is made once and kept in the cache folder."""
    root = settings().cache_folder / "environments"
    try:
        return environment.ensure([LOCK], root=root, name="gto").bin / "gto"
    except EnvironmentCannotBeBuilt as error:
        pytest.skip(f"that gto reads our tags was NOT tested, gto cannot be installed: {error}")


def with_three_releases(folder: Path) -> Repo:
    """Two of churn and one of lifetime, by the release of the library."""
    repo = repositories.make(folder, project_files("churn", "lifetime"))
    repo.releases.release("churn")
    repo.releases.release("lifetime")
    repo.commit_and_push(model_files("churn", data="a,b\n3,4\n"))
    repo.releases.release("churn")
    return repo


@pytest.fixture
def repo(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    return repositories.copy_of(with_three_releases, tmp_path, tmp_path_factory)


def run(program: Path, repo: Repo, *arguments: str) -> str:
    finished = subprocess.run(
        [program, *arguments], cwd=repo.folder, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def latest(program: Path, repo: Repo) -> dict[str, str]:
    """Return the version of each model that `gto show` calls its latest, on the origin."""
    shown = run(program, repo, "show", "--repo", str(repo.origin_folder), "--json")
    return {name: one["version"] for name, one in json.loads(shown).items()}


def history(program: Path, repo: Repo, model: str) -> list[dict[str, Any]]:
    told = run(program, repo, "history", model, "--repo", str(repo.origin_folder), "--json")
    events: list[dict[str, Any]] = json.loads(told)
    return events


def newest(repo: Repo) -> dict[str, str]:
    """Return the same by our own reading."""
    standing = repo.standing()
    return {model: f"v{those[0].version}" for model, those in standing.releases.items()}


def test_gto_shows_the_releases_that_stand(program: Path, repo: Repo) -> None:
    assert latest(program, repo) == {"churn": "v1.1.0", "lifetime": "v1.0.0"} == newest(repo)


def test_gto_tells_the_history_of_a_model_with_its_manifests(program: Path, repo: Repo) -> None:
    events = history(program, repo, "churn")

    told = {one["ref"]: one for one in events}
    assert {one["event"] for one in events} == {"registration"}
    assert set(told) == {"churn@v1.0.0", "churn@v1.1.0"}
    for manifest in repo.standing().of("churn"):
        assert told[str(manifest.tag)]["commit"] == manifest.commit
        assert json.loads(told[str(manifest.tag)]["message"])["run_id"] == manifest.run_id
        assert told[str(manifest.tag)]["author"] == "Test Person"


def test_a_revert_mark_makes_gto_fall_back_as_we_do(program: Path, repo: Repo) -> None:
    repo.mark("churn@v1.1.0")

    assert latest(program, repo) == {"churn": "v1.0.0", "lifetime": "v1.0.0"} == newest(repo)
    marks = [one for one in history(program, repo, "churn") if one["event"] == "deregistration"]
    assert [one["ref"] for one in marks] == ["churn@v1.1.0!"]


def test_a_deleted_tag_makes_gto_fall_back_as_we_do(program: Path, repo: Repo) -> None:
    repo.delete_tag("churn@v1.1.0")

    assert latest(program, repo) == {"churn": "v1.0.0", "lifetime": "v1.0.0"} == newest(repo)


def test_an_unreverted_release_is_the_latest_again(program: Path, repo: Repo) -> None:
    repo.mark("churn@v1.1.0")
    repo.delete_tag("churn@v1.1.0")

    tombstone.unrevert(repo.origin, tags.require("churn@v1.1.0"), who=WHO, why="a mistake")

    assert latest(program, repo) == {"churn": "v1.1.0", "lifetime": "v1.0.0"} == newest(repo)


def test_a_mark_that_gto_itself_makes_is_honoured(program: Path, repo: Repo) -> None:
    repo.git("fetch", "--quiet", "--tags")

    run(program, repo, "deprecate", "churn", "v1.1.0")
    repo.push("refs/tags/churn@v1.1.0!")

    assert latest(program, repo) == {"churn": "v1.0.0", "lifetime": "v1.0.0"} == newest(repo)
    (fallen,) = repo.standing().reverted
    assert fallen.why == "it carries the revert mark churn@v1.1.0!"


def test_gto_finds_no_fault_in_our_registry(program: Path, repo: Repo) -> None:
    repo.mark("churn@v1.1.0")
    repo.git("fetch", "--quiet", "--tags")

    assert "No issues found" in run(program, repo, "doctor")
    assert "was registered" in run(program, repo, "check-ref", "churn@v1.0.0")
    assert "was deregistered" in run(program, repo, "check-ref", "churn@v1.1.0!")
