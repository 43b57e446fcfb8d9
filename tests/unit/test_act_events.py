"""Which workflows GitHub starts for an event: the harness must know, for act does not ask."""

from typing import Any

import pytest
from act.events import Event, matches, starts

MAIN = "refs/heads/main"


def event(name: str, *, ref: str = MAIN, **more: Any) -> Event:
    payload = more.pop("payload", {})
    return Event(name=name, payload=payload, sha="c0" * 20, ref=ref, **more)


def pull_request(action: str = "opened", *, base: str = "main", head: str = "me/it") -> dict:
    return {
        "action": action,
        "pull_request": {
            "base": {"ref": base, "repo": {"full_name": "me/it"}},
            "head": {"ref": "feature", "repo": {"full_name": head}},
        },
    }


def ended(name: str = "Pull request", action: str = "completed") -> dict:
    return {"action": action, "workflow_run": {"name": name, "head_branch": "feature"}}


@pytest.mark.parametrize(
    "said", ["push", ["push"], {"push": None}, {"push": {}}], ids=["word", "list", "null", "empty"]
)
def test_every_way_to_write_on_is_read(said: Any) -> None:
    assert starts({"on": said}, event("push"))
    assert starts({True: said}, event("push")), "a YAML 1.1 reader takes `on` for true"
    assert not starts({"on": said}, event("delete", payload={"ref": "x", "ref_type": "tag"}))


@pytest.mark.parametrize(
    ("filters", "ref", "is_started"),
    [
        ({}, MAIN, True),
        ({}, "refs/tags/v1", True),
        ({"branches": ["main"]}, MAIN, True),
        ({"branches": ["main"]}, "refs/heads/mainly", False),
        ({"branches": ["main"]}, "refs/tags/main", False),
        ({"tags": ["*@v*"]}, "refs/tags/churn@v1.0.0", True),
        ({"tags": ["*@v*"]}, MAIN, False),
        ({"branches": ["release/**", "!release/old"]}, "refs/heads/release/a/b", True),
        ({"branches": ["release/**", "!release/old"]}, "refs/heads/release/old", False),
        ({"branches-ignore": ["main"]}, MAIN, False),
        ({"branches-ignore": ["main"]}, "refs/heads/feature", True),
        ({"branches": ["*"]}, "refs/heads/a/b", False),
    ],
)
def test_a_push_is_told_apart_by_its_ref(
    filters: dict[str, Any], ref: str, is_started: bool
) -> None:
    assert starts({"on": {"push": filters}}, event("push", ref=ref)) == is_started


@pytest.mark.parametrize(
    ("filters", "paths", "is_started"),
    [
        ({"paths": ["data/**"]}, ["README.md", "data/v1/train.csv"], True),
        ({"paths": ["data/**"]}, ["README.md"], False),
        ({"paths": ["**", "!docs/**"]}, ["docs/a.md"], False),
        ({"paths-ignore": ["docs/**"]}, ["docs/a.md"], False),
        ({"paths-ignore": ["docs/**"]}, ["docs/a.md", "data/a.csv"], True),
    ],
)
def test_a_push_is_told_apart_by_what_it_changed(
    filters: dict[str, Any], paths: list[str], is_started: bool
) -> None:
    workflow = {"on": {"push": filters}}

    assert starts(workflow, event("push", paths=tuple(paths))) == is_started
    assert starts(workflow, event("push", ref="refs/tags/v1", paths=tuple(paths)))


def test_deleting_a_ref_is_no_push() -> None:
    assert not starts({"on": "push"}, event("push", payload={"deleted": True}))


@pytest.mark.parametrize(
    ("filters", "action", "is_started"),
    [
        (None, "opened", True),
        (None, "synchronize", True),
        (None, "reopened", True),
        (None, "closed", False),
        (None, "labeled", False),
        ({"types": ["closed"]}, "closed", True),
        ({"types": ["closed"]}, "opened", False),
        ({"branches": ["other"]}, "opened", False),
    ],
)
def test_a_pull_request_is_told_apart_by_action_and_base(
    filters: dict[str, Any] | None, action: str, is_started: bool
) -> None:
    opened = event("pull_request", payload=pull_request(action))

    assert starts({"on": {"pull_request": filters}}, opened) == is_started


@pytest.mark.parametrize(
    ("payload", "is_started"),
    [
        (ended(), True),
        (ended("Release"), False),
        (ended(action="requested"), False),
    ],
)
def test_a_run_that_ended_is_told_apart_by_its_workflow(
    payload: dict[str, Any], is_started: bool
) -> None:
    said = {"workflow_run": {"workflows": ["Pull request"], "types": ["completed"]}}

    assert starts({"on": said}, event("workflow_run", payload=payload)) == is_started


def test_a_schedule_starts_the_workflows_that_name_it() -> None:
    said = {"schedule": [{"cron": "23 * * * *"}, {"cron": "1 1 * * *"}]}

    assert starts({"on": said}, event("schedule", payload={"schedule": "1 1 * * *"}))
    assert not starts({"on": said}, event("schedule", payload={"schedule": "0 0 * * *"}))


@pytest.mark.parametrize("name", ["push", "delete", "release", "pull_request", "workflow_run"])
def test_what_the_workflows_token_did_starts_nothing(name: str) -> None:
    payload = {**pull_request(), **ended("W"), "action": "opened"}
    workflow = {"on": {name: {"workflows": ["W"]} if name == "workflow_run" else None}}

    assert starts(workflow, event(name, payload=payload))
    assert not starts(workflow, event(name, payload=payload, by_token=True))


def test_a_dispatch_by_the_token_does_start() -> None:
    assert starts({"on": "workflow_dispatch"}, event("workflow_dispatch", by_token=True))


def test_a_workflow_that_is_only_called_is_never_started() -> None:
    workflow = {"on": {"workflow_call": {"inputs": {}}}}

    assert not any(starts(workflow, event(name)) for name in ("push", "delete", "schedule"))


@pytest.mark.parametrize(
    ("pattern", "name", "is_match"),
    [
        ("*", "main", True),
        ("**", "a/b", True),
        ("v[12].[0-9]+.[0-9]+", "v1.10.1", True),
        ("v[12].[0-9]+.[0-9]+", "v3.0.0", False),
        ("v1.0", "v1x0", False),
        ("*.jsx?", "page.js", True),
        ("data/*.csv", "data/v1/train.csv", False),
        ("(main)", "main", False),
    ],
)
def test_a_pattern_matches_as_github_says(pattern: str, name: str, is_match: bool) -> None:
    assert matches([pattern], name) == is_match


@pytest.mark.parametrize(("head", "is_fork"), [("me/it", False), ("stranger/it", True)])
def test_a_fork_is_told_by_where_its_head_lies(head: str, is_fork: bool) -> None:
    assert event("pull_request", payload=pull_request(head=head)).is_from_fork == is_fork
