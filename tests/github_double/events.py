"""Payloads of the events that start workflows: GitHub's own examples, with our names and commits.

Each function returns what GITHUB_EVENT_PATH would hold. `schedule` is no webhook and has no
example: its payload is short, and known from runs.
"""

import functools
import json
import re
from typing import Any

import npm_packages

from github_double.state import Repository
from github_double.things import Pull, Run

NOBODY = "0" * 40
"""The id that stands for "there is none" in a push."""
Payload = dict[str, Any]


def pull_request(
    repository: Repository, pull: Pull, action: str = "opened", *, before: str = NOBODY
) -> Payload:
    """Return the payload of an action; `before` is the head that a `synchronize` moved on from."""
    payload = _example(repository, "pull_request", action=action)
    shown = payload["pull_request"]
    url = f"https://api.github.com/repos/{repository.full_name}"
    page = f"https://github.com/{repository.full_name}/pull/{pull.number}"
    author = _account(shown["user"], pull.author)
    shown |= {
        "number": pull.number,
        "url": f"{url}/pulls/{pull.number}",
        "issue_url": f"{url}/issues/{pull.number}",
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "comments_url": f"{url}/issues/{pull.number}/comments",
        "statuses_url": f"{url}/statuses/{pull.head_sha}",
        "title": pull.title,
        "user": author,
        "state": pull.state,
        "draft": pull.is_draft,
        "created_at": pull.created_at,
        "updated_at": pull.created_at,
        "merged": pull.merged_at is not None,
        "merged_at": pull.merged_at,
        "merge_commit_sha": pull.merge_commit_sha,
    }
    base = payload["repository"]
    shown["base"] |= {
        "ref": pull.base_ref, "sha": pull.base_sha, "repo": shown["base"]["repo"] | base,
        "label": f"{repository.owner}:{pull.base_ref}",
    }  # fmt: skip
    shown["head"] |= {
        "ref": pull.head_ref, "sha": pull.head_sha,
        "label": f"{pull.head_repository.partition('/')[0]}:{pull.head_ref}",
        "repo": _head_of(repository, pull.head_repository, shown["base"]["repo"]),
        "user": _account(shown["user"], pull.head_repository.partition("/")[0]),
    }  # fmt: skip
    payload |= {"action": action, "number": pull.number, "sender": author}
    if action == "synchronize":
        payload |= {"before": before, "after": pull.head_sha}
    return payload


def workflow_run(repository: Repository, run: Run, action: str = "completed") -> Payload:
    payload = _example(repository, "workflow_run", action=action)
    used = repository.workflows[run.workflow_id]
    url = f"https://api.github.com/repos/{repository.full_name}"
    page = f"https://github.com/{repository.full_name}"
    payload["workflow"] |= {
        "id": used.id, "name": used.name, "path": used.path, "state": used.state,
        "url": f"{url}/actions/workflows/{used.id}",
        "html_url": f"{page}/blob/{repository.default_branch}/{used.path}",
    }  # fmt: skip
    shown = payload["workflow_run"]
    shown |= {
        "id": run.id,
        "name": run.name,
        "path": used.path,
        "event": run.event,
        "status": run.status,
        "conclusion": run.conclusion if run.status == "completed" else None,
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "head_commit": shown["head_commit"] | {"id": run.head_sha},
        "workflow_id": run.workflow_id,
        "run_attempt": run.attempt,
        "url": f"{url}/actions/runs/{run.id}",
        "html_url": f"{page}/actions/runs/{run.id}",
        "workflow_url": f"{url}/actions/workflows/{run.workflow_id}",
        "created_at": run.created_at,
        "updated_at": run.created_at,
        "run_started_at": run.created_at,
        "pull_requests": [_pull_of(repository, number) for number in run.pulls],
        "head_repository": _head_of(repository, run.head_repository, shown["head_repository"]),
    }
    for name in ("jobs", "logs", "artifacts", "cancel", "rerun"):
        shown[f"{name}_url"] = f"{url}/actions/runs/{run.id}/{name}"
    payload["action"] = action
    return payload


def push(
    repository: Repository, ref: str, after: str, *, before: str = NOBODY, message: str = "Change"
) -> Payload:
    """Return the payload of a push to a full ref; `after` NOBODY: it was deleted."""
    payload = _example(
        repository, "push", ref=re.compile("refs/heads/" if "/heads/" in ref else "refs/tags/")
    )
    commit = _head_commit(payload, repository, after, message)
    is_new, is_gone = before == NOBODY, after == NOBODY
    return payload | {
        "ref": ref,
        "before": before,
        "after": after,
        "created": is_new,
        "deleted": is_gone,
        "forced": False,
        "base_ref": None,
        "compare": f"https://github.com/{repository.full_name}/compare/{before[:12]}...{after[:12]}",
        "commits": [] if commit is None or is_new else [commit],
        "head_commit": commit,
    }


def delete(repository: Repository, name: str, *, kind: str = "tag") -> Payload:
    """Return the payload of a deleted tag or branch: it holds the short name, and no commit."""
    return _example(repository, "delete") | {"ref": name, "ref_type": kind}


def workflow_dispatch(
    repository: Repository, workflow: str, *, ref: str | None = None,
    inputs: dict[str, str] | None = None,
) -> Payload:  # fmt: skip
    """Return the payload of a workflow that was started by hand; `workflow` is its path."""
    return _example(repository, "workflow_dispatch") | {
        "ref": ref or f"refs/heads/{repository.default_branch}",
        "workflow": workflow,
        "inputs": inputs or {},
    }


def schedule(repository: Repository, workflow: str, cron: str) -> Payload:
    shown = _example(repository, "workflow_dispatch")["repository"]
    return {"schedule": cron, "workflow": workflow, "repository": shown}


def _example(repository: Repository, event: str, **wanted: Any) -> Payload:
    """Return an example of an event, and of an action or ref where there is one of it."""
    examples = _examples()[event]
    fitting = [one for one in examples if all(_fits(one.get(key), value)
                                              for key, value in wanted.items())]  # fmt: skip
    chosen = (fitting or examples)[0]
    text = json.dumps(chosen)
    theirs = chosen["repository"]["full_name"]
    for name in {theirs, theirs.lower(), "octo-org/octo-repo", "Codertocat/Hello-World"}:
        text = text.replace(name, repository.full_name)
    payload: Payload = json.loads(text)
    shown = payload["repository"]
    shown |= {
        "id": repository.id,
        "name": repository.name,
        "full_name": repository.full_name,
        "owner": _account(shown["owner"], repository.owner),
        "private": repository.is_private,
        "fork": repository.is_fork,
        "default_branch": repository.default_branch,
    }
    for name in ("installation", "organization", "assignee", "label"):
        payload.pop(name, None)
    return payload


def _fits(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, re.Pattern):
        return isinstance(value, str) and wanted.match(value) is not None
    return bool(value == wanted)


@functools.cache
def _examples() -> dict[str, list[Payload]]:
    folder = npm_packages.node_modules() / "@octokit" / "webhooks-examples" / "api.github.com"
    content = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return {one["name"]: one["examples"] for one in content}


def _account(example: Payload, login: str) -> Payload:
    text = json.dumps(example).replace(example["login"], login)
    account: Payload = json.loads(text)
    return account | {"login": login}


def _head_of(repository: Repository, full_name: str, example: Payload) -> Payload:
    """Return the repository that a head is in: ours, or a fork of it."""
    owner, _, name = full_name.partition("/")
    text = json.dumps(example).replace(example["full_name"], full_name)
    head: Payload = json.loads(text)
    return head | {
        "full_name": full_name,
        "name": name,
        "owner": _account(example["owner"], owner),
        "fork": full_name != repository.full_name or repository.is_fork,
    }


def _pull_of(repository: Repository, number: int) -> Payload:
    pull = repository.pulls[number]
    url = f"https://api.github.com/repos/{repository.full_name}"
    ours = {"id": repository.id, "name": repository.name, "url": url}
    return {
        "id": repository.id * 1000 + number,
        "number": number,
        "url": f"{url}/pulls/{number}",
        "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": ours},
        "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": ours},
    }


def _head_commit(
    payload: Payload, repository: Repository, after: str, message: str
) -> Payload | None:
    example = payload["head_commit"]
    if after == NOBODY or example is None:
        return None
    url = f"https://github.com/{repository.full_name}/commit/{after}"
    changed: Payload = example | {"id": after, "message": message, "url": url}
    return changed
