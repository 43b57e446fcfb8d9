from pathlib import Path

import pytest

from trainshed import config_file, description

TWO = """
models:
  churn: {data: a.csv, train: [sh, a.sh], metrics: {f1: {direction: maximize}}}
  lifetime: {data: b.csv, train: [sh, b.sh], metrics: {rmse: {direction: minimize}}, serve: none}
environments:
  staging: {target: process, port: 8081}
  production: {target: docker, port: 8080}
"""


def test_models_and_environments_keep_the_order_of_the_file() -> None:
    described = description.describe(config_file.load(TWO), is_hosted=False)

    assert described.models_json == '["churn", "lifetime"]'
    assert described.environments_json == '["staging", "production"]'


def test_a_hosted_runner_deploys_to_no_process_for_it_would_end_with_the_job() -> None:
    described = description.describe(config_file.load(TWO), is_hosted=True)

    assert described.environments == ("production",)


def test_a_repository_without_a_configuration_has_nothing(tmp_path: Path) -> None:
    import subprocess

    subprocess.run(["git", "init", "-q", tmp_path], check=True)

    assert description.of(tmp_path) == description.Description(models=(), environments=())


def test_the_runner_says_whether_it_is_hosted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import subprocess

    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "trainshed.yml").write_text(TWO)
    monkeypatch.setenv("RUNNER_ENVIRONMENT", "github-hosted")

    assert description.of(tmp_path).environments == ("production",)
