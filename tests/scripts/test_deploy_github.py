"""scripts/deploy.py in a workflow: GitHub Deployments, the job's summary and its outputs."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import github_double
import pytest
from github_double import Double
from served_project import Served, staged, version

from trainshed import times

V0, V1 = version(1), version(2)
BROKEN = {"app/predict.py": "raise SystemExit('no such library')\n"}


@dataclass(frozen=True)
class Stage:
    served: Served
    double: Double
    folder: Path

    def deploy(self, *arguments: str, **variables: str) -> "CompletedProcess[str]":
        return self.served.deploy(
            *arguments,
            **{
                "TRAINSHED_GITHUB_TOKEN": github_double.EVERYTHING,
                "GITHUB_REPOSITORY": "acme/churn",
                "GITHUB_API_URL": self.double.url,
                "GITHUB_RUN_ID": "7",
                "GITHUB_ACTIONS": "true",
                "GITHUB_OUTPUT": str(self.folder / "outputs"),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
                **variables,
            },
        )

    @property
    def shown(self) -> list[tuple[str, str, str | None]]:
        """Deployments as GitHub shows them: environment, release, state."""
        return [
            (one.environment, one.payload["tag"], one.state)
            for one in self.double.state.repository.deployments.values()
        ]

    def outputs(self) -> dict[str, str]:
        """The outputs of the last command; they are read once."""
        path = self.folder / "outputs"
        text = path.read_text()
        path.unlink()
        return dict(re.findall(r"^([a-z-]+)<<(?:\w+)\n(.*)\n\w+$", text, re.MULTILINE))

    def summary(self) -> str:
        """The summary of the last command, with its seconds as `s`; it is read once."""
        path = self.folder / "summary.md"
        text = path.read_text()
        path.unlink()
        return re.sub(r"\d+\.\d(?= \|)", "s", text)


@contextmanager
def on_github(folder: Path, **facts: Any) -> Iterator[Stage]:
    with (
        staged(folder, **facts) as served,
        github_double.serve("acme/churn", git=served.repo.origin_folder) as double,
    ):
        yield Stage(served, double, folder)


HEAD = "| Environment | Model | Before | Now | Seconds |\n|:--|:--|:--|:--|--:|\n"


def test_a_release_goes_live_and_back_and_github_shows_it(tmp_path: Path) -> None:
    with on_github(tmp_path, live=False) as stage:
        assert stage.deploy("run", "--forward").returncode == 0
        assert stage.shown == [("production", V0, "success")]
        assert stage.outputs() == {"production-churn": V0, "changed": "true", "url": ""}
        assert stage.summary() == f"{HEAD}| production | churn | – | **`{V0}`** | s |\n"

        stage.served.release()
        stage.deploy("run", "--forward")
        assert stage.shown == [("production", V0, "inactive"), ("production", V1, "success")]
        assert stage.summary() == f"{HEAD}| production | churn | `{V0}` | **`{V1}`** | s |\n"

        before, written = len(stage.double.asked("POST")), times.now()
        while times.now() == written:  # records are written to the second: this run is a later one
            time.sleep(0.01)
        stage.deploy("run")
        assert len(stage.double.asked("POST")) == before
        assert stage.outputs()["changed"] == "false"
        assert stage.summary() == f"{HEAD}| production | churn | `{V1}` | `{V1}` |  |\n"

        stage.served.repo.delete_tag(V1)
        stage.deploy("run")
        stage.served.assert_runs(V0)
        assert stage.shown == [
            ("production", V0, "inactive"),
            ("production", V1, "inactive"),
            ("production", V0, "success"),
        ]
        [*_, last] = stage.double.state.repository.deployments.values()
        assert last.statuses[-1].log_url == "https://github.com/acme/churn/actions/runs/7"


def test_a_release_that_does_not_go_live_is_shown_as_failed(tmp_path: Path) -> None:
    with on_github(tmp_path, live=False) as stage:
        stage.deploy("run", "--forward")
        stage.served.release(BROKEN)
        stage.summary()

        finished = stage.deploy("run", "--forward")

        assert finished.returncode not in {0, 1}, finished.stderr
        assert stage.served.answering() == V0
        assert stage.shown == [("production", V0, "success"), ("production", V1, "failure")]
        table, told = stage.summary().split("\n\n")
        assert table == f"{HEAD}| production | churn | `{V0}` | `{V0}` | s |"
        assert told.startswith(f"❌ {V1} did not go live in production: ")


def test_each_environment_has_deployments_of_its_own(tmp_path: Path) -> None:
    with on_github(tmp_path, live=False, environments=("staging", "production")) as stage:
        stage.deploy("run", "--forward", "--environment", "staging")
        assert stage.shown == [("staging", V0, "success")]
        stage.deploy("run", "--forward", "--environment", "production")

        assert stage.shown == [("staging", V0, "success"), ("production", V0, "success")]
        kinds = [one.is_production for one in stage.double.state.repository.deployments.values()]
        assert kinds == [False, True]


def test_reverting_once_per_environment_writes_one_tombstone(tmp_path: Path) -> None:
    """As the jobs of a dispatched revert do: one for each environment."""
    with on_github(tmp_path, releases=2, environments=("staging", "production")) as stage:
        for environment in ("staging", "production"):
            reverted = stage.deploy("revert", V1, "--reason", "wrong", "--environment", environment)
            assert reverted.returncode == 0, reverted.stderr

        stage.served.assert_runs(V0)
        assert [path for path in stage.served.repo.ledger_paths() if "tombstones" in path] == [
            f"tombstones/{V1}/000001.json"
        ]
        assert stage.shown == [("staging", V0, "success"), ("production", V0, "success")]


@pytest.mark.parametrize("fault", ["read-only", "away"])
def test_github_never_fails_a_deployment(tmp_path: Path, fault: str) -> None:
    with on_github(tmp_path, live=False) as stage:
        token = github_double.EVERYTHING
        if fault == "read-only":
            token = "reads"
            stage.double.state.add_token(
                token, permissions={"contents": "read", "deployments": "read"}
            )
        else:
            stage.double.faults.add(status=404, times=None)

        finished = stage.deploy("run", "--forward", TRAINSHED_GITHUB_TOKEN=token)

        assert finished.returncode == 0, finished.stderr
        stage.served.assert_runs(V0)
        warnings = [line for line in finished.stderr.splitlines() if "::warning::" in line]
        assert len(warnings) >= 1, finished.stderr
        assert all("What is deployed is not touched by this." in line for line in warnings)
        assert stage.shown == []

        stage.double.faults.clear()
        stage.deploy("run")
        assert stage.shown == [("production", V0, "success")]
