"""Which pull requests a workflow run speaks for, by GitHub's word alone."""

from collections.abc import Iterator

import github_double
import pytest
from github_double import Double
from results import HEAD

from trainshed import github_api, pull_requests
from trainshed.pull_requests import RunHasNotEnded, WorkflowRun
from trainshed.settings import GitHub

FORK = "mallory/models"


@pytest.fixture
def double() -> Iterator[Double]:
    with github_double.serve("acme/models") as serving:
        yield serving


def read(double: Double, run_id: int) -> tuple[WorkflowRun, list[int]]:
    github = GitHub(
        repository="acme/models", token=github_double.EVERYTHING, api=double.url,
        server="https://github.com", run_url=None,
    )  # fmt: skip
    repository = github_api.repository(github)
    run = pull_requests.run(repository, run_id)
    return run, pull_requests.of_run(repository, run)


def test_a_run_is_what_github_says(double: Double) -> None:
    ran = double.state.repository.add_run(HEAD, conclusion="failure")

    run, _ = read(double, ran.id)

    assert run == WorkflowRun(
        id=ran.id,
        event="pull_request",
        conclusion="failure",
        head=HEAD,
        branch="topic",
        repository="acme/models",
        is_fork=False,
        url=f"https://github.com/acme/models/actions/runs/{ran.id}",
    )


@pytest.mark.parametrize("fork", [None, FORK])
def test_the_pull_requests_of_its_branch_and_head_are_found(
    double: Double, fork: str | None
) -> None:
    state = double.state.repository
    state.add_pull(HEAD, fork=fork)
    state.add_pull(HEAD, fork=fork, base_ref="next")
    state.add_pull(HEAD, fork=fork, state="closed")
    state.add_pull("99" * 20, fork=fork, base_ref="older")
    state.add_pull(HEAD, fork=fork, head_ref="other")
    state.add_pull(HEAD, fork="eve/models")
    if fork is not None:
        state.add_pull(HEAD)
        state.add_pull(HEAD, fork="mallory/second-fork")

    run, found = read(double, state.add_run(HEAD, fork=fork).id)

    assert (run.is_fork, found) == (fork is not None, [1, 2])


def test_a_branch_of_a_fork_that_is_named_like_ours_gets_nothing_of_ours(double: Double) -> None:
    state = double.state.repository
    state.add_pull(HEAD)

    _, found = read(double, state.add_run(HEAD, fork=FORK).id)

    assert found == []


def test_a_branch_with_odd_characters_is_found(double: Double) -> None:
    state = double.state.repository
    state.add_pull(HEAD, head_ref="a&b=c #d/é+f")

    _, found = read(double, state.add_run(HEAD, head_branch="a&b=c #d/é+f").id)

    assert found == [1]


def test_a_run_that_is_still_at_work_is_not_spoken_of(double: Double) -> None:
    ran = double.state.repository.add_run(HEAD, status="in_progress", conclusion=None)

    with pytest.raises(RunHasNotEnded):
        read(double, ran.id)
