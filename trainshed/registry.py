"""The image registry: pull, push by digest, and look. What fails for a moment is tried again."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from docker.errors import APIError, DockerException, NotFound

from trainshed import engine
from trainshed.engine import Client
from trainshed.errors import OutsideError, ReleaseStateError

_WAITS = (0.5, 2.0, 5.0)
_PASSING = (
    "500 ", "502 ", "503 ", "504 ", "429 ", "internal server error", "bad gateway",
    "service unavailable", "gateway timeout", "too many requests", "timeout", "timed out",
    "connection refused", "connection reset", "eof", "no such host", "temporary failure",
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
            return str(client.images.get_registry_data(reference).id)
        except NotFound:
            return None
        except APIError as error:
            said = str(error.explanation or error)
            if "manifest unknown" in said or "not found" in said:
                return None
            raise _Refused(said) from None

    return _retried(look, doing=f"looking for {reference}")


def push(client: Client, repository: str, tag: str, *, tell: Callable[[str], None]) -> str:
    """Push a local tag; return its digest, `sha256:…`."""

    def once() -> str:
        digest = ""
        try:
            for line in client.images.push(repository, tag=tag, stream=True, decode=True):
                if "error" in line:
                    raise _Refused(str(line["error"]))
                digest = line.get("aux", {}).get("Digest", digest)
        except (APIError, OSError) as error:
            raise _Refused(str(error)) from None
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

    def once() -> Any:
        try:
            return client.images.pull(reference)
        except NotFound:
            raise ImageIsGone(
                f"The registry has no image {reference}.",
                fix="Restore it there, or release main again: scripts/release.py",
            ) from None
        except (APIError, OSError) as error:
            raise _Refused(str(getattr(error, "explanation", None) or error)) from None

    tell(f"pulling {reference}")
    return _retried(once, doing=f"pulling {reference}")


def _retried(attempt: Callable[[], T], *, doing: str) -> T:
    for wait in (*_WAITS, None):
        try:
            return attempt()
        except _Refused as refusal:
            said = str(refusal)
            if wait is None or not any(sign in said.lower() for sign in _PASSING):
                break
            time.sleep(wait)
        except DockerException as error:
            said = str(error)
            break
    raise RegistryFailed(
        f"The registry failed while {doing}: {said.strip()}",
        fix="Nothing was released. Check that it runs, has space, and that `docker login` lets you "
        "push there; then run the same command again.",
    )
