"""The harness itself: what a workflow sees when act runs it here is what GitHub would show it."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import repositories
import yaml
from repositories import Repo

from act import git_server
from act.events import Event
from act.log import Result
from act.permissions import Permissions
from act.runner import Act

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
CACHE = "actions/cache/{}@27d5ce7f107fe9357f9df03efb73ab90386fccae"
UPLOAD = "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"
DOWNLOAD = "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c"
REPOSITORY = "octo/models"


class Place:
    """A repository with one workflow, `w.yml`."""

    def __init__(self, folder: Path, server: str, given: dict[str, Permissions]) -> None:
        self.repo: Repo = repositories.make(folder / "work")
        origin = folder / "git" / REPOSITORY
        origin.parent.mkdir(parents=True)
        self.repo.origin_folder.rename(origin)
        self.repo = Repo(self.repo.folder, origin)
        self.repo.git("remote", "set-url", "origin", f"file://{origin}")
        subprocess.run(
            ["git", "config", "uploadpack.allowAnySHA1InWant", "true"], cwd=origin, check=True
        )
        self.act = Act(
            folder=folder / "act", origin=origin, repository=REPOSITORY,
            api="http://127.0.0.1:1", server=server,
            environment={"TRAINSHED_CACHE": str(folder / "kept")},
            secrets={"SECRET": "open sesame"},
        )  # fmt: skip
        self.tokens = given
        self._runs = 0

    def run(
        self, jobs: dict[str, Any], *, event: str = "push", payload: dict[str, Any] | None = None,
        ref: str = "refs/heads/main", **workflow: object,
    ) -> Result:  # fmt: skip
        jobs = {name: {"runs-on": "ubuntu-latest", **job} for name, job in jobs.items()}
        content = {"name": "W", "on": event, **workflow, "jobs": jobs}
        commit = self.repo.commit_and_push({".github/workflows/w.yml": yaml.safe_dump(content)})
        happened = Event(name=event, payload=payload or {}, sha=commit, ref=ref)
        self._runs += 1
        return self.act.run(happened, workflow="w.yml", run_id=self._runs, token=self._token)

    def _token(self, may: Permissions) -> str:
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = may
        return token


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    given: dict[str, Permissions] = {}

    def may_push(token: str) -> bool:
        return given.get(token, {}).get("contents") == "write"

    with git_server.serve(tmp_path / "git", may_push) as server:
        yield Place(tmp_path, server, given)


def steps(*runs: str | dict[str, Any]) -> dict[str, Any]:
    return {"steps": [{"run": one} if isinstance(one, str) else one for one in runs]}


def from_fork() -> dict[str, Any]:
    return {
        "action": "opened",
        "number": 1,
        "pull_request": {
            "number": 1,
            "base": {"ref": "main", "repo": {"full_name": REPOSITORY}},
            "head": {"ref": "feature", "repo": {"full_name": "stranger/models"}},
        },
    }


def test_every_step_is_told_with_its_outcome(place: Place) -> None:
    result = place.run(
        {
            "first": steps("echo one", {"run": "exit 3", "name": "Break"}),
            "second": {**steps("echo never"), "needs": "first"},
            "third": {**steps("echo still"), "name": "The third"},
        }
    )

    assert {one.name: one.outcome for one in result.steps} == {
        "echo one": "success",
        "Break": "failure",
        "echo still": "success",
    }
    assert result.jobs == {"first": "failure", "The third": "success"}
    assert result.conclusion == "failure"


def test_a_job_begins_in_an_empty_workspace_with_nothing_of_this_machine(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THIS_MACHINE", "yes")

    result = place.run({"look": steps('test -z "$(ls -A)"; env; echo "at $GITHUB_API_URL"')})

    assert result.is_ok
    assert "OF_THIS_MACHINE" not in result.log
    assert "at http://127.0.0.1:1" in result.log
    assert "open sesame" not in result.log


def test_a_step_of_an_action_does_not_see_its_inputs(place: Place) -> None:
    action = {
        "name": "A",
        "description": "a",
        "inputs": {"token": {"description": "t", "required": True}},
        "runs": {"using": "composite", "steps": [{"shell": "bash", "run": "env | grep -c INPUT_"}]},
    }
    place.repo.commit({"actions/a/action.yml": yaml.safe_dump(action)})
    uses = {"uses": "./actions/a", "with": {"token": "t"}, "continue-on-error": True}

    assert "\n0\n" in place.run({"job": steps({"uses": CHECKOUT}, uses)}).log


def test_checkout_gives_the_events_commit_and_as_much_history_as_asked(place: Place) -> None:
    for _ in range(3):
        place.repo.commit_and_push()
    place.repo.git("tag", "v1")
    place.repo.push("v1")

    counted = "git rev-list --count HEAD; git tag; git branch --show-current; git remote -v"
    result = place.run(
        {
            f"depth-{depth}": steps({"uses": CHECKOUT, "with": {"fetch-depth": depth}}, counted)
            for depth in (1, 2, 0)
        }
    )

    said = {
        job: [line for line in result.log.splitlines() if line in ("1", "2", "4", "v1", "main")]
        for job in result.jobs
    }
    assert result.is_ok
    assert sorted(next(iter(said.values()))) == ["1", "2", "4", "main", "main", "main", "v1"]


def test_checkout_gives_what_a_pull_request_would_merge(place: Place) -> None:
    first = place.repo.commit_and_push({"a": "1"})
    merge = place.repo.commit({"a": "2"})
    place.repo.push(f"{merge}:refs/pull/7/merge")
    place.repo.git("reset", "--quiet", "--hard", first)
    commit = place.repo.commit_and_push(
        {
            ".github/workflows/w.yml": yaml.safe_dump(
                {"on": "push", "jobs": {"a": {"runs-on": "ubuntu-latest", **steps(
                    {"uses": CHECKOUT, "with": {"ref": "refs/pull/7/merge"}}, "echo a=$(cat a)"
                )}}}
            )
        }
    )  # fmt: skip

    event = Event(name="push", payload={}, sha=commit, ref="refs/heads/main")
    result = place.act.run(event, workflow="w.yml", run_id=99)

    assert "a=2" in result.log


@pytest.mark.parametrize(("level", "is_allowed"), [("write", True), ("read", False)])
def test_only_a_token_that_may_write_contents_pushes(
    place: Place, level: str, is_allowed: bool
) -> None:
    push = "git push --quiet origin HEAD:refs/heads/new"
    result = place.run(
        {"push": {**steps({"uses": CHECKOUT}, push), "permissions": {"contents": level}}}
    )

    assert result.is_ok == is_allowed
    assert ("refs/heads/new" in place.repo.refs()) == is_allowed


def test_without_persisted_credentials_git_cannot_push(place: Place) -> None:
    checkout = {"uses": CHECKOUT, "with": {"persist-credentials": False}}
    push = "GIT_TERMINAL_PROMPT=0 git push --quiet origin HEAD:refs/heads/new"
    result = place.run({"push": {**steps(checkout, push), "permissions": {"contents": "write"}}})

    assert not result.is_ok


def test_every_job_has_a_token_of_its_own(place: Place) -> None:
    tell = {"run": "echo $TOKEN | tr a-z A-Z", "env": {"TOKEN": "${{ github.token }}"}}
    place.run(
        {
            "reads": {**steps(tell), "permissions": {"contents": "read"}},
            "writes": {**steps(tell), "permissions": {"contents": "write", "issues": "none"}},
            "nothing": steps(tell),
        },
        permissions={},
    )

    assert list(place.tokens.values()) == [{}, {"contents": "read"}, {"contents": "write"}]


def test_a_fork_has_no_secret_and_a_token_that_only_reads(place: Place) -> None:
    show = {"run": 'echo "it is <${SECRET}>"', "env": {"SECRET": "${{ secrets.SECRET }}"}}
    job = {"job": {**steps(show), "permissions": {"contents": "write"}}}

    ours = place.run(job)
    theirs = place.run(job, event="pull_request", payload=from_fork(), ref="refs/pull/1/merge")

    assert "it is <***>" in ours.log
    assert "it is <>" in theirs.log
    assert list(place.tokens.values())[-1] == {"contents": "read"}


def test_a_secret_of_an_environment_is_seen_by_its_jobs_alone(place: Place) -> None:
    place.act = replace(place.act, environments={"data": {"KEY": "to the data"}})
    show = {"run": 'echo "${NAME} is <${KEY}>"', "env": {"KEY": "${{ secrets.KEY }}"}}

    def job(name: str, environment: object) -> dict[str, Any]:
        step = {**show, "env": {**show["env"], "NAME": name}}
        return {**steps(step), "environment": environment}

    result = place.run(
        {
            "a": job("by name", "data"),
            "b": job("by expression", {"name": "${{ 1 == 1 && 'data' || '' }}"}),
            "c": job("another", "database"),
            "d": steps({**show, "env": {**show["env"], "NAME": "none"}}),
        }
    )

    assert set(re.findall(r"[\w ]+ is <\S*>", result.log)) == {
        "by name is <***>", "by expression is <***>", "another is <>", "none is <>",
    }  # fmt: skip


def test_an_action_comes_from_the_folder_of_its_repository(place: Place, tmp_path: Path) -> None:
    action = {"name": "A", "description": "a", "runs": {"using": "composite", "steps": [
        {"shell": "bash", "run": 'cat "${GITHUB_ACTION_PATH}/../../beside.txt"'},
        {"uses": CHECKOUT},
    ]}}  # fmt: skip
    folder = tmp_path / "theirs"
    (folder / "actions/a").mkdir(parents=True)
    (folder / "actions/a/action.yml").write_text(yaml.safe_dump(action))
    (folder / "beside.txt").write_text("what lies beside\n")
    place.act = replace(place.act, actions={"acme/theirs": folder})

    result = place.run({"job": steps({"uses": f"acme/theirs/actions/a@{'0' * 40}"}, "ls")})

    assert result.is_ok
    assert "what lies beside" in result.log


def test_an_artifact_reaches_later_jobs_and_the_harness(place: Place) -> None:
    upload = {"uses": UPLOAD, "with": {"name": "it", "path": "out/\n!out/no.txt"}}
    download = {"uses": DOWNLOAD, "with": {"name": "it", "path": "in"}}
    write = "mkdir -p out/.hidden; for one in a.txt no.txt .hidden/b; do echo 1 > out/$one; done"

    result = place.run(
        {"a": steps(write, upload), "b": {**steps(download, "ls -A in"), "needs": "a"}}
    )

    assert result.is_ok
    assert "\na.txt\n" in result.log
    assert not any(name in result.log for name in ("no.txt\n", "\n.hidden"))
    assert list(place.act.artifacts(result.run_id)) == ["it"]


def cached(key: str = "k") -> dict[str, Any]:
    restore = {"id": "r", "uses": CACHE.format("restore"), "with": {"path": "kept", "key": key}}
    save = {"uses": CACHE.format("save"), "with": {"path": "kept", "key": key}}
    return steps(restore, "mkdir -p kept; date > kept/it", save)


@pytest.mark.parametrize(
    ("saved_by", "is_found"),
    [("refs/heads/main", True), ("refs/pull/1/merge", True), ("refs/pull/2/merge", False)],
)
def test_a_cache_entry_is_found_by_its_own_ref_and_mains_by_all(
    place: Place, saved_by: str, is_found: bool
) -> None:
    place.run({"job": cached()}, ref=saved_by)
    found = place.run({"job": cached()}, ref="refs/pull/1/merge")

    assert (found.output("r", "cache-hit") == "true") == is_found


def test_mains_cache_never_has_what_a_pull_request_saved(place: Place) -> None:
    place.run({"job": cached()}, ref="refs/pull/1/merge")

    assert place.run({"job": cached()}).output("r", "cache-hit") == ""


def test_a_cache_entry_never_changes(place: Place) -> None:
    place.run({"job": cached()})
    again = place.run({"job": cached()})

    assert [one.message for one in again.annotations] == ["Unable to reserve cache with key k"]


def test_what_a_step_says_to_github_is_told(place: Place) -> None:
    say = (
        "echo '::error file=a::bad%0Aworse'; echo '::add-mask::word'; echo 'a word'; "
        "echo '# S' >> $GITHUB_STEP_SUMMARY"
    )
    result = place.run({"say": steps(say, {"id": "o", "run": "echo a=b >> $GITHUB_OUTPUT"})})

    assert [(one.level, one.message) for one in result.annotations] == [("error", "bad\nworse")]
    assert result.summaries == ("# S\n",)
    assert result.output("o", "a") == "b"
    assert {"error", "add-mask", "set-output", "summary"} <= set(result.commands)
    assert "\na ***\n" in result.log


def test_the_payload_is_the_events(place: Place) -> None:
    read = "python3 -c 'import json,os; print(json.load(open(os.environ[\"GITHUB_EVENT_PATH\"])))'"
    payload = {"number": 7, "repository": {"default_branch": "main"}}

    assert (
        str(json.loads(json.dumps(payload))) in place.run({"j": steps(read)}, payload=payload).log
    )
