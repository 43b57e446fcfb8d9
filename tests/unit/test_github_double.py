import json
import re
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import github_double
import npm_packages
import pytest
import repositories
import requests
from github import Auth, Github, GithubException
from github.Repository import Repository as Client
from github_double import ACTIONS, EVERYTHING, Double, GitHubSchemaViolated, events
from github_double.routes import ROUTES, Answer, Route

HEAD = "1" * 40
MAIN = "a" * 40


@pytest.fixture
def double() -> Iterator[Double]:
    with github_double.serve("acme/models") as double:
        double.state.repository.refs["refs/heads/main"] = MAIN
        yield double


def client(double: Double, token: str = EVERYTHING, *, url: str | None = None) -> Client:
    github = Github(
        auth=Auth.Token(token), base_url=url or double.url, retry=None,
        seconds_between_requests=0, seconds_between_writes=0,
    )  # fmt: skip
    known = {"url": f"{url or double.url}/repos/acme/models", "full_name": "acme/models"}
    return Client(github.requester, {}, known, completed=False)


def refused(status: int, message: str) -> Any:
    return pytest.raises(GithubException, match=f"(?s){status}.*{re.escape(message)}")


# Comments


def test_a_comment_is_written_changed_listed_and_deleted(double: Double) -> None:
    double.state.repository.add_pull(HEAD)
    issue = client(double).get_pull(1).as_issue()

    comment = issue.create_comment("first")
    comment.edit("second")

    assert [(one.user.login, one.body) for one in issue.get_comments()] == [(ACTIONS, "second")]
    comment.delete()
    assert double.state.repository.comments == {}
    with refused(404, "Not Found"):
        comment.edit("third")


def test_a_comment_is_65536_characters_long_at_most(double: Double) -> None:
    double.state.repository.add_pull(HEAD)
    issue = client(double).get_pull(1).as_issue()

    issue.create_comment("é" * 65536)
    with refused(422, "Body is too long (maximum is 65536 characters)") as error:
        issue.create_comment("é" * 65537)

    assert error.value.data["errors"] == [{
        "resource": "IssueComment", "code": "unprocessable", "field": "data",
        "message": "Body is too long (maximum is 65536 characters)",
    }]  # fmt: skip


def test_a_long_list_comes_in_pages(double: Double) -> None:
    pull = double.state.repository.add_pull(HEAD)
    for number in range(65):
        double.state.repository.add_comment(pull.number, str(number))

    comments = client(double).get_pull(1).as_issue().get_comments()

    assert [one.body for one in comments] == [str(number) for number in range(65)]
    assert len(double.asked("GET", r".*/issues/1/comments.*")) == 3
    assert comments.totalCount == 65


# Who may


def test_a_token_without_the_permission_is_told_which_it_needs(double: Double) -> None:
    double.state.repository.add_pull(HEAD)
    double.state.add_token("ghs_reads", {"pull-requests": "read"})

    with refused(403, "Resource not accessible by integration") as error:
        client(double, "ghs_reads").get_pull(1).as_issue().create_comment("hello")

    accepted = (error.value.headers or {})["x-accepted-github-permissions"]
    assert accepted == "issues=write; pull_requests=write"


@pytest.mark.parametrize("permission", ["issues", "pull-requests"])
def test_either_of_two_permissions_is_enough(double: Double, permission: str) -> None:
    double.state.repository.add_pull(HEAD)
    double.state.add_token("ghs_writes", {permission: "write"})

    client(double, "ghs_writes").get_pull(1).as_issue().create_comment("hello")

    assert len(double.state.repository.comments) == 1


def test_a_private_repository_is_read_with_a_permission_only(double: Double) -> None:
    double.state.repository.is_private = True
    double.state.add_token("ghs_contents", {"contents": "read"})

    assert client(double, "ghs_contents").get_branch("main").name == "main"
    with refused(403, "Resource not accessible by integration"):
        list(client(double, "ghs_contents").get_pulls())
    assert requests.get(f"{double.url}/repos/acme/models", timeout=10).status_code == 404


def test_unknown_and_revoked_tokens_are_bad_credentials(double: Double) -> None:
    double.state.tokens[EVERYTHING].is_revoked = True

    for token in ("ghs_unknown", EVERYTHING):
        with refused(401, "Bad credentials"):
            client(double, token).get_branch("main")


def test_without_a_token_one_may_only_read(double: Double) -> None:
    double.state.repository.add_pull(HEAD)
    url = f"{double.url}/repos/acme/models/issues/1/comments"

    assert requests.get(url, timeout=10).json() == []
    assert requests.post(url, json={"body": "hello"}, timeout=10).status_code == 401


def test_the_token_of_an_app_is_nobody(double: Double) -> None:
    double.state.add_token("ghp_mine", login="octocat", is_installation=False)

    with refused(403, "Resource not accessible by integration"):
        client(double)._requester.requestJsonAndCheck("GET", "/user")
    _, me = client(double, "ghp_mine")._requester.requestJsonAndCheck("GET", "/user")
    assert me["login"] == "octocat"


def test_the_settings_of_a_repository_are_hidden_from_a_workflow(double: Double) -> None:
    double.state.add_token("ghs_workflow", {"contents": "write", "actions": "write"})
    path = "/repos/acme/models/actions/permissions/workflow"

    with refused(403, "Resource not accessible by integration"):
        client(double, "ghs_workflow")._requester.requestJsonAndCheck("GET", path)


# Pull requests and statuses


def test_pull_requests_are_found_by_their_head(double: Double) -> None:
    double.state.repository.add_pull(HEAD)
    double.state.repository.add_pull("2" * 40, fork="someone/models")
    double.state.repository.add_pull("3" * 40, state="closed")

    def numbers(**wanted: str) -> list[int]:
        return sorted(one.number for one in client(double).get_pulls(**wanted))

    assert numbers() == [1, 2]
    assert numbers(state="all") == [1, 2, 3]
    assert numbers(head="someone:topic") == [2]
    assert numbers(head="topic") == [1, 2]  # without an owner it is no filter
    assert [one.number for one in client(double).get_commit(HEAD).get_pulls()] == [1]
    assert client(double).get_pull(2).head.repo.full_name == "someone/models"


def test_a_status_is_of_a_commit_that_is_there(double: Double) -> None:
    double.state.repository.add_pull(HEAD)
    commit = client(double).get_commit(HEAD)

    commit.create_status("failure", context="trainshed/churn", description="worse")
    commit.create_status("success", context="trainshed/churn")
    commit.create_status("pending", context="other")

    assert [one.state for one in commit.get_statuses()] == ["pending", "success", "failure"]
    assert commit.get_combined_status().state == "pending"
    with refused(422, f"No commit found for SHA: {'9' * 40}"):
        client(double)._requester.requestJsonAndCheck(
            "POST", f"/repos/acme/models/statuses/{'9' * 40}", input={"state": "success"}
        )
    with refused(422, "description is too long (maximum is 140 characters)"):
        commit.create_status("success", description="x" * 141)


# Releases


def test_a_draft_becomes_a_release_and_makes_its_tag(double: Double) -> None:
    repository = client(double)
    draft = repository.create_git_release("churn@v1.0.0", "Churn", "notes", draft=True)

    with refused(404, "Not Found"):
        repository.get_release("churn@v1.0.0")
    assert "refs/tags/churn@v1.0.0" not in double.state.repository.refs

    draft.update_release("Churn", "notes", draft=False)

    assert repository.get_release("churn@v1.0.0").published_at is not None
    assert double.state.repository.refs["refs/tags/churn@v1.0.0"] == MAIN


def test_a_tag_has_one_release_and_any_number_of_drafts(double: Double) -> None:
    repository = client(double)
    repository.create_git_release("churn@v1.0.0", "Churn", "notes", draft=True)
    repository.create_git_release("churn@v1.0.0", "Churn", "notes")
    repository.create_git_release("churn@v1.0.0", "Churn", "notes", draft=True)

    with refused(422, "Validation Failed") as error:
        repository.create_git_release("churn@v1.0.0", "Churn", "notes")

    expected = {"resource": "Release", "code": "already_exists", "field": "tag_name"}
    assert error.value.data["errors"] == [expected]


def test_a_release_whose_tag_is_deleted_is_a_draft(double: Double) -> None:
    repository = client(double)
    repository.create_git_release("churn@v1.0.0", "Churn", "notes")

    repository.get_git_ref("tags/churn@v1.0.0").delete()

    assert [one.draft for one in repository.get_releases()] == [True]
    double.state.add_token("ghs_reads", {"contents": "read"})
    assert list(client(double, "ghs_reads").get_releases()) == []


def test_refs_are_those_of_a_bare_repository(tmp_path: Path) -> None:
    made = repositories.make(tmp_path, {"file": "content"})
    made.git("tag", "-a", "-m", "{}", "churn@v1.0.0")
    made.git("push", "-q", "origin", "churn@v1.0.0")
    head = made.git("rev-parse", "HEAD")
    with github_double.serve(git=tmp_path / "origin.git") as double:
        repository = client(double)
        repository.create_git_release("churn@v1.0.0", "Churn", "notes")
        repository.get_commit(head).create_status("success")
        ref = repository.get_git_ref("tags/churn@v1.0.0")
        assert repository.get_git_tag(ref.object.sha).object.sha == head

        made.git("push", "-q", "origin", ":refs/tags/churn@v1.0.0")

        assert [one.draft for one in repository.get_releases()] == [True]


def test_a_file_of_a_release_comes_back_as_it_was(double: Double, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_bytes(b'{"model": "churn"}\x00')
    release = client(double).create_git_release("churn@v1.0.0", "Churn", "notes")

    asset = release.upload_asset(str(tmp_path / "manifest.json"), label="", name="manifest.json")
    asset.download_asset(str(tmp_path / "back"))

    assert (tmp_path / "back").read_bytes() == b'{"model": "churn"}\x00'
    with refused(422, "Validation Failed"):
        release.upload_asset(str(tmp_path / "manifest.json"), name="manifest.json")
    asset.delete_asset()
    assert list(release.get_assets()) == []


def test_an_immutable_release_takes_no_more_files(double: Double, tmp_path: Path) -> None:
    double.state.repository.settings.are_releases_immutable = True
    (tmp_path / "card.md").write_text("card")
    draft = client(double).create_git_release("churn@v1.0.0", "Churn", "notes", draft=True)
    draft.upload_asset(str(tmp_path / "card.md"))

    release = draft.update_release("Churn", "notes", draft=False)

    with refused(422, "Cannot upload assets to an immutable release."):
        release.upload_asset(str(tmp_path / "card.md"), name="again.md")


# Deployments


def deploy(double: Double, environment: str, **changes: Any) -> Any:
    made = client(double).create_deployment(
        "main", environment=environment, auto_merge=False, **changes
    )
    made.create_status("success", environment_url="http://127.0.0.1:8080")
    return made


@pytest.mark.parametrize(
    ("environment", "before"), [("production", ["success"]), ("staging", ["success", "inactive"])]
)
def test_a_new_deployment_retires_the_one_before_but_not_in_production(
    double: Double, environment: str, before: list[str]
) -> None:
    first = deploy(double, environment)
    deploy(double, "elsewhere")
    deploy(double, environment)

    assert [one.state for one in reversed(list(first.get_statuses()))] == before


def test_a_deployment_waits_for_the_statuses_unless_told_otherwise(double: Double) -> None:
    client(double).get_commit(MAIN).create_status("failure", context="trainshed/churn")

    with refused(409, "Conflict: Commit status checks failed for main."):
        deploy(double, "production")
    with refused(409, "Conflict: Commit status checks failed for main."):
        deploy(double, "production", required_contexts=["never-set"])
    deploy(double, "production", required_contexts=[])

    assert list(double.state.repository.environments) == ["production"]


def test_a_deployment_is_of_a_ref_that_is_there(double: Double) -> None:
    with refused(422, "No ref found for: churn@v9.0.0"):
        client(double).create_deployment("churn@v9.0.0")


# Runs and artifacts


def test_an_artifact_comes_from_a_storage_that_refuses_a_token(double: Double) -> None:
    repository = double.state.repository
    run = repository.add_run(HEAD)
    made = repository.add_artifact(run, "trainshed-churn", {"result.json": "{}"})
    artifact = next(iter(client(double).get_workflow_run(run.id).get_artifacts()))
    headers = {"Authorization": f"Bearer {EVERYTHING}"}

    found = requests.get(artifact.archive_download_url, headers=headers, timeout=10)
    address = found.history[0].headers["location"]

    assert found.content == made.content
    assert requests.get(address, headers=headers, timeout=10).status_code == 401
    assert requests.get(artifact.archive_download_url, timeout=10).status_code == 401
    made.is_expired = True
    assert (
        requests.get(artifact.archive_download_url, headers=headers, timeout=10).status_code == 410
    )


def test_runs_are_filtered_and_those_of_forks_name_no_pull_request(double: Double) -> None:
    repository = double.state.repository
    pull = repository.add_pull(HEAD)
    repository.add_run(HEAD, pulls=(pull.number,))
    repository.add_run("2" * 40, fork="someone/models", conclusion="failure")

    assert [one.head_sha for one in client(double).get_workflow_runs(status="failure")] == [
        "2" * 40
    ]
    found = next(iter(client(double).get_workflow_runs(head_sha=HEAD)))
    assert [one.number for one in found.pull_requests] == [1]
    assert found.head_repository.full_name == "acme/models"


def test_a_dispatch_is_noted(double: Double) -> None:
    double.state.repository.add_workflow(".github/workflows/deploy.yml")

    workflow = client(double).get_workflow("deploy.yml")
    workflow.create_dispatch("main", {"revert": "churn@v1.0.0"}, throw=True)

    (dispatch,) = double.state.repository.dispatches
    assert (dispatch.workflow, dispatch.inputs) == (
        ".github/workflows/deploy.yml", {"revert": "churn@v1.0.0"},
    )  # fmt: skip


# Faults


def test_a_fault_happens_as_often_as_it_was_told(double: Double) -> None:
    fault = double.faults.add(method="GET", path="/branches/", times=3, status=502)

    for _ in range(3):
        with refused(502, "Server Error"):
            client(double).get_branch("main")

    assert client(double).get_branch("main").name == "main"
    assert fault.count == 3
    assert [one.status for one in double.requests] == [502, 502, 502, 200]


def test_a_secondary_limit_says_when_to_come_back(double: Double) -> None:
    double.faults.limit_secondary(retry_after=7)

    with pytest.raises(GithubException) as error:
        client(double).get_branch("main")

    assert type(error.value).__name__ == "RateLimitExceededException"
    assert (error.value.headers or {})["retry-after"] == "7"


def test_an_answer_can_be_lost_after_the_deed(double: Double) -> None:
    double.state.repository.add_pull(HEAD)
    issue = client(double).get_pull(1).as_issue()
    double.faults.drop(method="POST", is_done=True)

    with pytest.raises(requests.ConnectionError):
        issue.create_comment("hello")

    assert len(double.state.repository.comments) == 1


def test_a_slow_answer_is_the_same_answer(double: Double) -> None:
    fault = double.faults.slow(0.2)
    path = f"{double.url}/repos/acme/models/branches/main"

    with pytest.raises(requests.ReadTimeout):
        requests.get(path, timeout=0.05)

    assert requests.get(path, timeout=10).json()["name"] == "main"
    assert (fault.count, fault.left) == (1, 0)


def test_enterprise_has_the_same_api_elsewhere(double: Double) -> None:
    double.state.repository.add_pull(HEAD)

    pull = client(double, url=double.enterprise_url).get_pull(1)

    assert pull.url == f"{double.url}/api/v3/repos/acme/models/pulls/1"
    assert double.requests[-1].path == "/repos/acme/models/pulls/1"
    assert double.requests[-1].authorization == f"token {EVERYTHING}"


# The check of every message


def serve_and(ask: Callable[[Double], Any]) -> None:
    with github_double.serve() as double:
        double.state.repository.add_pull(HEAD)
        ask(double)


def violated(ask: Callable[[Double], Any]) -> str:
    """Return why a test fails that asks so."""
    with pytest.raises(GitHubSchemaViolated) as error:
        serve_and(ask)
    return str(error.value)


def test_an_answer_that_github_would_not_give_fails_the_test(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "GET /repos/{owner}/{repo}/pulls/{pull_number}"
    endpoint = ROUTES[name].endpoint

    def wrong(request: Any) -> Answer:
        body = endpoint(request).body
        return Answer(body={**body, "number": "one", "head": {**body["head"], "sha": None}})

    monkeypatch.setitem(ROUTES, name, Route(endpoint=wrong, needs="pull_requests=read"))

    reason = violated(
        lambda double: requests.get(f"{double.url}/repos/acme/models/pulls/1", timeout=10)
    )

    assert "GET /repos/acme/models/pulls/1: answer/number: 'one' is not of type 'integer'" in reason
    assert "answer/head/sha: None is not of type 'string'" in reason


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        (f"statuses/{HEAD}", {"state": "green"}, "body/state: 'green' is not one of"),
        (f"statuses/{HEAD}", {}, "body: 'state' is a required property"),
        (f"statuses/{HEAD}", None, "body: it is missing"),
        (f"statuses/{HEAD}", {"state": "success", "contxt": "x"}, "there is no key 'contxt'"),
        ("issues/1/comments?dry=1", {"body": "x"}, "query: there is no parameter 'dry'"),
        ("no/such/thing", {}, "GitHub's OpenAPI has no such path"),
        ("git/blobs", {"content": "x"}, "the double does not serve this"),
    ],
)
def test_a_request_that_github_does_not_know_fails_the_test(
    path: str, body: Any, reason: str
) -> None:
    headers = {"Authorization": f"Bearer {EVERYTHING}"}

    def ask(double: Double) -> None:
        url = f"{double.url}/repos/acme/models/{path}"
        answer = requests.post(url, json=body, headers=headers, timeout=10)
        assert answer.status_code in {404, 422, 501}

    assert reason in violated(ask)


def test_a_test_that_fails_anyway_names_the_violations_too() -> None:
    def fail(double: Double) -> None:
        requests.get(f"{double.url}/nowhere", timeout=10)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as error:
        serve_and(fail)

    assert "GET /nowhere: GitHub's OpenAPI has no such path" in error.value.__notes__[0]


def test_every_endpoint_that_reads_answers_as_published(double: Double) -> None:
    repository = double.state.repository
    double.state.add_token("ghp_mine", login="octocat", is_installation=False)
    repository.refs["refs/tags/churn@v1.0.0"] = "c" * 40
    repository.tags["c" * 40] = {"tag": "churn@v1.0.0", "message": "{}", "sha": MAIN}
    repository.protections["main"] = {}
    repository.settings.are_releases_immutable = True
    repository.settings.allowed_actions = "selected"
    repository.add_environment(
        "production", reviewers=["bob"], wait_minutes=5, branch_policies=[("main", "branch")]
    )
    ruleset = repository.add_ruleset("tags", target="tag", rules=[{"type": "deletion"}])
    repository.add_package_version("churn", f"sha256:{'0' * 64}", tags=["data-1"])
    pull = repository.add_pull(HEAD)
    run = repository.add_run(HEAD, pulls=(pull.number,))
    artifact = repository.add_artifact(run, "trainshed-churn", {"result.json": "{}"})
    client(double).get_commit(HEAD).create_status("success")
    release = client(double).create_git_release("churn@v1.0.0", "Churn", "notes", draft=True)
    asset = release.upload_asset(__file__, name="test.py")
    release.update_release("Churn", "notes", draft=False)
    deployment = deploy(double, "production")
    values = {
        "owner": "acme", "repo": "models", "org": "acme", "username": "acme", "pull_number": 1,
        "issue_number": 1, "comment_id": repository.add_comment(1, "hello").id, "branch": "main",
        "ref": "heads/main", "tag": "churn@v1.0.0", "tag_sha": "c" * 40, "commit_sha": HEAD,
        "sha": HEAD, "release_id": release.id, "asset_id": asset.id, "run_id": run.id,
        "deployment_id": deployment.id, "environment_name": "production",
        "status_id": repository.deployments[deployment.id].statuses[0].id,
        "ruleset_id": ruleset.id, "artifact_id": artifact.id, "archive_format": "zip",
        "workflow_id": "pull-request.yml", "package_type": "container", "package_name": "churn",
        "app_slug": "github-actions",
    }  # fmt: skip
    quoted = {name: urllib.parse.quote(str(value)) for name, value in values.items()}
    only_private = {"fork-pr-workflows-private-repos"}

    for name in [one for one in ROUTES if one.startswith("GET ")]:
        repository.is_private = name.rpartition("/")[2] in only_private
        path = name.removeprefix("GET ").format_map(quoted)
        token = "ghp_mine" if path == "/user" else EVERYTHING
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.get(double.url + path, headers=headers, timeout=10, allow_redirects=False)
        assert answer.status_code in {200, 302}, (name, answer.text)

    assert double.violations == []


# Events


def test_the_payload_of_a_fork_names_the_fork_as_its_head_only(double: Double) -> None:
    repository = double.state.repository
    pull = repository.add_pull(HEAD, fork="someone/models", author="someone")

    payload = events.pull_request(repository, pull)

    assert payload["pull_request"]["head"]["repo"]["full_name"] == "someone/models"
    assert payload["pull_request"]["head"]["repo"]["fork"] is True
    assert payload["pull_request"]["base"]["repo"]["full_name"] == "acme/models"
    assert (payload["number"], payload["sender"]["login"]) == (1, "someone")


def test_payloads_name_no_other_repository(double: Double) -> None:
    repository = double.state.repository
    pull = repository.add_pull(HEAD, author="acme")
    run = repository.add_run(HEAD, pulls=(pull.number,))
    payloads = [
        events.pull_request(repository, pull),
        events.pull_request(repository, pull, "synchronize", before=MAIN),
        events.workflow_run(repository, run),
        events.push(repository, "refs/heads/main", HEAD, before=MAIN),
        events.push(repository, "refs/tags/churn@v1.0.0", HEAD),
        events.delete(repository, "churn@v1.0.0"),
        events.delete(repository, "topic", kind="branch"),
        events.workflow_dispatch(repository, ".github/workflows/deploy.yml"),
        events.schedule(repository, ".github/workflows/deploy.yml", "*/15 * * * *"),
    ]

    for payload in payloads:
        named = re.findall(r"api\.github\.com/repos/([\w-]+/[\w-]+)", json.dumps(payload))
        assert set(named) == {"acme/models"}


def test_the_payload_of_a_deleted_tag_holds_its_short_name_only(double: Double) -> None:
    payload = events.delete(double.state.repository, "churn@v1.0.0")

    assert (payload["ref"], payload["ref_type"]) == ("churn@v1.0.0", "tag")
    assert "head_commit" not in payload


# npm


def test_npm_packages_are_those_that_the_lock_pins_by_digest() -> None:
    package = json.loads((npm_packages.FOLDER / "package.json").read_text())
    lock = json.loads((npm_packages.FOLDER / "package-lock.json").read_text())["packages"]
    folder = npm_packages.node_modules()

    assert all(one["integrity"] for name, one in lock.items() if name)
    for name, version in package["dependencies"].items():
        assert lock[f"node_modules/{name}"]["version"] == version
        assert json.loads((folder / name / "package.json").read_text())["version"] == version


def test_githubs_own_parser_names_file_and_line(tmp_path: Path) -> None:
    workflow = tmp_path / ".github" / "workflows" / "x.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text(
        "on: push\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n      - runn: make\n"
    )

    problems = npm_packages.workflow_problems(workflow)

    assert f"{workflow}:6: Unexpected value 'runn'" in problems
    workflow.write_text(workflow.read_text().replace("runn", "run"))
    assert npm_packages.workflow_problems(workflow) == []
