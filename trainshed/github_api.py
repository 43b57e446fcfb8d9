"""GitHub's REST API through PyGithub: one way to connect, one way to tell what it refused.

PyGithub is imported where it is needed (a tenth of a second): most scripts never ask GitHub. So is
`trainshed.github_patience`, which says how often and how long a request is tried again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainshed.errors import ConfigurationError, OutsideError
from trainshed.settings import GitHub, Settings

if TYPE_CHECKING:
    from github import Github
    from github.Repository import Repository

_TIMEOUT = 30  # seconds, for one request
_AGENT = "trainshed"
_LONGEST_MESSAGE = 300


class GitHubIsNotConfigured(ConfigurationError):
    """There is no token or no repository, and what was asked for needs GitHub."""


class TokenMayNot(OutsideError):
    """GitHub does not let this token do it: a permission is missing."""


class GitHubIsNotThere(OutsideError):
    """GitHub says that there is no such thing, or that this token may not see it."""


class GitHubRefused(OutsideError):
    """GitHub understood a request and did not accept it."""


class GitHubLimitsUs(OutsideError):
    """GitHub asks for a longer wait than a job should take."""


class GitHubCannotBeReached(OutsideError):
    """GitHub did not answer, or only with errors of its own, each time it was tried."""


def require(settings: Settings) -> GitHub:
    """Return where GitHub is, for what cannot be done without it."""
    if settings.github is None:
        raise GitHubIsNotConfigured(
            "This needs GitHub, and there is no token or no repository to speak of.",
            fix="Set TRAINSHED_GITHUB_TOKEN and GITHUB_REPOSITORY (owner/name).",
        )
    return settings.github


def connect(github: GitHub) -> Github:
    """Return a client. It asks nothing yet; what it returns later is complete, never lazy."""
    from github import Auth, Github  # noqa: PLC0415

    from trainshed.github_patience import Patience  # noqa: PLC0415

    logging.getLogger("github").setLevel(logging.WARNING)  # each refusal is told once, by `told`
    return Github(
        auth=Auth.Token(github.token),
        base_url=github.api,
        timeout=_TIMEOUT,
        user_agent=_AGENT,
        per_page=100,
        retry=Patience(),
        # A handful of requests in one job, one after the other: there is nothing to space out.
        seconds_between_requests=0,
        seconds_between_writes=0,
    )


def repository(github: GitHub, client: Github | None = None) -> Repository:
    """Return our repository without asking for it: only its address is known yet."""
    from github.Repository import Repository  # noqa: PLC0415

    requester = (client or connect(github)).requester
    known = {
        "url": f"{github.api.rstrip('/')}/repos/{github.repository}",
        "full_name": github.repository,
    }
    return Repository(requester, {}, known, completed=False)


@contextmanager
def told(doing: str) -> Generator[None]:
    """Turn what PyGithub raises into our errors. `doing` completes "GitHub did not let us …".

    Raises:
        TokenMayNot: 401, 403; names the permission that GitHub asks for.
        GitHubIsNotThere: 404, 410.
        GitHubLimitsUs: a rate limit that lasts too long.
        GitHubCannotBeReached: no answer, or 5xx, each time it was tried.
        GitHubRefused: everything else.
    """
    from github import GithubException  # noqa: PLC0415
    from requests import RequestException  # noqa: PLC0415

    try:
        yield
    except GithubException as error:
        raise _error(error, doing) from None
    except RequestException as error:
        raise GitHubCannotBeReached(
            f"GitHub could not be asked to {doing}: {_reason(error)}.",
            fix="Run the same command again later; https://www.githubstatus.com says what is down.",
        ) from None


def _error(error: Any, doing: str) -> OutsideError:
    """Say what one answer of GitHub means, by its status."""
    said = _message(error)
    headers: Mapping[str, str] = error.headers or {}
    if _is_limit(error):
        return GitHubLimitsUs(
            f"GitHub limits how often it may be asked, and we wanted to {doing}: {said}",
            fix="Run the same job again in an hour; fewer jobs at once keep under the limit.",
        )
    if error.status == 401:
        return TokenMayNot(
            f"GitHub does not know the token with which we wanted to {doing}: {said}",
            fix="Pass `github-token: ${{ github.token }}`, or a token that has not expired.",
        )
    if error.status == 403:
        return TokenMayNot(
            f"The token may not {doing}: {said}",
            fix=f"Give the job {_wanted(headers)} under `permissions:`. (A pull request from a "
            "fork, or from Dependabot, has a token that can only read, whatever is written there.)",
        )
    if error.status in {404, 410}:
        return GitHubIsNotThere(
            f"GitHub found nothing when we wanted to {doing}: {said}",
            fix=f"It was deleted, or hidden from this token: the job may need {_wanted(headers)}.",
        )
    if error.status >= 500:
        return GitHubCannotBeReached(
            f"GitHub failed when we wanted to {doing} (status {error.status}): {said}",
            fix="Run the same command again later; https://www.githubstatus.com says what is down.",
        )
    return GitHubRefused(
        f"GitHub did not let us {doing} (status {error.status}): {said}",
        fix="Mend what it says, then run the same command again.",
    )


def _is_limit(error: Any) -> bool:
    from github import RateLimitExceededException  # noqa: PLC0415
    from github.GithubException import RateLimitExceededExceedsMaxWait  # noqa: PLC0415

    kinds = (RateLimitExceededException, RateLimitExceededExceedsMaxWait)
    return isinstance(error, kinds) or error.status == 429


def _wanted(headers: Mapping[str, str]) -> str:
    """Name the permissions that GitHub says it would accept, as a workflow writes them.

    Its header reads `issues=write; pull_requests=write`: either is enough.
    """
    accepted = headers.get("x-accepted-github-permissions", "")
    ways = [
        ", ".join(f"`{one.strip().replace('_', '-').replace('=', ': ')}`" for one in way.split(","))
        for way in accepted.split(";")
        if way.strip()
    ]
    return printable(" or ".join(ways)) or "the permission for it"


def _message(error: Any) -> str:
    """Return GitHub's own words on one line; it may quote what a stranger wrote."""
    data = error.data if isinstance(error.data, Mapping) else {}
    details = [
        str(one.get("message") or one.get("code") or "") if isinstance(one, Mapping) else str(one)
        for one in data.get("errors") or []
    ]
    words = "; ".join(filter(None, [str(data.get("message") or error.message or ""), *details]))
    return printable(words)[:_LONGEST_MESSAGE] or f"status {error.status}"


def _reason(error: Exception) -> str:
    """Return the innermost reason of a failed request, without addresses of objects."""
    cause = error.args[0] if error.args else error
    reason = getattr(cause, "reason", None) or cause
    return printable(str(reason).rpartition(">: ")[2])[:_LONGEST_MESSAGE] or type(error).__name__


def printable(text: str) -> str:
    """Return foreign text as one line that no terminal and no log takes for a command."""
    one_line = " ".join(text.split())
    shown = "".join(one if one.isprintable() else "�" for one in one_line)
    return re.sub(r":(?=:)|#(?=#\[)", "\\g<0>\u200b", shown)
