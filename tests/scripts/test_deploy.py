"""scripts/deploy.py as a person runs it: its verbs, how it ends, and what it tells."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from served_project import Served, staged, version

V0, V1 = version(1), version(2)


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Served]:
    """v1.0.0 is released, nothing runs."""
    with staged(tmp_path, live=False) as served:
        yield served


@pytest.mark.parametrize(
    ("verb", "flags"),
    [
        pytest.param("run", ["--environment", "--model", "--dry-run", "--forward"], id="run"),
        pytest.param("plan", ["--environment", "--model", "--forward"], id="plan"),
        pytest.param("revert", ["tag", "--reason", "--unrevert", "--dry-run"], id="revert"),
    ],
)
def test_the_help_of_a_verb_names_its_flags(idle: Served, verb: str, flags: list[str]) -> None:
    finished = idle.deploy(verb, "--help")

    assert (finished.returncode, finished.stderr) == (0, "")
    assert [flag for flag in flags if flag not in finished.stdout] == []


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param([""], 2, "invalid choice: ''", id="no-verb"),
        pytest.param(["walk"], 2, "invalid choice: 'walk'", id="unknown-verb"),
        pytest.param(["run", "--env", "production"], 2, "--env", id="half-a-flag"),
        pytest.param(["revert"], 2, "required: tag", id="revert-what"),
        pytest.param(["revert", V0, "--forward"], 2, "--forward", id="revert-forward"),
        pytest.param(["run", "--model", "chrn"], 2, 'Did you mean "churn"?', id="unknown-model"),
        pytest.param(
            ["run", "--environment", "prod"], 2, "error[model-is-unknown]", id="environment"
        ),
        pytest.param(["revert", "v1.0.0"], 2, "error[not-a-release-tag]", id="no-release-tag"),
        pytest.param(["revert", f"{V0}!"], 2, "error[not-a-release-tag]", id="a-mark"),
        pytest.param(["revert", V1], 5, "error[release-is-unknown]", id="unknown-release"),
        pytest.param(["revert", "--unrevert", V1], 5, "no release churn@v1.1.0", id="unrevert"),
        pytest.param(["run", "--repository", "/nowhere"], 2, "no folder /nowhere", id="folder"),
        pytest.param(["run", "--repository", "/"], 2, "error[not-a-repository]", id="repository"),
    ],
)
def test_a_mistake_is_told_and_changes_nothing(
    idle: Served, arguments: list[str], code: int, says: str
) -> None:
    before = idle.repo.refs()

    finished = idle.deploy(*arguments)

    assert finished.returncode == code, finished.stderr
    assert says in finished.stderr
    assert idle.repo.refs() == before


@pytest.mark.parametrize("verb", [["run"], ["plan"], ["revert", V0], ["run", "--dry-run"]])
def test_without_an_origin_nothing_is_known(idle: Served, verb: list[str]) -> None:
    idle.repo.git("remote", "remove", "origin")

    finished = idle.deploy(*verb)

    assert finished.returncode == 4
    assert "error[origin-cannot-be-read]: The refs of the remote origin" in finished.stderr


def test_what_is_live_is_an_output(idle: Served, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"

    printed = idle.deploy("run", "--forward")
    idle.deploy("run", GITHUB_OUTPUT=str(outputs))

    assert f"production-churn={V0}\nchanged=true\nurl=\n" in printed.stdout
    name, value, *_ = outputs.read_text().splitlines()
    assert name.startswith("production-churn<<")
    assert value == V0


def test_an_error_is_an_annotation_on_github(idle: Served) -> None:
    finished = idle.deploy("revert", V1, GITHUB_ACTIONS="true")

    assert finished.returncode == 5
    assert finished.stderr == (
        f"::error::The ledger knows no release {V1}.%0A"
        "`scripts/deploy.py plan` lists the releases there are.\n"
    )


def test_it_runs_in_a_folder_below_too(idle: Served) -> None:
    below = idle.repo.folder / "pipelines"

    finished = idle.script("deploy", "plan", "--repository", str(below))

    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == (
        "production/churn: nothing (waits: nothing was released there yet "
        "(a release, or run --forward, does that))\n"
        f"releases of churn: {V0}\n"
    )


def test_reverting_twice_and_bringing_back_twice_is_said_and_no_error(tmp_path: Path) -> None:
    with staged(tmp_path, releases=2, live=False) as served:
        said = [
            served.deploy("revert", *flags, V1).stderr.splitlines()[0].strip()
            for flags in ([], [], ["--unrevert"], ["--unrevert"])
        ]
        records = served.repo.world().ledger.tombstones

    reason = "no reason was given"
    assert said == [
        f"{V1} is reverted: {reason}",
        f"{V1} was reverted before: {reason}",
        f"{V1} stands again: {reason}",
        f"{V1} stands already: {reason}",
    ]
    assert [[one.is_lifted for one in those] for those in records.values()] == [[False, True]]


def test_another_model_or_environment_is_left_alone(tmp_path: Path) -> None:
    with staged(tmp_path, live=False, environments=("staging", "production")) as served:
        finished = served.deploy("run", "--forward", "--environment", "staging", "--model", "churn")

        assert finished.returncode == 0, finished.stderr
        assert (served.answering("staging"), served.answering("production")) == (V0, None)
        assert "production" not in finished.stdout + finished.stderr


def test_servers_are_not_started_on_a_machine_that_goes_with_the_job(idle: Served) -> None:
    planned = idle.deploy("plan", "--forward", RUNNER_ENVIRONMENT="github-hosted")
    finished = idle.deploy("run", "--forward", RUNNER_ENVIRONMENT="github-hosted")
    elsewhere = idle.deploy("run", "--forward", RUNNER_ENVIRONMENT="self-hosted")

    assert planned.returncode == 0
    assert finished.returncode == 2
    assert finished.stderr.startswith("error[runner-does-not-stay]: production has the target `pro")
    assert elsewhere.returncode == 0, elsewhere.stderr
