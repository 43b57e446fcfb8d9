"""The image registry: pull, push by digest, and look. What fails for a moment is tried again.

The engine talks to it, so what it says comes as the engine's text. Credentials are those of the
environment (TRAINSHED_REGISTRY_USER, TRAINSHED_REGISTRY_PASSWORD), else of `docker login`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from docker.errors import APIError, NotFound
from requests.exceptions import ReadTimeout
from urllib3.exceptions import ReadTimeoutError

from trainshed import engine
from trainshed.engine import Client
from trainshed.errors import OutsideError, ReleaseStateError
from trainshed.settings import settings

_WAITS = (0.5, 2.0, 5.0)
_PATIENCE_SECONDS = 45.0
"""A try that took longer is the last: the engine itself tried again all the while, or waited."""
_PASSING = (
    "500 ", "502 ", "503 ", "504 ", "429 ", "internal server error", "bad gateway",
    "service unavailable", "gateway timeout", "too many requests", "toomanyrequests", "timeout",
    "timed out", "connection refused", "connection reset", "eof", "no such host",
    "temporary failure",
)  # fmt: skip

T = TypeVar("T")


class RegistryFailed(OutsideError):
    """The image registry refused, is full, or did not answer after several tries."""


class ImageIsGone(ReleaseStateError):
    """The registry has no image of that digest any more."""


class _Refused(Exception):  # never leaves this module
    """One try that failed; its text tells whether another one may help."""


def digest_of(client: Client, reference: str) -> str | None:
    """Return the digest that a tag names in its registry; None when there is no such tag.

    Raises:
        RegistryFailed: it cannot be asked.
    """

    def look() -> str | None:
        try:
            return str(client.images.get_registry_data(reference, _credentials()).id)
        except NotFound:
            return None
        except APIError as error:
            said = str(error.explanation or error)
            if "manifest unknown" in said or "not found" in said:
                return None
            raise

    return _retried(look, doing=f"looking for {reference}")


def push(client: Client, repository: str, tag: str, *, tell: Callable[[str], None]) -> str:
    """Push a local tag; return its digest, `sha256:…`.

    Raises:
        RegistryFailed: it refused, or did not answer.
    """

    def once() -> str:
        digest = ""
        lines = client.images.push(
            repository, tag=tag, stream=True, decode=True, auth_config=_credentials()
        )
        for line in _said(lines):
            digest = line.get("aux", {}).get("Digest", digest)
        if not digest:
            raise _Refused("it told no digest")
        return digest

    tell(f"pushing {repository}:{tag}")
    return _retried(once, doing=f"pushing {repository}:{tag}")


def pull(client: Client, reference: str, *, tell: Callable[[str], None]) -> Any:
    """Return the image of a digest reference, pulled unless it is here already.

    Raises:
        ImageIsGone: the registry has none of that digest.
        RegistryFailed: it cannot be pulled.
    """
    here = engine.image(client, reference)
    if here is not None:
        return here
    tell(f"pulling {reference}")
    # Asked first because the answer comes in time or not at all: a pull has no limit of its own.
    if digest_of(client, reference) is None:
        raise ImageIsGone(
            f"The registry has no image {reference}.",
            fix="Restore it there, or release main again: scripts/release.py",
        )

    def once() -> Any:
        lines = client.api.pull(reference, stream=True, decode=True, auth_config=_credentials())
        for _ in _said(lines):
            pass  # a failure comes as one of the lines, which the SDK's own pull does not read
        return client.images.get(reference)

    return _retried(once, doing=f"pulling {reference}")


def _retried(attempt: Callable[[], T], *, doing: str) -> T:
    for wait in (*_WAITS, None):
        started = time.monotonic()
        try:
            with engine.told(doing), _refusals():
                return attempt()
        except _Refused as refusal:
            said = str(refusal).strip()
        is_long = time.monotonic() - started > _PATIENCE_SECONDS
        if wait is None or is_long or not any(sign in said.lower() for sign in _PASSING):
            break
        time.sleep(wait)
    raise RegistryFailed(
        f"The registry failed while {doing}: {said}",
        fix="Nothing was released. Check that it runs, has space, and lets you push there, by "
        "`docker login` or TRAINSHED_REGISTRY_USER and TRAINSHED_REGISTRY_PASSWORD; then run the "
        "same command again.",
    )


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what the registry said into one kind of refusal; an engine that fails is not one."""
    try:
        yield
    except APIError as error:
        raise _Refused(str(error.explanation or error)) from None
    except (ReadTimeout, ReadTimeoutError) as error:
        raise _Refused(f"no answer in time ({error}): timed out") from None


def _said(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if "error" in line:
            raise _Refused(str(line["error"]))
        yield line


def _credentials() -> dict[str, str] | None:
    now = settings()
    if now.registry_user is None or now.registry_password is None:
        return None
    return {"username": now.registry_user, "password": now.registry_password}
