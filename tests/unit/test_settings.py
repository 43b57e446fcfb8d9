import json
import os
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from trainshed.settings import (
    FRAMEWORK,
    child_environment,
    fetch_credentials,
    outside_environment,
    settings,
    users_environment,
)

ROOT = Path(__file__).parents[2]


def test_outside_actions_nothing_is_set() -> None:
    read = settings({"HOME": "/home/ada"})

    assert not read.in_github_actions
    assert (read.github_output, read.github_step_summary, read.actor) == (None, None, None)
    assert not read.debug


def test_in_actions_its_files_and_its_actor_are_known() -> None:
    read = settings(
        {
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": "/run/output",
            "GITHUB_STEP_SUMMARY": "/run/summary",
            "GITHUB_ACTOR": "ada",
            "HOME": "/home/ada",
        }
    )

    assert read.in_github_actions
    assert (read.github_output, read.github_step_summary) == (
        Path("/run/output"),
        Path("/run/summary"),
    )
    assert read.actor == "ada"


def test_the_registrys_password_is_read_and_never_shown() -> None:
    variables = {"TRAINSHED_REGISTRY_USER": "ada", "TRAINSHED_REGISTRY_PASSWORD": "s3cret"}
    read = settings({**variables, "HOME": "/h"})

    assert (read.registry_user, read.registry_password) == ("ada", "s3cret")
    assert "s3cret" not in repr(read)


def test_an_empty_variable_is_as_good_as_none() -> None:
    read = settings({"GITHUB_OUTPUT": "", "GITHUB_ACTOR": "", "GITHUB_ACTIONS": "", "HOME": "/h"})

    assert (read.github_output, read.actor, read.in_github_actions) == (None, None, False)


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        pytest.param({"TRAINSHED_CACHE": "/c", "XDG_CACHE_HOME": "/x"}, "/c", id="ours-first"),
        pytest.param({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/trainshed", id="then-the-users"),
        pytest.param({"HOME": "/h"}, "/h/.cache/trainshed", id="then-the-homes"),
        pytest.param({"TRAINSHED_CACHE": "", "HOME": "/h"}, "/h/.cache/trainshed", id="empty"),
    ],
)
def test_the_cache_folder_is_the_first_that_is_named(
    variables: dict[str, str], folder: str
) -> None:
    assert settings(variables).cache_folder == Path(folder)


@pytest.mark.parametrize(
    ("value", "debug"), [("1", True), ("yes", True), ("0", False), ("", False)]
)
def test_debug_is_on_unless_it_is_zero_or_empty(value: str, debug: bool) -> None:
    assert settings({"TRAINSHED_DEBUG": value, "HOME": "/h"}).debug is debug


def test_the_environment_is_read_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings().actor is None

    monkeypatch.setenv("GITHUB_ACTOR", "ada")

    assert settings().actor == "ada"


def test_a_child_has_everything_less_some_and_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEPT", "a")
    monkeypatch.setenv("DROPPED", "b")

    child = child_environment({"ADDED": "c", "KEPT": "d"}, without={"DROPPED"})

    assert child == {
        **{name: value for name, value in os.environ.items() if name != "DROPPED"},
        "ADDED": "c",
        "KEPT": "d",
    }


def outside(python: Path, *, path: str) -> dict[str, str]:
    """Return what `outside_environment` gives in a process of some Python."""
    lines = "import json, trainshed.settings as s; print(json.dumps(s.outside_environment()))"
    printed = subprocess.check_output(
        [python, "-c", lines],
        env={"PYTHONPATH": str(ROOT), "VIRTUAL_ENV": "/framework", "PATH": path, "KEPT": "a"},
    )
    found: dict[str, str] = json.loads(printed)
    return found


def test_a_persons_program_does_not_find_the_frameworks_python(tmp_path: Path) -> None:
    venv.create(tmp_path / "framework", with_pip=False)
    ours = tmp_path / "framework/bin"

    found = outside(ours / "python", path=os.pathsep.join([str(ours), "/usr/bin"]))

    assert (found["PATH"], found["KEPT"]) == ("/usr/bin", "a")
    assert not found.keys() & {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}


def test_without_a_virtual_environment_the_path_stays() -> None:
    python = Path(sys.base_prefix) / "bin/python3"
    path = os.pathsep.join([str(python.parent), "/usr/bin"])

    assert outside(python, path=path)["PATH"] == path


def test_the_framework_is_the_folder_of_its_parts() -> None:
    assert all((FRAMEWORK / name).is_dir() for name in ("trainshed", "scripts", "requirements"))


@pytest.mark.parametrize("made_by", [users_environment, outside_environment])
def test_a_persons_program_gets_no_credentials_of_ours(
    made_by: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSHED_REGISTRY_USER", "robot")
    monkeypatch.setenv("TRAINSHED_REGISTRY_PASSWORD", "secret")
    monkeypatch.setenv("KEPT", "yes")

    variables = made_by()

    assert variables["KEPT"] == "yes"
    assert not {"TRAINSHED_REGISTRY_USER", "TRAINSHED_REGISTRY_PASSWORD"} & variables.keys()


SECRETS = {
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "GITHUB_ENV",
    "GITHUB_PATH",
    "TRAINSHED_FETCH_CLOUD_KEY",
    "TRAINSHED_GITHUB_TOKEN",
    "TRAINSHED_SSH_KEY",
}


@pytest.mark.parametrize("made_by", [users_environment, outside_environment])
def test_a_persons_program_gets_nothing_that_other_steps_trust(
    made_by: Callable[[], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "secret")

    assert "secret" not in made_by().values()


def test_credentials_of_a_fetch_go_by_their_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAINSHED_FETCH_CLOUD_KEY", "opensesame")
    monkeypatch.setenv("TRAINSHED_FETCH_EMPTY", "")
    monkeypatch.setenv("TRAINSHED_FETCH_", "nameless")

    assert fetch_credentials() == {"CLOUD_KEY": "opensesame"}


def test_only_githubs_own_machines_count_as_hosted() -> None:
    hosted = [
        settings({"HOME": "/h", "RUNNER_ENVIRONMENT": kind}).runner_is_hosted
        for kind in ("github-hosted", "self-hosted", "")
    ]

    assert hosted == [True, False, False]
