"""What a workflow run uploaded: one plain member is read, in memory, and never too much of it."""

import io
import struct
import zipfile
from collections.abc import Iterator

import github_double
import pytest
from github_double import Double
from hypothesis import given
from hypothesis import strategies as st
from results import HEAD

from trainshed import artifact, github_api, result
from trainshed.artifact import Artifact, ArtifactCannotBeDownloaded
from trainshed.github_api import GitHubIsNotThere
from trainshed.result import ResultIsNotToBeTrusted
from trainshed.settings import GitHub

GOOD = b'{"a": 1}'


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, content in members:
            file.writestr(name, content, how)
    return made.getvalue()


def info(mode: int = 0, *, flags: int = 0) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(result.NAME)
    made.create_system = 3
    made.external_attr = mode << 16
    made.flag_bits = flags
    return made


def member(archive: bytes) -> bytes:
    return artifact.member(archive, name="trainshed-churn")


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_the_one_result_is_read_and_other_members_are_left_alone(how: int) -> None:
    others = [
        ("../../evil", b"x"),
        ("result.json/", b""),
        ("a/result.json", b"y"),
        ("RESULT.JSON", b""),
    ]

    assert member(zipped((result.NAME, GOOD), *others, how=how)) == GOOD


def twice() -> bytes:
    with pytest.warns(UserWarning, match="Duplicate name"):
        return zipped((result.NAME, GOOD), (result.NAME, b"{}"))


def encrypted() -> bytes:
    """An archive whose member says that it is encrypted."""
    made = bytearray(zipped((result.NAME, GOOD)))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        made[made.index(signature) + offset] |= 1
    return bytes(made)


def lying(size: int) -> bytes:
    """An archive of 9 MB of spaces that is said to unpack to fewer bytes."""
    made = bytearray(zipped((result.NAME, b" " * (9 << 20))))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", made, made.index(signature) + offset, size)
    return bytes(made)


@pytest.mark.parametrize(
    ("archive", "says"),
    [
        (b"", "not a sound archive"),
        (b"PK\x05\x06", "not a sound archive"),
        (zipped((result.NAME, GOOD))[:-30], "not a sound archive"),
        (zipped(("other.json", GOOD)), "does not hold one result.json"),
        (zipped(("./result.json", GOOD)), "does not hold one result.json"),
        (zipped((info(0o120777), b"/etc/passwd")), "not a plain file"),
        (zipped((info(0o010644), b"")), "not a plain file"),
        (encrypted(), "is encrypted"),
        (zipped((result.NAME, GOOD), how=zipfile.ZIP_LZMA), "packed in an odd way"),
        (zipped((result.NAME, b" " * (9 << 20))), "has more than 8388608 bytes"),
        (lying(100), "not a sound archive"),
    ],
)  # fmt: skip
def test_everything_else_is_refused(archive: bytes, says: str) -> None:
    with pytest.raises(ResultIsNotToBeTrusted, match=says):
        member(archive)


def test_two_results_are_refused() -> None:
    with pytest.raises(ResultIsNotToBeTrusted, match="does not hold one result"):
        member(twice())


@given(st.binary(max_size=300), st.integers(0, 200), st.integers(0, 255))
def test_an_archive_of_any_bytes_is_read_or_refused(junk: bytes, at: int, byte: int) -> None:
    broken = bytearray(zipped((result.NAME, GOOD)))
    broken[at % len(broken)] = byte
    for archive in (junk, bytes(broken)):
        try:
            member(archive)
        except ResultIsNotToBeTrusted:
            continue


def test_the_newest_of_each_model_is_kept() -> None:
    names = [
        "trainshed-churn",
        "logs",
        "trainshed-churn",
        "trainshed-a-b",
        "trainshed-",
        "trainshed-A",
    ]
    listed = [
        Artifact(id=number, name=name, size=1, is_expired=False)
        for number, name in enumerate(names)
    ]

    kept = artifact.newest(reversed(listed))

    assert [(one.id, one.model) for one in kept] == [(3, "a-b"), (2, "churn")]


# From GitHub


@pytest.fixture
def double() -> Iterator[Double]:
    with github_double.serve("acme/models") as serving:
        yield serving


def read(double: Double, content: bytes, **changes: object) -> bytes:
    """Upload an archive and read it; `changes` are what is believed of it beforehand."""
    github = GitHub(
        repository="acme/models", token=github_double.EVERYTHING, api=double.url,
        server="https://github.com", run_url=None,
    )  # fmt: skip
    repository = github_api.repository(github)
    run = double.state.repository.add_run(HEAD)
    double.state.repository.add_artifact(run, "trainshed-churn", content)
    (found,) = artifact.find(repository, run.id)
    known = {"id": found.id, "name": found.name, "size": found.size, "is_expired": found.is_expired}
    return artifact.read(repository, Artifact(**{**known, **changes}))  # type: ignore[arg-type]


def test_an_artifact_is_downloaded_and_its_storage_never_sees_the_token(double: Double) -> None:
    assert read(double, zipped((result.NAME, GOOD))) == GOOD


def test_a_netrc_is_not_used_either(
    double: Double, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("default login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    assert read(double, zipped((result.NAME, GOOD))) == GOOD


def test_a_download_stops_at_the_limit_whatever_size_was_announced(double: Double) -> None:
    with pytest.raises(ResultIsNotToBeTrusted, match="is larger than 8388608 bytes"):
        read(double, b"\0" * (100 << 20), size=1)


def test_what_is_announced_as_too_large_is_not_even_asked_for(double: Double) -> None:
    with pytest.raises(ResultIsNotToBeTrusted, match="is larger than"):
        read(double, b"\0" * (9 << 20))
    assert double.asked("GET", ".*/zip") == []


def test_what_has_expired_is_told(double: Double) -> None:
    with pytest.raises(ResultIsNotToBeTrusted, match="no longer kept"):
        read(double, zipped((result.NAME, GOOD)), is_expired=True)


def test_what_is_gone_is_told(double: Double) -> None:
    with pytest.raises(GitHubIsNotThere, match="download trainshed-churn"):
        read(double, zipped((result.NAME, GOOD)), id=1)


def test_a_storage_that_refuses_is_told(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(double, "sign", lambda name, _content: f"{double.storage_url}/{name}")

    with pytest.raises(ArtifactCannotBeDownloaded, match="status 404"):
        read(double, zipped((result.NAME, GOOD)))


def test_an_address_of_another_kind_is_not_followed(
    double: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(double, "sign", lambda _name, _content: "file:///etc/passwd")

    with pytest.raises(ArtifactCannotBeDownloaded, match="no address with encryption"):
        read(double, zipped((result.NAME, GOOD)))
