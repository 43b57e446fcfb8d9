"""scripts/simulate.py plays a pull request, a merge and a revert, by the workflows' scripts."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from served_project import Served, data, staged, version

V0, V1 = version(1), version(2)


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Served]:
    """v1.0.0 is live."""
    with staged(tmp_path) as served:
        yield served


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["pull-request", "more-data"], "compare the merge of more-data", id="pull"),
        pytest.param(["merge", "more-data"], "push the merge of more-data", id="merge"),
        pytest.param(["revert", V0], f"git push origin --delete {V0}", id="revert"),
    ],
)
def test_a_dry_run_tells_and_changes_nothing(
    tmp_path: Path, arguments: list[str], says: str
) -> None:
    with staged(tmp_path, live=False) as served:
        before = served.repo.refs()

        finished = served.script("simulate", *arguments, "--dry-run")

        assert (finished.returncode, served.repo.refs()) == (0, before)
        assert says in finished.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param(["push"], 2, "invalid choice: 'push'", id="unknown-verb"),
        pytest.param(["merge"], 2, "required: BRANCH", id="merge-what"),
        pytest.param(["revert", "more-data"], 2, "error[not-a-release-tag]", id="revert-a-branch"),
        pytest.param(["merge", "nowhere"], 2, "error[commit-is-unknown]", id="no-such-branch"),
        pytest.param(["revert", V0, "--force"], 2, "--force", id="revert-by-force"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, arguments: list[str], code: int, says: str) -> None:
    with staged(tmp_path, live=False) as served:
        finished = served.script("simulate", *arguments)

    assert finished.returncode == code, finished.stderr
    assert says in finished.stderr


def test_a_pull_request_is_an_experiment_that_changes_nothing(first: Served) -> None:
    branch(first, "more-data", {"data/train.csv": data(2)})
    before = first.repo.refs()

    finished = first.script("simulate", "pull-request", "more-data")

    assert finished.returncode == 0, finished.stderr
    outputs = dict(line.split("=", 1) for line in finished.stdout.splitlines())
    assert outputs["verdict"] == "pass"
    assert first.repo.git("rev-list", "--parents", "-n1", outputs["merge"]).split()[1:] == [
        first.repo.git("rev-parse", "main"),
        first.repo.git("rev-parse", "more-data"),
    ]
    assert "| f1" in finished.stderr
    assert (first.repo.refs(), first.answering()) == (before, V0)


def test_a_merge_is_released_and_deployed_and_a_revert_takes_it_back(first: Served) -> None:
    branch(first, "more-data", {"data/train.csv": data(2)})
    main = first.repo.bare.resolve("main")

    with first.asked() as answers:
        merged = first.script("simulate", "merge", "more-data")
        assert (merged.returncode, merged.stdout) == (0, f"tag={V1}\n"), merged.stderr
        first.assert_runs(V1)
        reverted = first.script("simulate", "revert", V1)

    assert reverted.returncode == 0, reverted.stderr
    assert answers.releases == [V0, V1, V0]
    first.assert_runs(V0)
    assert V1 not in first.repo.tag_names()
    assert first.repo.bare.parents("main")[0] == main


def test_a_branch_that_conflicts_is_not_merged(first: Served) -> None:
    branch(first, "more-data", {"data/train.csv": data(2)})
    first.repo.commit_and_push({"data/train.csv": data(3)})
    before = first.repo.refs()

    finished = first.script("simulate", "merge", "more-data")

    assert finished.returncode == 6
    assert "error[branches-conflict]: more-data conflicts with main:" in finished.stderr
    assert "data/train.csv" in finished.stderr
    assert first.repo.refs() == before


def test_the_gate_blocks_a_worse_model(first: Served) -> None:
    branch(first, "worse", {"pipelines/f1.txt": "0.3\n"})
    before = first.repo.refs()

    finished = first.script("simulate", "merge", "worse")

    assert finished.returncode == 5
    assert "error[gate-blocks]: The pull request of worse is not merged" in finished.stderr
    assert (first.repo.refs(), first.answering()) == (before, V0)


def test_a_worse_model_that_is_merged_by_force_is_not_released(first: Served) -> None:
    branch(first, "worse", {"pipelines/f1.txt": "0.3\n"})
    main = first.repo.bare.resolve("main")

    finished = first.script("simulate", "merge", "worse", "--force")

    assert (finished.returncode, finished.stdout) == (0, "tag=\n")
    assert first.repo.bare.parents("main")[0] == main
    assert first.repo.tag_names() == [V0]
    first.assert_runs(V0)


def test_a_script_that_fails_is_told_with_what_it_said(first: Served) -> None:
    branch(first, "broken", {"pipelines/train.py": "raise SystemExit('no memory left')\n"})
    before = first.repo.refs()

    finished = first.script("simulate", "merge", "broken")

    assert finished.returncode == 1
    assert "error[script-failed]: scripts/compare.py ended with 3:" in finished.stderr
    assert "no memory left" in finished.stderr
    assert (first.repo.refs(), first.answering()) == (before, V0)


def branch(served: Served, name: str, files: Mapping[str, str]) -> None:
    """Make a branch off main that changes files."""
    served.repo.git("switch", "--quiet", "--create", name)
    served.repo.commit(files)
    served.repo.git("switch", "--quiet", "main")
