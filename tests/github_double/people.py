"""Accounts as GitHub shows them, and repositories in the short form that other things hold."""

import hashlib
import urllib.parse
from typing import Any

from github_double.routes import Request
from github_double.state import Repository
from github_double.things import ACTIONS

# The bot of GitHub Actions has the same number everywhere.
_NUMBERS = {ACTIONS: 41898282}


def user(request: Request, login: str, *, is_organisation: bool = False) -> dict[str, Any]:
    """Return an account, by its login; one that ends in `[bot]` belongs to an app."""
    name = urllib.parse.quote(login)
    url = f"{request.base}/users/{name}"
    is_bot = login.endswith("[bot]")
    page = f"apps/{login.removesuffix('[bot]')}" if is_bot else login
    number = _NUMBERS.get(login) or int(hashlib.sha256(login.encode()).hexdigest()[:6], 16)
    return {
        "login": login,
        "id": number,
        "node_id": f"U_{number}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"https://github.com/{page}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": "Bot" if is_bot else "Organization" if is_organisation else "User",
        "user_view_type": "public",
        "site_admin": False,
    }


def minimal_repository(
    request: Request, full_name: str, known: Repository | None
) -> dict[str, Any]:
    """Return a repository as runs and heads of pull requests hold it, ours or a fork of it."""
    example = request.example("GET /repos/{owner}/{repo}/actions/runs")
    shown = example["workflow_runs"][0]["repository"]
    owner, _, name = full_name.partition("/")
    shown = {
        key: value.replace(request.repository.full_name, full_name)
        if isinstance(value, str) else value
        for key, value in shown.items()
    }  # fmt: skip
    is_ours = known is not None and known.full_name == full_name
    return shown | {
        "id": known.id if known else int(hashlib.sha256(full_name.encode()).hexdigest()[:6], 16),
        "name": name,
        "full_name": full_name,
        "owner": user(request, owner, is_organisation=bool(known and known.is_organisation)),
        "private": bool(known and known.is_private),
        "fork": not is_ours,
        "url": f"{request.base}/repos/{full_name}",
        "html_url": f"https://github.com/{full_name}",
    }
