"""scripts/comment.py against GitHub's double: honest runs, and a GitHub with faults."""

import re
from collections.abc import Iterator
from pathlib import Path

import comment_story
import github_double
import pytest
import results
from comment_story import Story, uploaded
from results import BAD, HEAD

from trainshed import cml, experiment_record
from trainshed.trainer import TrainerFailed


@pytest.fixture
def story(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with comment_story.tell(tmp_path, tmp_path_factory) as telling:
        yield telling


@pytest.fixture
def fork(story: Story) -> Story:
    return comment_story.from_fork(story)


def test_a_better_model_gets_a_comment_a_green_status_and_a_record(story: Story) -> None:
    finished = story.script(story.ran(uploaded(results.compared())))

    assert finished.code == 0, finished.err
    assert story.comment.startswith("✅ **pass**: churn: against the state before this change")
    assert story.comment.endswith(cml.marker("churn", HEAD))
    assert story.statuses == {
        "trainshed/churn": (
            "success",
            "pass: against the state before this change it is better in f1, log_loss",
        )
    }
    assert finished.outputs["verdicts"] == {"churn": "pass"}
    (address,) = finished.outputs["comments"]
    assert address.startswith("https://github.com/acme/models/pull/1#issuecomment-")
    assert finished.summary.startswith("✅ **pass**")
    (record,) = experiment_record.find(
        story.repo.repository, story.repo.world().ledger_commit, "churn", "1" * 64
    )
    assert (record.pull_requests, record.head, record.verdict) == ((1,), HEAD, "pass")


def test_a_worse_model_gets_a_red_status_and_the_script_succeeds(story: Story) -> None:
    finished = story.script(story.ran(uploaded(results.compared(BAD))))

    assert finished.code == 0
    assert story.comment.startswith("❌ **fail**: churn: f1 is 0.7000, under its minimum")
    state, description = story.statuses["trainshed/churn"]
    assert state == "failure"
    assert description.startswith("fail: f1 is 0.7000, under its minimum of 0.8000")


def test_a_second_push_updates_the_same_comment(story: Story) -> None:
    story.script(story.ran(uploaded(results.compared())))
    after = "ef" * 20
    story.double.state.repository.pulls[1].head_sha = after

    story.script(story.ran(uploaded(results.compared(BAD, head=after)), head=after))

    assert story.comment.startswith("❌ **fail**")
    assert f"Commit `{after[:12]}`" in story.comment


def test_a_branch_with_several_pull_requests_gets_a_comment_on_each(story: Story) -> None:
    story.double.state.repository.add_pull(HEAD, base_ref="next")

    story.script(story.ran(uploaded(results.compared())))

    numbers = [one.number for one in story.double.state.repository.comments.values()]
    assert numbers == [1, 2]


@pytest.mark.parametrize("how", ["closed", "pushed again"])
def test_without_an_open_pull_request_of_that_commit_there_is_a_status_only(
    story: Story, how: str
) -> None:
    pull = story.double.state.repository.pulls[1]
    if how == "closed":
        pull.state = "closed"
    else:
        pull.head_sha = "77" * 20

    finished = story.script(story.ran(uploaded(results.compared())))

    assert finished.code == 0
    assert (story.comments, list(story.statuses)) == ([], ["trainshed/churn"])
    assert "open pull requests of abababababab: none" in finished.err


def test_a_trainer_that_failed_is_told_with_its_last_lines(story: Story) -> None:
    error = TrainerFailed(
        "python train.py failed (exit code 1):\nKeyError: 'tenure'", fix="Mend it."
    )

    finished = story.script(story.ran(uploaded(results.failed(error)), conclusion="failure"))

    assert finished.code == 0
    assert story.comment.startswith("❌ **failed**: churn: python train.py failed")
    assert "\n```text\nKeyError: 'tenure'\n```\n" in story.comment
    assert story.statuses["trainshed/churn"] == (
        "error",
        "trainer-failed: python train.py failed (exit code 1):",
    )
    assert story.repo.ledger_paths() == []


def test_a_fork_that_cannot_fetch_its_data_is_told_that_a_maintainer_must_run_it(
    fork: Story,
) -> None:
    fork.script(fork.ran(uploaded(results.failed())))

    assert "maintainer" not in fork.comment, "the default branch says that nothing is fetched"

    configuration = fork.repo.folder / "trainshed.yml"
    fetched = "data: {path: big.csv, fetch: [bring, it], sha256: " + "a" * 64 + "}"
    text = re.sub(r"data: \S+", fetched, configuration.read_text(), count=1)
    configuration.write_text(text)
    fork.script(fork.ran(uploaded(results.failed())))

    assert f"git push origin {HEAD}:refs/heads/fork-abababababab" in fork.comment
    state, description = fork.statuses["trainshed/churn"]
    assert state == "error"
    assert "a maintainer must run it" in description


def test_our_own_branch_that_cannot_fetch_is_just_a_failure(story: Story) -> None:
    story.script(story.ran(uploaded(results.failed())))

    assert "maintainer" not in story.comment
    assert story.statuses["trainshed/churn"][1].startswith("fetch-failed: ")


@pytest.mark.parametrize(
    ("conclusion", "state", "says"),
    [
        ("cancelled", "error", "cancelled before it had a result"),
        ("failure", "error", r"ended \(failure\) before it had a result"),
        ("success", "error", "no result for this model"),
        ("action_required", "pending", "A maintainer must approve"),
    ],
)
def test_a_run_without_a_result_never_looks_like_one_that_passed(
    story: Story, conclusion: str, state: str, says: str
) -> None:
    finished = story.script(story.ran(conclusion=conclusion))

    assert finished.code == 0
    assert story.comments == []
    found, description = story.statuses["trainshed/churn"]
    assert found == state
    assert re.search(says, description)
    assert finished.outputs["verdicts"] == {"churn": "no-result"}


def test_a_run_that_was_no_pull_requests_is_left_alone(story: Story) -> None:
    finished = story.script(story.ran(uploaded(results.compared()), event="push"))

    assert (finished.code, story.comments, story.statuses) == (0, [], {})
    assert "not for a pull request" in finished.err


def test_a_dry_run_tells_and_writes_nothing(story: Story) -> None:
    finished = story.script(story.ran(uploaded(results.compared())), "--dry-run")

    assert finished.code == 0
    assert "trainshed/churn: success: pass: against" in finished.err
    assert {one.method for one in story.double.requests} == {"GET"}
    assert story.repo.ledger_paths() == []


def test_the_newest_attempt_of_a_run_counts(story: Story) -> None:
    run = story.ran(uploaded(results.compared()))
    story.double.state.repository.add_artifact(
        story.double.state.repository.runs[run],
        "trainshed-churn",
        {"result.json": results.content(results.compared(BAD))},
    )

    story.script(run)

    assert story.statuses["trainshed/churn"][0] == "failure"


def test_the_first_record_of_a_commit_stays(story: Story) -> None:
    run = story.ran(uploaded(results.compared()))
    story.script(run)
    before = story.repo.refs()

    finished = story.script(run)

    assert finished.code == 0
    assert story.repo.refs() == before
    assert len(story.comments) == 1


def test_without_cml_the_comment_arrives_all_the_same(story: Story) -> None:
    story.recorder.fail(when="before")

    finished = story.script(story.ran(uploaded(results.compared())))

    assert finished.code == 0
    assert story.comment.startswith("✅ **pass**")
    assert "The comment goes out through the REST API" in finished.err
    assert github_double.EVERYTHING not in finished.err


# What goes wrong at GitHub


def test_three_faults_in_a_row_are_waited_out(story: Story) -> None:
    story.double.faults.add(times=3, status=500)

    finished = story.script(story.ran(uploaded(results.compared())))

    assert finished.code == 0
    assert len(story.comments) == 1


def test_a_secondary_rate_limit_is_waited_out(story: Story) -> None:
    story.double.faults.limit_secondary(path="/statuses/", retry_after=1)

    finished = story.script(story.ran(uploaded(results.compared())))

    assert finished.code == 0
    assert story.statuses["trainshed/churn"][0] == "success"


def test_a_rate_limit_of_an_hour_is_told_and_not_slept_through(story: Story) -> None:
    story.double.faults.limit_secondary(path="/actions/runs/", retry_after=3600)

    finished = story.script(story.ran(uploaded(results.compared())))

    assert finished.code == 4
    assert "::error::GitHub limits how often it may be asked" in finished.err


def test_a_token_that_can_only_read_is_told_all_that_it_lacks(story: Story) -> None:
    story.double.state.add_token("ghs_reads", {"actions": "read", "pull-requests": "read"})

    finished = story.script(story.ran(uploaded(results.compared())), token="ghs_reads")

    assert finished.code == 4
    assert "`statuses: write`" in finished.err
    assert "comment on #1" in finished.err


def test_a_ledger_that_cannot_be_written_keeps_no_comment_from_arriving(story: Story) -> None:
    story.repo.hook("pre-receive", "echo no; exit 1")

    finished = story.script(story.ran(uploaded(results.compared())))

    assert finished.code == 4
    assert "did not accept the push" in finished.err
    assert len(story.comments) == 1
    assert story.statuses["trainshed/churn"][0] == "success"
    assert finished.outputs["verdicts"] == {"churn": "pass"}


def test_without_a_token_it_says_what_to_set(story: Story) -> None:
    finished = story.script(1, token="")

    assert finished.code == 2
    assert "Set TRAINSHED_GITHUB_TOKEN and GITHUB_REPOSITORY" in finished.err
