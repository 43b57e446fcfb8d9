"""GitHub's faults and refusals: waited out within reason, else told in a sentence."""

import time
from collections.abc import Iterator
from typing import Any

import github_double
import pytest
from github_double import Double

from trainshed import github_api, github_patience, settings
from trainshed.github_api import (
    GitHubCannotBeReached,
    GitHubIsNotConfigured,
    GitHubIsNotThere,
    GitHubLimitsUs,
    GitHubRefused,
    TokenMayNot,
)
from trainshed.settings import GitHub


@pytest.fixture
def double() -> Iterator[Double]:
    with github_double.serve("acme/models") as serving:
        serving.state.repository.add_pull("ab" * 20)
        yield serving


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(github_patience, "_BACKOFF", 0)


def github_of(double: Double, *, token: str = github_double.EVERYTHING, api: str = "") -> GitHub:
    return GitHub(
        repository="acme/models", token=token, api=api or double.url, server="https://github.com",
        run_url=None,
    )  # fmt: skip


def ask(
    double: Double, path: str = "/pulls/1", method: str = "GET", body: Any = None, **changes: str
) -> Any:
    repository = github_api.repository(github_of(double, **changes))
    with github_api.told("look at the pull request"):
        return repository.requester.requestJsonAndCheck(
            method, f"{repository.url}{path}", input=body
        )[1]


def test_a_client_says_who_it_is_and_asks_nothing_by_itself(double: Double) -> None:
    repository = github_api.repository(github_of(double))
    assert (repository.full_name, double.requests) == ("acme/models", [])

    assert repository.get_pull(1).title == "Try something"

    (request,) = double.requests
    assert request.headers["User-Agent"] == "trainshed"
    assert request.authorization == f"token {github_double.EVERYTHING}"


def test_an_enterprise_server_is_asked_at_its_own_address(double: Double) -> None:
    repository = github_api.repository(github_of(double, api=double.enterprise_url))

    (comment,) = [repository.get_pull(1).create_issue_comment("Hello")]

    assert comment.url.startswith(f"{double.url}/api/v3/repos/acme/models/")


def test_pages_are_followed(double: Double) -> None:
    for number in range(130):
        double.state.repository.add_comment(1, f"Comment {number}")

    repository = github_api.repository(github_of(double))

    assert len(list(repository.get_issues_comments())) == 130
    assert len(double.requests) == 2


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_fault_of_github_is_tried_again(double: Double, status: int, method: str) -> None:
    comment = double.state.repository.add_comment(1, "Hello")
    double.faults.add(times=3, status=status)
    path, body = {
        "GET": ("/pulls/1", None),
        "POST": ("/issues/1/comments", {"body": "Hello"}),
        "PATCH": (f"/issues/comments/{comment.id}", {"body": "Hello"}),
    }[method]

    assert ask(double, path, method, body)
    assert [one.status for one in double.requests][:3] == [status] * 3


@pytest.mark.usefixtures("no_pauses")
def test_a_github_that_stays_down_is_told(double: Double) -> None:
    double.faults.add(times=None, status=502)

    with pytest.raises(GitHubCannotBeReached, match="look at the pull request: too many 502"):
        ask(double)
    assert len(double.requests) == github_patience.TRIES


@pytest.mark.usefixtures("no_pauses")
def test_a_github_that_cannot_be_reached_is_told(double: Double) -> None:
    with pytest.raises(GitHubCannotBeReached, match="Connection refused"):
        ask(double, api="http://127.0.0.1:1")


@pytest.mark.usefixtures("no_pauses")
def test_a_connection_that_drops_is_tried_again(double: Double) -> None:
    double.faults.drop(times=2)

    assert ask(double)["number"] == 1


@pytest.mark.parametrize("status", [403, 429])
def test_a_short_rate_limit_is_waited_out(double: Double, status: int) -> None:
    double.faults.limit_secondary(status=status, retry_after=1)

    assert ask(double)["number"] == 1
    assert [one.status for one in double.requests] == [status, 200]


@pytest.mark.parametrize("status", [403, 429])
def test_a_rate_limit_of_an_hour_is_told_at_once(double: Double, status: int) -> None:
    double.faults.limit_secondary(status=status, retry_after=3600)

    with pytest.raises(GitHubLimitsUs, match="asks us to wait 3600 s, of which we have 240"):
        ask(double)
    assert len(double.requests) == 1


def test_requests_that_are_used_up_for_long_are_told_at_once(double: Double) -> None:
    double.faults.limit_primary(reset=int(time.time()) + 3000)

    with pytest.raises(GitHubLimitsUs, match="API rate limit exceeded"):
        ask(double)


def test_all_waits_together_have_one_budget(
    double: Double, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(github_patience, "_TELL_FROM", 1)
    monkeypatch.setattr(github_patience.Patience, "_budget", 2.5)
    double.faults.limit_secondary(retry_after=1, times=None)

    with pytest.raises(GitHubLimitsUs):
        ask(double)
    assert len(double.requests) == 3
    assert capsys.readouterr().err == "GitHub asks for a pause of 1 s.\n" * 2


def test_a_read_only_token_is_told_which_permission_is_missing(double: Double) -> None:
    double.state.add_token("ghs_reads", {"pull-requests": "read"})

    with pytest.raises(TokenMayNot) as caught:
        ask(double, "/issues/1/comments", "POST", {"body": "Hello"}, token="ghs_reads")

    assert "The token may not look at the pull request" in caught.value.problem
    assert "`issues: write` or `pull-requests: write`" in caught.value.fix
    assert len(double.requests) == 1


def test_an_unknown_token_is_told(double: Double) -> None:
    with pytest.raises(TokenMayNot, match="Bad credentials"):
        ask(double, token="ghs_gone")


def test_what_is_not_there_is_told(double: Double) -> None:
    with pytest.raises(GitHubIsNotThere, match="found nothing"):
        ask(double, "/pulls/99")


def test_what_github_does_not_take_is_told_with_its_reason(double: Double) -> None:
    with pytest.raises(GitHubRefused, match="maximum is 65536 characters"):
        ask(double, "/issues/1/comments", "POST", {"body": "x" * 65_537})


def test_without_a_token_it_says_what_to_set() -> None:
    with pytest.raises(GitHubIsNotConfigured, match="TRAINSHED_GITHUB_TOKEN"):
        github_api.require(settings.settings({"GITHUB_REPOSITORY": "acme/models"}))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words", "plain words"),
        ("::error::x", ":\u200b:error:\u200b:x"),
        (":::", ":\u200b:\u200b:"),
        ("a ##[group]b", "a #\u200b#[group]b"),
        ("a\n::add-mask::b\r\n", "a :\u200b:add-mask:\u200b:b"),
        ("\x1b[2J\x07\u202e", "�[2J��"),
    ],
)
def test_foreign_text_is_one_line_that_commands_nothing(text: str, shown: str) -> None:
    assert github_api.printable(text) == shown
