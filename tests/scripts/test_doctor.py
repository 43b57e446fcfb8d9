import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import doctoring
import github_double
import pytest
import repositories
import trainers
from github_double import Double
from repositories import Repo

pytest_plugins = ["containers"]

ADMIN = "ghp_admin"
PATHS = [
    f".github/workflows/{name}.yml" for name in ("pull-request", "comment", "release", "deploy")
]


@dataclass(frozen=True)
class Checked:
    """A clone and its repository on the double of GitHub."""

    repo: Repo
    double: Double

    @property
    def hub(self) -> github_double.Repository:
        return self.double.state.repository

    def doctor(
        self, *arguments: str, token: str | None = ADMIN, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        github = {
            "GITHUB_REPOSITORY": "acme/models",
            "GITHUB_API_URL": self.double.url,
            **({"TRAINSHED_GITHUB_TOKEN": token} if token else {}),
        }
        clone = trainers.Repository(self.repo.folder)
        return clone.script("doctor", *arguments, **{**github, **variables})

    def findings(self, *arguments: str, token: str | None = ADMIN) -> list[dict[str, Any]]:
        finished = self.doctor("--json", *arguments, token=token)
        assert finished.returncode == 0, finished.stderr
        found: list[dict[str, Any]] = json.loads(finished.stdout)
        return found

    def levels(self, topic: str, *, token: str | None = ADMIN) -> set[str]:
        return {one["level"] for one in self.findings(token=token) if one["topic"] == topic}


def build(folder: Path) -> Repo:
    """Make an adopted repository: workflows as init writes them, a lock with hashes."""
    repo = repositories.make(folder)
    files = repositories.project_files(
        lock="requirements.txt",
        environments={"production": {"target": "process", "port": 18099}},
    )
    repo.commit({**files, "requirements.txt": "a==1 --hash=sha256:aa\n"})
    init = trainers.Repository(repo.folder).script("init", f"--framework=acme/trainshed@{'f' * 40}")
    assert init.returncode == 0, init.stderr
    repo.commit_and_push()
    return repo


@pytest.fixture
def checked(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checked]:
    repo = repositories.copy_of(build, tmp_path / "repo", tmp_path_factory)
    with github_double.serve("acme/models") as double:
        double.state.add_token(ADMIN, None, login="ada", is_installation=False)
        hub = double.state.repository
        hub.git = repo.origin_folder
        for path in PATHS:
            hub.add_workflow(path)
        yield Checked(repo, double)


def test_an_adopted_repository_has_no_problem(checked: Checked) -> None:
    finished = checked.doctor("--exit-code")

    assert finished.returncode == 0, finished.stdout
    assert "✗" not in finished.stdout
    assert "  ✓ No rule forbids to create or delete a release's tag.\n" in finished.stdout
    assert "A merge into main does not need trainshed/churn" in " ".join(finished.stdout.split())


def test_nothing_is_changed(checked: Checked) -> None:
    checked.repo.released()
    before = checked.repo.refs()
    checked.doctor()

    assert checked.repo.refs() == before
    assert {one.method for one in checked.double.requests} == {"GET"}
    assert checked.repo.git("status", "--porcelain") == ""


def test_settings_that_forbid_a_rollback_are_problems(checked: Checked) -> None:
    hub = checked.hub
    hub.add_ruleset("tags", target="tag", include=["refs/tags/*"], rules=[{"type": "deletion"}])
    hub.add_environment("production", reviewers=["ada"], wait_minutes=5)
    hub.add_ruleset("branches", rules=[{"type": "creation"}, {"type": "update"}])
    hub.settings.are_releases_immutable = True

    finished = checked.doctor("--exit-code")

    words = " ".join(finished.stdout.split())
    assert finished.returncode == 1
    assert '✗ The ruleset "tags" forbids to delete release tags: nobody can' in words
    assert "✗ production has required reviewers" in words
    assert "✗ production waits 5 minutes" in words
    assert '✗ The ruleset "branches" (creation, update) covers trainshed-ledger' in words
    assert "! Releases are immutable" in words


def test_an_environment_that_turns_main_away_is_a_problem(checked: Checked) -> None:
    checked.hub.add_environment("production", branch_policies=[("release/*", "branch")])

    assert checked.levels("Environments on GitHub") == {"ok", "problem"}
    checked.hub.environments["production"].branch_policies = [("ma*", "branch")]
    assert checked.levels("Environments on GitHub") == {"ok"}


def test_a_workflow_that_was_switched_off_is_a_problem(checked: Checked) -> None:
    for workflow in checked.hub.workflows.values():
        workflow.state = "disabled_inactivity"

    found = [one for one in checked.findings() if one["topic"] == "Workflows on GitHub"]

    assert {one["level"] for one in found} == {"problem"}
    assert "gh workflow enable deploy.yml --repo acme/models" in found[-1]["change"]


def test_settings_of_forks_and_of_actions_are_read(checked: Checked) -> None:
    checked.hub.settings.fork_approval = "first_time_contributors_new_to_github"
    checked.hub.settings.allowed_actions = "selected"
    checked.hub.settings.default_permissions = "write"

    assert checked.levels("Forks") == {"warning"}
    assert checked.levels("Actions and tokens") == {"ok", "problem", "warning"}
    checked.hub.settings.allowed_patterns = ["acme/trainshed/*", "actions/*"]
    assert checked.levels("Actions and tokens") == {"ok", "warning"}


def test_a_private_repository_must_give_forks_nothing(checked: Checked) -> None:
    checked.hub.is_private = True
    checked.hub.settings.do_forks_run_workflows = True
    checked.hub.settings.do_forks_get_secrets = True

    assert checked.levels("Forks") == {"problem"}


def test_what_a_token_may_not_see_is_said_and_never_guessed(checked: Checked) -> None:
    checked.double.state.add_token("ghs_weak", {"contents": "read"})

    found = checked.findings(token="ghs_weak")

    unknown = [one for one in found if one["level"] == "cannot-tell"]
    assert {one["topic"] for one in unknown} >= {"Actions and tokens", "Forks"}
    assert all("may not" in one["change"] for one in unknown)
    assert not [one for one in found if one["level"] == "problem"]


def test_without_a_token_github_is_not_asked(checked: Checked) -> None:
    levels = checked.levels("Actions and tokens", token=None)

    assert levels == {"cannot-tell"}
    assert checked.double.requests == []


def test_a_token_that_github_does_not_know_is_an_error(checked: Checked) -> None:
    finished = checked.doctor(token="ghp_unknown")

    assert finished.returncode == 4
    assert "[token-may-not]" in finished.stderr


def test_a_shallow_clone_and_a_peeled_tag_are_told(checked: Checked, tmp_path: Path) -> None:
    checked.repo.released()
    checked.repo.commit_and_push(message="Another")
    shallow = Checked(checked.repo.clone("shallow", depth=1), checked.double)
    head = shallow.repo.git("rev-parse", "HEAD")
    shallow.repo.git("tag", "--force", "churn@v1.0.0", head)

    words = " ".join(shallow.doctor().stdout.split())

    assert "! This clone is shallow" in words
    assert "! churn@v1.0.0 came as plain commits" in words


def test_an_origin_that_cannot_be_read_is_told(checked: Checked) -> None:
    shutil.rmtree(checked.repo.origin_folder)
    checked.hub.git = None

    assert "cannot-tell" in checked.levels("Clone and origin")


def test_a_trainshed_yml_with_a_mistake_is_a_problem(checked: Checked) -> None:
    (checked.repo.folder / "trainshed.yml").write_text("models: {churn: {dta: a}}\n")

    finished = checked.doctor("--exit-code")

    assert finished.returncode == 1
    assert 'Did you mean "data"?' in finished.stdout


def test_workflows_that_are_missing_or_changed_are_told(checked: Checked) -> None:
    folder = checked.repo.folder / ".github/workflows"
    (folder / "comment.yml").unlink()
    (folder / "clean.yml").write_text("x: \n - uses: actions/delete-package-versions@v5\n")

    assert checked.levels("Workflows") == {"problem", "warning"}
    assert checked.levels("Images") == {"warning"}


@pytest.mark.engine
@pytest.mark.usefixtures("engine_client")
def test_the_image_of_a_standing_release_must_be_there(checked: Checked) -> None:
    gone = f"127.0.0.1:5000/doctor/gone@sha256:{'0' * 64}"
    checked.repo.released(image=gone)

    images = [one for one in checked.findings() if one["topic"] == "Images"]

    assert [one["level"] for one in images] == ["problem"]
    assert gone in images[0]["says"]
    assert [one for one in checked.findings("--skip-images") if one["topic"] == "Images"] == []


def test_the_facts_of_the_unit_tests_have_the_form_of_githubs_answers(checked: Checked) -> None:
    """What the double answers, checked against GitHub's schema, has the keys that we made up."""
    checked.doctor()
    asked = {one.path.partition("?")[0].removeprefix("/repos/acme/models").lstrip("/")
             for one in checked.double.requests}  # fmt: skip

    assert asked == set(doctoring.ANSWERS) | {""}
