"""The workflows keep what DESIGN says of trust and order: grants, checkouts, groups, filters."""

import re
from typing import Any

import pytest
from workflow_files import ACTIONS, ROOT, WORKFLOWS, File, complaints, evaluate, own_action, uses

# All that each job may do. Whoever adds a line here says in the workflow what it is for.
GRANTS = {
    "comment.yml": {
        "comment": {
            "actions": "read",
            "contents": "write",
            "pull-requests": "write",
            "statuses": "write",
        },
    },
    "deploy.yml": {
        "environments": {"contents": "read"},
        "deploy": {"contents": "write", "deployments": "write"},
        "tombstones": {"contents": "write"},
    },
    "pull-request.yml": {
        "models": {"contents": "read"},
        "experiment": {"contents": "read"},
    },
    "release.yml": {
        "models": {"contents": "read"},
        "train": {"contents": "read"},
        "release": {"contents": "write", "packages": "write"},
        "deploy": {"contents": "write", "deployments": "write"},
    },
    "self-ci.yml": {
        "test": {"contents": "read"},
    },
}
TRIGGERS = {
    "comment.yml": {"workflow_run"},
    "deploy.yml": {"delete", "schedule", "workflow_dispatch", "workflow_call"},
    "pull-request.yml": {"pull_request"},
    "release.yml": {"push", "workflow_dispatch"},
    "self-ci.yml": {"pull_request", "push"},
}
TRAINS = {"train", "compare"}
HEAD = "github.event.workflow_run.head"
DEFAULT_BRANCH = {"repository": {"default_branch": "main"}}


@pytest.fixture(params=WORKFLOWS.values(), ids=lambda one: one.name)
def workflow(request: pytest.FixtureRequest) -> File:
    file: File = request.param
    return file


def actions_of(job: dict[str, Any]) -> set[str]:
    found = (own_action(step.get("uses", "")) for step in job.get("steps", []))
    return {one for one in found if one}


def jobs() -> list[tuple[str, str, dict[str, Any]]]:
    return [(of.name, name, job) for of in WORKFLOWS.values() for name, job in of.jobs.items()]


def called(job: dict[str, Any]) -> File | None:
    """Return the workflow that a job calls."""
    return WORKFLOWS[job["uses"].removeprefix("./.github/workflows/")] if "uses" in job else None


def test_the_workflows_are_those_that_the_tables_here_describe() -> None:
    assert set(WORKFLOWS) == set(GRANTS) == set(TRIGGERS)


def test_a_workflow_starts_at_its_own_events_only(workflow: File) -> None:
    assert set(workflow.triggers) == TRIGGERS[workflow.name]


# Grants


def test_a_workflow_grants_nothing_that_its_jobs_do_not_ask_for(workflow: File) -> None:
    assert workflow.content["permissions"] == {}


def test_every_job_has_the_grants_that_it_needs_and_no_other(workflow: File) -> None:
    assert {name: job["permissions"] for name, job in workflow.jobs.items()} == GRANTS[
        workflow.name
    ]


def test_every_grant_has_its_reason_beside_it(workflow: File) -> None:
    grants = re.findall(r"^ +[a-z-]+: (?:read|write)\b.*$", workflow.text, re.MULTILINE)

    assert len(grants) == sum(len(one) for one in GRANTS[workflow.name].values())
    assert all(re.search(r" # (to|for) \w+", one) for one in grants)


def test_a_job_that_trains_writes_nothing() -> None:
    training = [(of, name, job) for of, name, job in jobs() if actions_of(job) & TRAINS]

    assert {(of, name) for of, name, _ in training} == {
        ("pull-request.yml", "experiment"),
        ("release.yml", "train"),
    }
    for of, name, job in training:
        assert set(GRANTS[of][name].values()) == {"read"}
        assert "environment" not in job
        assert "secrets." not in str(job)


def test_a_job_that_writes_runs_no_code_of_a_trainer() -> None:
    writing = [
        job for of, name, job in jobs() if "write" in GRANTS[of][name].values() and "steps" in job
    ]

    assert len(writing) == 4
    for job in writing:
        assert not actions_of(job) & TRAINS
        assert not [step for step in job["steps"] if "run" in step]


def test_a_job_that_writes_restores_no_program_from_a_cache() -> None:
    """What trains on main could have written it."""
    for of, name, job in jobs():
        setups = [one for one in job.get("steps", []) if own_action(one.get("uses", "")) == "setup"]
        for step in setups:
            is_fresh = step.get("with", {}).get("cache") == "false"
            assert is_fresh == ("write" in GRANTS[of][name].values()), f"{of}: {name}"


def test_the_host_never_gets_a_token_that_pushes() -> None:
    for step in WORKFLOWS["deploy.yml"].jobs["deploy"]["steps"]:
        assert "token" not in step.get("with", {}).get("registry-password", "")


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=lambda one: one.name)
def test_a_called_workflow_gets_what_its_jobs_ask_for(workflow: File) -> None:
    order = ["none", "read", "write"]
    for job in workflow.jobs.values():
        callee = called(job)
        for inner in callee.jobs.values() if callee else []:
            for scope, grant in inner["permissions"].items():
                assert order.index(job["permissions"].get(scope, "none")) >= order.index(grant)


# What a stranger can reach


def test_a_pull_request_meets_no_secret() -> None:
    assert "secrets" not in re.sub(r"#.*", "", WORKFLOWS["pull-request.yml"].text)
    assert "pull_request_target" not in "".join(one.text for one in WORKFLOWS.values())


def test_what_comments_checks_out_the_default_branch_only() -> None:
    (checkout,) = [
        step for step in WORKFLOWS["comment.yml"].steps if "checkout" in step.get("uses", "")
    ]

    assert checkout["with"]["ref"] == "${{ github.event.repository.default_branch }}"
    assert "repository" not in checkout["with"]


def test_what_comments_runs_nothing_that_a_pull_request_names() -> None:
    """A head's branch names the group, which is compared and never run; its id is a number."""
    workflow = WORKFLOWS["comment.yml"]
    expressions = re.findall(r"\$\{\{ (.*?) \}\}", "".join(map(str, workflow.steps)))

    assert workflow.scripts == []
    assert sorted(expressions) == [
        "github.event.repository.default_branch",
        "github.event.workflow_run.id",
        "github.token",
    ]
    assert not re.search(r"pull_requests|download-artifact|head_sha", workflow.text)


def test_no_expression_is_expanded_inside_a_shell_script(workflow: File) -> None:
    assert not [one for one in workflow.scripts if "${{" in one]


def test_no_checkout_leaves_its_token_behind(workflow: File) -> None:
    checkouts = [step for step in workflow.steps if "actions/checkout@" in step.get("uses", "")]

    assert len(checkouts) == len([job for job in workflow.jobs.values() if "steps" in job])
    for step in checkouts:
        assert step["with"]["persist-credentials"] is False


def test_every_third_party_action_is_pinned_to_a_commit_with_its_version(workflow: File) -> None:
    for used, comment in uses(workflow):
        if not used.startswith("./"):
            assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", used)
            assert re.fullmatch(r"v\d+\.\d+\.\d+", comment)


def test_one_action_is_pinned_to_one_commit_everywhere() -> None:
    pins: dict[str, set[str]] = {}
    for file in [*WORKFLOWS.values(), *ACTIONS.values()]:
        for used, comment in uses(file):
            if not used.startswith("./"):
                name, _, commit = used.partition("@")
                pins.setdefault("/".join(name.split("/")[:2]), set()).add(f"{commit} {comment}")

    assert set(pins) == {"actions/cache", "actions/checkout", "actions/upload-artifact"}
    assert all(len(one) == 1 for one in pins.values()), pins


# What refers to what


def test_every_job_has_a_name_and_a_time_that_ends_it(workflow: File) -> None:
    for job in workflow.jobs.values():
        assert job["name"]
        assert ("timeout-minutes" in job) is ("uses" not in job)


def test_every_step_has_a_name(workflow: File) -> None:
    assert all(step.get("name") for step in workflow.steps)


def test_every_action_of_ours_exists_and_gets_the_inputs_that_it_has(workflow: File) -> None:
    assert not [told for step in workflow.steps for told in complaints(step)]


def test_trainshed_is_set_up_before_any_other_action_of_it(workflow: File) -> None:
    for job in workflow.jobs.values():
        ours = [own_action(step.get("uses", "")) for step in job.get("steps", [])]
        assert [one for one in ours if one][:1] in ([], ["setup"])


def test_every_output_that_is_read_exists(workflow: File) -> None:
    for job in workflow.jobs.values():
        ids = {step["id"]: step for step in job.get("steps", []) if "id" in step}
        for step, output in re.findall(r"steps\.(\w+)\.outputs\.([\w-]+)", str(job)):
            action = own_action(ids[step]["uses"])
            assert action
            assert output in ACTIONS[action].content["outputs"]
        for other, output in re.findall(r"needs\.(\w+)\.outputs\.([\w-]+)", str(job)):
            assert output in workflow.jobs[other]["outputs"]
            assert other in needed(job)


def test_a_job_that_asks_how_another_ended_waits_for_it(workflow: File) -> None:
    for job in workflow.jobs.values():
        assert set(re.findall(r"needs\.(\w+)\.", str(job))) <= set(needed(job))
        assert set(needed(job)) <= set(workflow.jobs)


def needed(job: dict[str, Any]) -> list[str]:
    found = job.get("needs", [])
    return [found] if isinstance(found, str) else found


def test_what_is_passed_to_a_called_workflow_is_what_it_takes(workflow: File) -> None:
    for job in workflow.jobs.values():
        callee = called(job)
        if callee:
            takes = callee.triggers["workflow_call"]
            assert set(job["with"]) <= set(takes["inputs"])
            assert set(job["secrets"]) == set(takes["secrets"])
            assert set(re.findall(r"secrets\.(\w+)", callee.text)) == set(takes["secrets"])


def test_every_file_that_a_step_runs_exists(workflow: File) -> None:
    for script in workflow.scripts:
        for path in re.findall(r"(?:\.ci|scripts)/[\w./-]+", script):
            assert (ROOT / path).is_file()


def test_a_comment_follows_the_workflow_that_compares_by_its_real_name() -> None:
    (named,) = WORKFLOWS["comment.yml"].triggers["workflow_run"]["workflows"]

    assert named == WORKFLOWS["pull-request.yml"].content["name"]


def test_what_is_uploaded_is_what_the_comparison_wrote() -> None:
    job = WORKFLOWS["pull-request.yml"].jobs["experiment"]
    (compare,) = [step for step in job["steps"] if step.get("uses") == "./actions/compare"]
    (upload,) = [step for step in job["steps"] if "upload-artifact@" in step.get("uses", "")]

    assert upload["with"]["path"] == compare["with"]["result"]
    assert upload["with"]["path"].endswith("/result.json")
    assert upload["with"]["name"] == f"trainshed-{compare['with']['model']}"
    assert upload["if"] == "${{ !cancelled() }}"


def test_every_workflow_says_on_top_what_it_is_for(workflow: File) -> None:
    assert re.match(r"# \S.*\.\n", workflow.text)


# Who waits for whom


def groups(file: File) -> list[str]:
    parts = [file.content, *file.jobs.values()]
    return [one["concurrency"]["group"] for one in parts if "concurrency" in one]


def test_the_groups_are_those_of_the_design() -> None:
    assert {file.name: groups(file) for file in WORKFLOWS.values()} == {
        "comment.yml": [f"comment-${{{{ {HEAD}_repository.full_name }}}}-${{{{ {HEAD}_branch }}}}"],
        "deploy.yml": ["deploy-${{ matrix.environment }}", "tombstones"],
        "pull-request.yml": ["pull-request-${{ github.event.pull_request.number }}"],
        "release.yml": ["release"],
        "self-ci.yml": ["self-ci-${{ github.ref }}"],
    }


def test_of_several_releases_that_wait_only_the_newest_does() -> None:
    assert WORKFLOWS["release.yml"].content["concurrency"] == {"group": "release"}


def test_a_deployment_that_waits_is_never_cancelled() -> None:
    assert "concurrency" not in WORKFLOWS["deploy.yml"].content
    assert WORKFLOWS["deploy.yml"].jobs["deploy"]["concurrency"] == {
        "group": "deploy-${{ matrix.environment }}",
        "queue": "max",
    }


def test_caller_and_called_never_wait_for_each_other(workflow: File) -> None:
    for job in workflow.jobs.values():
        callee = called(job)
        if callee:
            fixed = {one.partition("${{")[0] for one in groups(workflow)}
            assert not [
                (one, other)
                for one in fixed
                for other in groups(callee)
                if other.startswith(one) or one.startswith(other.partition("${{")[0])
            ]


def test_only_what_changes_nothing_is_cancelled_while_it_runs(workflow: File) -> None:
    cancels = "cancel-in-progress: true" in workflow.text
    writes = any("write" in one.values() for one in GRANTS[workflow.name].values())

    assert not (cancels and writes)


def test_the_schedule_avoids_the_full_hour() -> None:
    """GitHub starts what is scheduled then late, or drops it."""
    (one,) = WORKFLOWS["deploy.yml"].triggers["schedule"]

    minute, *rest = one["cron"].split()
    assert 5 <= int(minute) <= 55
    assert rest == ["*"] * 4


def test_environments_are_served_in_their_order_and_a_failure_holds_none_of_them() -> None:
    strategy = WORKFLOWS["deploy.yml"].jobs["deploy"]["strategy"]

    assert (strategy["max-parallel"], strategy["fail-fast"]) == (1, False)


def test_a_job_writes_no_deployment_of_its_own(workflow: File) -> None:
    for job in workflow.jobs.values():
        if "environment" in job:
            assert job["environment"]["deployment"] is False


# Filters, as GitHub's own evaluator reads them


def deploys(event: str, *, ref_name: str = "main", **payload: str) -> bool:
    """Whether deploy.yml does anything at an event."""
    github = {
        "event_name": event,
        "ref_name": ref_name,
        "event": {**DEFAULT_BRANCH, **payload},
    }
    return bool(evaluate(WORKFLOWS["deploy.yml"].jobs["environments"]["if"], github=github))


@pytest.mark.parametrize(
    ("ref_type", "ref", "is_meant"),
    [
        pytest.param("tag", "churn@v1.1.0", True, id="a release"),
        pytest.param("tag", "churn@v1.1.0!", True, id="a revert mark"),
        pytest.param("tag", "v1.1.0", False, id="a tag of the project's own"),
        pytest.param("tag", "nightly", False, id="any other tag"),
        pytest.param("branch", "more-data", False, id="a branch"),
        pytest.param("branch", "churn@v1.1.0", False, id="a branch called as a release is"),
    ],
)
def test_only_the_deleted_tag_of_a_release_is_a_rollback(
    ref_type: str, ref: str, is_meant: bool
) -> None:
    assert deploys("delete", ref_type=ref_type, ref=ref) is is_meant


@pytest.mark.parametrize("event", ["schedule", "push"])
def test_the_schedule_and_a_release_that_calls_deploy_always_do(event: str) -> None:
    assert deploys(event)


@pytest.mark.parametrize(("branch", "is_meant"), [("main", True), ("my-branch", False)])
def test_dispatching_works_from_the_default_branch_only(branch: str, is_meant: bool) -> None:
    assert deploys("workflow_dispatch", ref_name=branch) is is_meant
    condition = WORKFLOWS["release.yml"].jobs["models"]["if"]
    github = {"ref_name": branch, "event": DEFAULT_BRANCH}
    assert evaluate(condition, github=github) is is_meant


@pytest.mark.parametrize(("event", "is_meant"), [("pull_request", True), ("push", False)])
def test_only_the_run_of_a_pull_request_is_told(event: str, is_meant: bool) -> None:
    condition = WORKFLOWS["comment.yml"].jobs["comment"]["if"]

    assert evaluate(condition, github={"event": {"workflow_run": {"event": event}}}) is is_meant


def test_what_can_be_dispatched_is_what_the_action_does() -> None:
    inputs = WORKFLOWS["deploy.yml"].triggers["workflow_dispatch"]["inputs"]
    said = ACTIONS["deploy"].content["inputs"]["verb"]

    assert inputs["verb"]["options"] == re.findall(r"`(\w+)`", said["description"])
    assert inputs["verb"]["default"] == said["default"]


def test_every_expression_passed_to_deploy_has_a_value_at_an_event_without_inputs() -> None:
    (step,) = [
        one
        for one in WORKFLOWS["deploy.yml"].jobs["deploy"]["steps"]
        if one.get("uses") == "./actions/deploy"
    ]
    contexts: dict[str, Any] = {
        "inputs": {},
        "matrix": {"environment": "production"},
        "github": {"token": "t", "actor": "someone"},
        "secrets": {},
    }

    passed = {
        name: evaluate(re.sub(r"^\$\{\{ | \}\}$", "", value), **contexts)
        for name, value in step["with"].items()
    }

    assert passed == {
        "verb": "run",
        "environment": "production",
        "forward": None,
        "tag": None,
        "reason": None,
        "token": "t",
        "registry-user": None,
        "registry-password": None,
        "ssh-key": None,
    }


def test_a_job_stands_below_those_that_it_needs(workflow: File) -> None:
    order = list(workflow.jobs)

    for name, job in workflow.jobs.items():
        assert all(order.index(one) < order.index(name) for one in needed(job))
