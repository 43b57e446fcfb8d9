"""What a workflow run uploaded: found by GitHub's API, read in memory, nothing unpacked to disk.

Whoever wrote the pull request decides what is in it. The download stops at a byte limit, and of the
archive exactly one member is read, as far as a result may be long.
"""

from __future__ import annotations

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from trainshed import github_api, result
from trainshed.config import MODEL_NAME
from trainshed.errors import OutsideError
from trainshed.result import ResultIsNotToBeTrusted

if TYPE_CHECKING:
    from github.Repository import Repository
    from requests import Response

PREFIX = "trainshed-"
LARGEST = result.LARGEST
"""Bytes of the archive: even stored without compression, a result fits."""
_PIECE = 64 << 10
_TIMEOUT = 30  # seconds without a byte
_BROKEN = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, ValueError, OSError)


class ArtifactCannotBeDownloaded(OutsideError):
    """GitHub's storage did not hand over what a workflow run uploaded."""


@dataclass(frozen=True, kw_only=True)
class Artifact:
    id: int
    name: str
    size: int
    """Bytes, as GitHub says: the limit is kept while downloading all the same."""
    is_expired: bool

    @property
    def model(self) -> str:
        return self.name.removeprefix(PREFIX)


def find(repository: Repository, run_id: int) -> list[Artifact]:
    """Return the results that a run uploaded, by model; of one that was run again, the newest."""
    with github_api.told(f"list what workflow run {run_id} uploaded"):
        listed = repository.requester.requestJsonAndCheck  # one page; a run of ours has few
        _, data = listed("GET", f"{repository.url}/actions/runs/{run_id}/artifacts?per_page=100")
    return newest(
        Artifact(
            id=one["id"],
            name=one["name"],
            size=one["size_in_bytes"],
            is_expired=bool(one["expired"]),
        )
        for one in data["artifacts"]
    )


def newest(artifacts: Iterable[Artifact]) -> list[Artifact]:
    """Keep those that are named for a model; each attempt of a run uploads one of that name."""
    by_name: dict[str, Artifact] = {}
    for one in sorted(artifacts, key=lambda one: one.id):
        if re.fullmatch(MODEL_NAME, one.model) and one.name.startswith(PREFIX):
            by_name[one.name] = one
    return [by_name[name] for name in sorted(by_name)]


def read(repository: Repository, artifact: Artifact) -> bytes:
    """Download an artifact and return the result that it holds, as bytes to be checked.

    Raises:
        ResultIsNotToBeTrusted: it is too large, or not an archive with one plain result.
        ArtifactCannotBeDownloaded
    """
    if artifact.is_expired:
        raise _not_trusted(artifact.name, "is no longer kept by GitHub")
    if artifact.size > LARGEST:
        raise _not_trusted(artifact.name, f"is larger than {LARGEST} bytes")
    return member(_download(repository, artifact), name=artifact.name)


def member(archive: bytes, *, name: str) -> bytes:
    """Return the one member `result.json` of an archive; every other member is left alone."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            named = [one for one in opened.infolist() if one.filename == result.NAME]
            if len(named) != 1:
                raise _not_trusted(name, f"does not hold one {result.NAME}")
            problem = _problem_with(named[0])
            if problem:
                raise _not_trusted(name, f"holds a {result.NAME} that {problem}")
            with opened.open(named[0]) as file:
                content = file.read(result.LARGEST + 1)
    except _BROKEN:
        raise _not_trusted(name, "is not a sound archive") from None
    if len(content) > result.LARGEST:
        raise _not_trusted(name, f"holds a {result.NAME} of more than {result.LARGEST} bytes")
    return content


def _problem_with(info: zipfile.ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return "is not a plain file"
    if info.flag_bits & 0x1:
        return "is encrypted"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return "is packed in an odd way"
    if info.file_size > result.LARGEST:
        return f"has more than {result.LARGEST} bytes"
    return None


def _download(repository: Repository, artifact: Artifact) -> bytes:
    """Fetch an archive from where GitHub keeps it: a signed address, which never sees our token."""
    import requests  # noqa: PLC0415  # comes with PyGithub, and as slowly
    from requests.adapters import HTTPAdapter  # noqa: PLC0415
    from urllib3 import Retry  # noqa: PLC0415

    again = Retry(total=5, backoff_factor=0.5, status_forcelist=[500, 502, 503, 504])
    with github_api.told(f"download {artifact.name}"), requests.Session() as session:
        address = _address(repository, artifact)
        session.auth = lambda request: request  # nor what a .netrc knows
        session.mount("https://", HTTPAdapter(max_retries=again))
        session.mount("http://", HTTPAdapter(max_retries=again))
        with session.get(
            address,
            stream=True,
            timeout=_TIMEOUT,
            allow_redirects=False,
            headers={"Accept-Encoding": "identity"},
        ) as response:
            if response.status_code != 200:
                raise ArtifactCannotBeDownloaded(
                    f"GitHub's storage answered with status {response.status_code} when "
                    f"{artifact.name} was downloaded.",
                    fix="Run the same job again; if it stays, run the pull request's job again.",
                )
            return _bounded(response, artifact.name)


def _address(repository: Repository, artifact: Artifact) -> str:
    """Ask GitHub where an archive lies. It answers with a redirection, which is not followed."""
    url = f"{repository.url}/actions/artifacts/{artifact.id}/zip"
    headers, _ = repository.requester.requestJsonAndCheck("GET", url)
    address = str(headers.get("location", ""))
    ours = urlsplit(repository.url).scheme
    if urlsplit(address).scheme not in {"https", ours}:
        raise ArtifactCannotBeDownloaded(
            f"GitHub names no address with encryption for {artifact.name}.",
            fix="Run the same job again; on GitHub Enterprise, look at the storage of Actions.",
        )
    return address


def _bounded(response: Response, name: str) -> bytes:
    """Read at most so many bytes as an archive of ours may have, however many are sent."""
    content = bytearray()
    while piece := response.raw.read(_PIECE, decode_content=False):
        content += piece
        if len(content) > LARGEST:
            raise _not_trusted(name, f"is larger than {LARGEST} bytes")
    return bytes(content)


def _not_trusted(name: str, what: str) -> ResultIsNotToBeTrusted:
    return ResultIsNotToBeTrusted(
        f"What the pull request's job uploaded as {name} was not believed: it {what}.",
        fix="Run the job again. If it stays: the workflow on the pull request's branch may be "
        "another one than on the default branch.",
    )
