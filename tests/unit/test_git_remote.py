"""Git and its remote: credentials lent to one command, a robot's name, shallow clones."""

import base64
import os
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest
import repositories
from repositories import Repo

from trainshed import git
from trainshed.git import HistoryIsMissing
from trainshed.mirror import OriginCannotBeRead
from trainshed.origin import Change

TOKEN = "ghs_secret"
WANTED = "basic " + base64.b64encode(f"x-access-token:{TOKEN}".encode()).decode()


class GitServer(BaseHTTPRequestHandler):
    """`git http-backend` over HTTP, for who brings the one right Authorization header."""

    root: ClassVar[Path]
    refused: ClassVar[list[list[str]]]

    def do_GET(self) -> None:
        given = self.headers.get_all("Authorization") or []
        if given != [WANTED]:
            self.refused.append(given)
            self.send_response(400 if len(given) > 1 else 401)
            self.send_header("WWW-Authenticate", "Basic realm=git")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        finished = subprocess.run(
            ["git", "-c", "http.receivepack=true", "http-backend"],
            env={
                **os.environ,
                "GIT_PROJECT_ROOT": str(self.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type") or "",
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
                "REMOTE_USER": "robot",
            },
            input=body,
            capture_output=True,
            check=True,
        )
        head, _, content = finished.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815  # so it is called by http.server

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return repositories.make(tmp_path, {"README.md": "words"})


@pytest.fixture
def server(repo: Repo) -> Iterator[str]:
    """The address at which the origin is served to who has the token."""
    GitServer.root, GitServer.refused = repo.origin_folder.parent, []
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), GitServer)
    Thread(target=httpd.serve_forever, daemon=True).start()
    repo.bare.run("config", "http.receivepack", "true")
    url = f"http://127.0.0.1:{httpd.server_port}"
    repo.git("remote", "set-url", "origin", f"{url}/origin.git")
    yield url
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def token(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_github(monkeypatch, server)


def on_github(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "ada/churn")
    monkeypatch.setenv("GITHUB_SERVER_URL", server)
    monkeypatch.setenv("TRAINSHED_GITHUB_TOKEN", TOKEN)


@pytest.mark.usefixtures("token")
def test_a_checkout_without_credentials_reads_and_pushes_with_the_token(repo: Repo) -> None:
    before = (repo.folder / ".git/config").read_text()

    world = repo.origin.read()
    made = repo.released("churn@v1.0.0")

    assert world.head == repo.git("rev-parse", "HEAD")
    assert repo.tag_names() == [str(made.tag)]
    assert GitServer.refused == []
    assert (repo.folder / ".git/config").read_text() == before


@pytest.mark.usefixtures("server")
def test_without_a_token_the_origin_cannot_be_read(repo: Repo) -> None:
    with pytest.raises(OriginCannotBeRead):
        repo.origin.read()

    assert GitServer.refused == [[]]


@pytest.mark.usefixtures("token")
def test_credentials_that_a_checkout_left_are_replaced_not_doubled(repo: Repo, server: str) -> None:
    repo.git("config", f"http.{server}/.extraheader", "AUTHORIZATION: basic b2xk")

    repo.origin.read()

    assert GitServer.refused == []


def test_another_address_is_never_shown_the_token(
    repo: Repo, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_github(monkeypatch, server.replace("127.0.0.1", "localhost"))

    with pytest.raises(OriginCannotBeRead):
        repo.origin.read()

    assert GitServer.refused == [[]]


@pytest.mark.usefixtures("token")
def test_settings_that_a_person_gave_git_by_variables_stay(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("COUNT", "1"), ("KEY_0", "user.name"), ("VALUE_0", "Bob")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)

    assert repo.repository.read("config", "user.name") == "Bob"
    assert repo.origin.read().head is not None


@pytest.mark.usefixtures("token")
def test_the_token_is_in_no_command_line(repo: Repo) -> None:
    finished = repo.repository.run("ls-remote", "origin", "no-such-ref")

    assert TOKEN not in " ".join(finished.argv)
    assert WANTED not in " ".join(finished.argv)


@pytest.fixture
def nobody(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A clone in which git has no user."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{role}_NAME")
        monkeypatch.delenv(f"GIT_{role}_EMAIL")
    return repo


def test_in_a_workflow_who_is_nobody_is_githubs_robot(
    nobody: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = nobody
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    robot = "github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>"

    assert repo.repository.identity() == robot
    repo.origin.change(lambda _: Change(records={"runs/a.json": {}}, message="A run\n"))
    assert repo.bare.read("log", "-1", "--format=%cn <%ce>", repositories.LEDGER) == robot

    repo.git("config", "user.name", "Bob")
    repo.git("config", "user.email", "bob@example.org")
    assert repo.repository.identity() == "Bob <bob@example.org>"


def history(repo: Repo, count: int = 4) -> list[str]:
    return [repo.commit_and_push({"README.md": str(number)}) for number in range(count)]


def test_parents_are_known_in_a_shallow_clone(repo: Repo) -> None:
    *_, before, head = history(repo)

    shallow = repo.clone("shallow", depth=1)

    assert shallow.repository.parents(head) == [before]
    assert not shallow.repository.has(before)


def test_ancestry_is_asked_of_the_whole_history(repo: Repo) -> None:
    first, *_, head = history(repo)
    side = repo.git("commit-tree", "HEAD^{tree}", "-p", first, "-m", "aside")
    repo.push(f"{side}:refs/heads/aside")
    shallow = repo.clone("shallow", depth=1)

    assert shallow.repository.is_ancestor(head, head)
    assert shallow.repository.is_shallow()  # that much could be told without the rest
    assert shallow.repository.is_ancestor(first, head)
    assert not shallow.repository.is_shallow()
    assert not shallow.repository.is_ancestor(side, head)


def test_history_that_cannot_be_fetched_is_told(repo: Repo) -> None:
    first, *_, head = history(repo)
    shallow = repo.clone("shallow", depth=1)
    shallow.git("remote", "set-url", "origin", f"{repo.folder}/gone")

    with pytest.raises(HistoryIsMissing) as caught:
        shallow.repository.is_ancestor(first, head)

    assert "`fetch-depth: 0` for actions/checkout" in caught.value.fix


def test_a_full_id_is_told_from_other_names() -> None:
    assert [git.is_id(one) for one in ("ab" * 20, "HEAD", "ab" * 19, "main")] == [
        True, False, False, False,
    ]  # fmt: skip
