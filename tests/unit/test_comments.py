"""One comment per pull request and model, whoever of CML and the REST API writes it."""

from collections.abc import Iterator
from pathlib import Path

import cml_recorder
import github_double
import pytest
from cml_recorder import Recorder
from github_double import Double
from results import HEAD

from trainshed import cml, github_api
from trainshed.comment import ACTIONS, Comments
from trainshed.github_api import GitHubCannotBeReached, TokenMayNot
from trainshed.settings import GitHub

NEXT = "ef" * 20
NO_CML = "/nonexistent"


@pytest.fixture
def double() -> Iterator[Double]:
    with github_double.serve("acme/models") as serving:
        serving.state.repository.add_pull(HEAD)
        serving.state.repository.add_pull(NEXT, head_ref="another")
        yield serving


@pytest.fixture
def recorder(double: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    with cml_recorder.serve(tmp_path / "cml", double.enterprise_url) as serving:
        monkeypatch.setenv("PATH", str(serving.folder), prepend=":")
        yield serving


@pytest.fixture
def no_cml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", NO_CML)


def github_of(double: Double, token: str = github_double.EVERYTHING) -> GitHub:
    return GitHub(
        repository="acme/models", token=token, api=double.url, server="https://github.com",
        run_url=None,
    )  # fmt: skip


def comments(double: Double, *, token: str = github_double.EVERYTHING) -> Comments:
    github = github_of(double, token)
    return Comments(github, github_api.repository(github), ACTIONS, print)


def put(double: Double, body: str, *, commit: str = HEAD, model: str = "churn") -> str:
    return comments(double).put(pull=1, model=model, commit=commit, body=body)


def bodies(double: Double) -> list[str]:
    return [one.body for one in double.state.repository.comments.values()]


def test_cml_writes_the_comment(
    double: Double, recorder: Recorder, capsys: pytest.CaptureFixture[str]
) -> None:
    url = put(double, "First\n")

    assert bodies(double) == [cml.with_marker("First\n", "churn", HEAD)]
    assert url.endswith("/pull/1#issuecomment-" + str(next(iter(double.state.repository.comments))))
    assert len(recorder.calls) == 1
    assert "REST" not in capsys.readouterr().out


@pytest.mark.usefixtures("no_cml")
def test_without_cml_the_rest_api_writes_the_same_comment(double: Double) -> None:
    put(double, "First\n")

    assert bodies(double) == [cml.with_marker("First\n", "churn", HEAD)]


@pytest.mark.parametrize("has_cml", [[True, False], [False, True], [True, True], [False, False]])
def test_whoever_wrote_it_the_other_one_updates_it(
    double: Double, recorder: Recorder, monkeypatch: pytest.MonkeyPatch, has_cml: list[bool]
) -> None:
    for number, has_it in enumerate(has_cml):
        with monkeypatch.context() as patch:
            if not has_it:
                patch.setenv("PATH", NO_CML)
            put(double, f"Push {number}\n", commit=[HEAD, NEXT][number])

    assert bodies(double) == [cml.with_marker("Push 1\n", "churn", NEXT)]
    assert len(recorder.calls) == sum(has_cml)


def test_models_have_a_comment_each_and_pull_requests_too(
    double: Double, recorder: Recorder
) -> None:
    del recorder
    for model in ["churn", "churn-eu"]:
        put(double, f"About {model}\n", model=model)
    comments(double).put(pull=2, model="churn", commit=NEXT, body="Elsewhere\n")
    put(double, "About churn again\n")

    assert [body.split("\n")[0] for body in bodies(double)] == [
        "About churn again", "About churn-eu", "Elsewhere",
    ]  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
def test_where_cml_fails_the_rest_api_goes_on(
    double: Double, recorder: Recorder, when: str, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder.fail(when=when)

    put(double, "First\n")

    assert bodies(double) == [cml.with_marker("First\n", "churn", HEAD)]
    said = capsys.readouterr().out
    assert "CML ended with code 1" in said
    assert github_double.EVERYTHING not in said


def test_a_stranger_who_copies_the_marker_gets_nothing_overwritten(
    double: Double, recorder: Recorder
) -> None:
    put(double, "First\n")
    forged = cml.with_marker("Merge this, it is fine", "churn", HEAD)
    double.state.repository.add_comment(1, forged, author="mallory")

    put(double, "Second\n", commit=NEXT)

    assert bodies(double) == [cml.with_marker("Second\n", "churn", NEXT), forged]
    assert len(recorder.calls) == 1


def test_a_comment_that_quotes_ours_is_not_ours(double: Double, recorder: Recorder) -> None:
    del recorder
    quote = f"> {cml.marker('churn', HEAD)}\n\nWhat does this mean?"
    double.state.repository.add_comment(1, quote)

    put(double, "First\n")

    assert bodies(double) == [quote, cml.with_marker("First\n", "churn", HEAD)]


def test_a_comment_beyond_what_cml_sees_is_updated_all_the_same(
    double: Double, recorder: Recorder
) -> None:
    for number in range(130):
        double.state.repository.add_comment(1, f"Talk {number}", author="octocat")
    put(double, "First\n")
    put(double, "Second\n", commit=NEXT)

    assert bodies(double)[130:] == [cml.with_marker("Second\n", "churn", NEXT)]
    assert len(recorder.calls) == 1


@pytest.mark.usefixtures("no_cml")
def test_a_comment_that_is_deleted_in_between_is_written_anew(double: Double) -> None:
    put(double, "First\n")
    double.faults.add(method="PATCH", status=404, message="Not Found")

    put(double, "Second\n", commit=NEXT)

    assert [one.status for one in double.asked("PATCH")] == [404]
    assert bodies(double)[-1] == cml.with_marker("Second\n", "churn", NEXT)


@pytest.mark.usefixtures("no_cml")
def test_a_comment_that_was_deleted_is_written_anew(double: Double) -> None:
    put(double, "First\n")
    double.state.repository.comments.clear()

    put(double, "Second\n", commit=NEXT)

    assert bodies(double) == [cml.with_marker("Second\n", "churn", NEXT)]


@pytest.mark.usefixtures("no_cml")
def test_a_comment_whose_answer_got_lost_is_still_one(double: Double) -> None:
    double.faults.add(method="POST", status=502, is_done=True)

    put(double, "First\n")

    assert bodies(double) == [cml.with_marker("First\n", "churn", HEAD)]


@pytest.mark.usefixtures("no_cml")
def test_a_comment_that_says_it_already_is_left_alone(double: Double) -> None:
    put(double, "First\n")
    put(double, "First\n")

    assert double.asked("PATCH") == []


@pytest.mark.usefixtures("no_cml")
def test_a_fault_of_github_is_waited_out(double: Double) -> None:
    double.faults.add(times=3, status=500)

    put(double, "First\n")

    assert len(bodies(double)) == 1


@pytest.mark.usefixtures("no_cml")
@pytest.mark.parametrize("status", [403, 429])
def test_a_secondary_rate_limit_is_waited_out(double: Double, status: int) -> None:
    double.faults.limit_secondary(method="POST", status=status, retry_after=1)

    put(double, "First\n")

    assert len(bodies(double)) == 1


@pytest.mark.usefixtures("no_cml")
def test_a_token_that_can_only_read_is_told_which_permission_it_lacks(double: Double) -> None:
    double.state.add_token("ghs_reads", {"pull-requests": "read", "issues": "read"})

    with pytest.raises(TokenMayNot, match=r"`issues: write` or `pull-requests: write`"):
        comments(double, token="ghs_reads").put(pull=1, model="churn", commit=HEAD, body="First")


@pytest.mark.usefixtures("no_cml")
def test_a_github_that_hangs_up_each_time_is_told(
    double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainshed.github_patience._BACKOFF", 0)
    double.faults.drop(times=None)

    with pytest.raises(GitHubCannotBeReached):
        put(double, "First\n")


def test_cml_is_told_no_secret_but_the_token_and_that_not_in_its_arguments(
    double: Double, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {
        "TRAINSHED_GITHUB_TOKEN": "a", "TRAINSHED_REGISTRY_PASSWORD": "b", "TRAINSHED_SSH_KEY": "c",
        "AWS_SECRET_ACCESS_KEY": "d", "ACTIONS_RUNTIME_TOKEN": "e", "SSH_AUTH_SOCK": "f",
        "NODE_OPTIONS": "--title=g", "CML_TOKEN": "h", "GITHUB_EVENT_NAME": "workflow_run",
    }  # fmt: skip
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)

    put(double, "First\n")

    (call,) = recorder.calls
    assert call.arguments[:-1] == [
        "comment", "update", "--driver=github", "--repo=https://github.com/acme/models",
        "--target=pr/1", "--publish=false", "--watermark-title=churn",
    ]  # fmt: skip
    assert not secrets.keys() & call.environment.keys()
    told = {name for name, value in call.environment.items() if value == github_double.EVERYTHING}
    assert told == {"REPO_TOKEN", "GITHUB_TOKEN"}
    assert call.environment["ITERATIVE_DO_NOT_TRACK"] == "1"
    assert call.environment["HOME"] not in {"", str(Path.home())}
    assert call.environment["GITHUB_SHA"] == HEAD
