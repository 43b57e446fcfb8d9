"""CML, which posts the comment where it can: its command, its marker, and what it would update.

CML ends a comment with an image that has no picture: `![](https://cml.dev/watermark.png#<commit>
"CML watermark <title>")`. It updates the newest comment that holds one with the same title, whoever
wrote it, and sees only the first page of comments (version 0.20.6). So it is asked only where that
is the comment that we would update too.
"""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trainshed import github_api
from trainshed.errors import OutsideError
from trainshed.settings import GitHub, child_environment

PAGE = 30
"""Comments that CML looks at: the oldest ones."""
_IMAGE = "https://cml.dev/watermark.png"
_TIMEOUT = 120.0
# What a program needs to reach GitHub; no credential of a registry, of ssh or of the cloud.
_KEPT = {
    "PATH", "LANG", "LC_ALL", "TZ", "TMPDIR",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR",
}  # fmt: skip


class CmlFailed(OutsideError):
    """CML could not post a comment; the REST API does it then."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """A comment as GitHub lists it."""

    id: int
    author: str
    body: str
    url: str


def marker(model: str, commit: str) -> str:
    """Return what ends a comment about a model, as CML writes it."""
    return f'![]({_IMAGE}#{commit} "{_title(model)}")'


def with_marker(body: str, model: str, commit: str) -> str:
    """Return a whole comment, as CML makes it of a body."""
    return f"{body}\n\n{marker(model, commit)}"


def has_marker(body: str, model: str) -> bool:
    """Tell whether CML takes a comment for the one about this model: it may be anywhere in it."""
    return re.search(_pattern(model), body) is not None


def ends_with_marker(body: str, model: str) -> bool:
    """Tell whether a comment is one that CML or we wrote: one that quotes ours goes on after it."""
    last = body.rstrip().splitlines()[-1:] or [""]
    return re.fullmatch(_pattern(model), last[0]) is not None


def ours(comments: Sequence[Written], *, model: str, author: str) -> list[Written]:
    """Return our own comments about a model, oldest first. A marker alone proves nothing."""
    return [one for one in comments if one.author == author and ends_with_marker(one.body, model)]


def does_right(comments: Sequence[Written], *, model: str, author: str) -> bool:
    """Tell whether CML would update what we would: the newest of ours, or nothing yet."""
    marked = [one.id for one in comments[:PAGE] if has_marker(one.body, model)]
    own = [one.id for one in ours(comments, model=model, author=author)]
    return marked[-1:] == own[-1:]


def program() -> str | None:
    """Return the path of CML; None when it is not installed."""
    return shutil.which("cml", path=child_environment().get("PATH"))


def comment(github: GitHub, *, pull: int, model: str, commit: str, body: str) -> None:
    """Have CML post or update the comment about a model on a pull request.

    Raises:
        CmlFailed: it is not there, ended with an error, or took too long. It may have posted.
    """
    path = program()
    if path is None:
        raise CmlFailed("CML is not installed.", fix="Look at the step that installs it.")
    with tempfile.TemporaryDirectory(prefix="trainshed-cml-") as folder:
        file = Path(folder) / "comment.md"
        file.write_text(body, encoding="utf-8")
        try:
            finished = subprocess.run(
                [path, *_arguments(github, pull=pull, model=model), str(file)],
                cwd=folder,
                env=_environment(github, commit=commit, home=folder),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CmlFailed(
                f"CML could not do its work: {type(error).__name__}.",
                fix="Look at the step that installs it.",
            ) from None
    if finished.returncode != 0:
        said = (finished.stderr or finished.stdout).decode("utf-8", "replace")
        raise CmlFailed(
            f"CML ended with code {finished.returncode}: {_shown(said, github.token)}",
            fix="Look at the step that installs it, and at the permissions of the job.",
        )


def _arguments(github: GitHub, *, pull: int, model: str) -> list[str]:
    """Name everything: what CML would guess it guesses from the event, which is another one."""
    return [
        "comment", "update", "--driver=github", f"--repo={github.server}/{github.repository}",
        f"--target=pr/{pull}", "--publish=false", f"--watermark-title={model}",
    ]  # fmt: skip


def _environment(github: GitHub, *, commit: str, home: str) -> dict[str, str]:
    """Return all that CML is told. It writes into the git configuration of its home: not ours."""
    kept = {name: value for name, value in child_environment().items() if name in _KEPT}
    return kept | {
        "CI": "true",
        "GITHUB_REPOSITORY": github.repository,
        "GITHUB_SHA": commit,  # the commit that its marker names
        "GITHUB_TOKEN": github.token,
        "HOME": home,
        "ITERATIVE_DO_NOT_TRACK": "1",
        "REPO_TOKEN": github.token,
    }


def _shown(said: str, token: str) -> str:
    last = [line for line in said.replace(token, "***").splitlines() if line.strip()][-3:]
    return github_api.printable(" ".join(last))[:500] or "it said nothing"


def _title(model: str) -> str:
    """Return a marker's title. CML escapes what Markdown would, in case a title holds any."""
    return re.sub(r"([_*\[<])", r"\\\1", f"CML watermark {model}")


def _pattern(model: str) -> str:
    image, title = re.escape(_IMAGE), re.escape(_title(model))
    return rf'!\[\]\({image}#[0-9a-fA-F]+ "{title}"\)'
