"""The one connection to a host, against a real SSH server on loopback."""

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import containers
import psutil
import pytest
from served_project import free_port
from sshd import Sshd, make_key, processes_with, require_program

from trainshed import engine, hosts, http_client, ssh
from trainshed.cmd import ProgramIsMissing
from trainshed.engine import EngineIsNotThere
from trainshed.ssh import HostForbidsForwarding, HostWentAway
from trainshed.ssh_key import PrivateKeyCannotBeRead
from trainshed.ssh_refusal import HostIsNotReached, HostKeyDiffers, HostRefusesTheKey
from trainshed.targets.caddy import Admin

pytest_plugins = ["containers", "sshd"]

ROOT = Path(__file__).parents[2]
USER_AUTHENTICATION = "userauth-request"
"""What the server logs as soon as somebody says who they are."""


@pytest.fixture
def web() -> Iterator[int]:
    """The port of a server that answers every GET with the path, as JSON."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f'"{self.path}"'.encode())

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_port_over_there_is_a_socket_here(sshd: Sshd, web: int) -> None:
    connection = ssh.connect(sshd.host())

    at = connection.forward(f"127.0.0.1:{web}")

    assert [http_client.get(at, path).body for path in ("/a", "/b")] == ["/a", "/b"]
    assert connection.forward(f"127.0.0.1:{web}") == at
    assert connection.trouble("testing") is None


def test_a_socket_over_there_is_a_socket_here(sshd: Sshd, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(tmp_path / "there.sock"))
        there.listen()
        at = ssh.connect(sshd.host()).forward(f"{tmp_path}/there.sock")

        with http_client.open_socket(at, timeout=10.0) as here:
            here.sendall(b"hello")
            accepted, _ = there.accept()
            with accepted:
                assert accepted.recv(100) == b"hello"


def test_all_goes_through_one_connection(sshd: Sshd, web: int) -> None:
    connection = ssh.connect(sshd.host())
    others = [free_port() for _ in range(3)]

    for port in (web, *others):
        at = connection.forward(f"127.0.0.1:{port}")
        assert http_client.get(at, "/").is_ok is (port == web)

    assert sshd.connections == 1


def test_nobody_else_can_enter_the_folder_of_its_sockets(sshd: Sshd, web: int) -> None:
    connection = ssh.connect(sshd.host())
    at = connection.forward(f"127.0.0.1:{web}")

    assert at.parent == connection.folder
    assert stat.S_IMODE(connection.folder.stat().st_mode) == 0o700


def test_no_port_of_this_machine_is_opened(sshd: Sshd, web: int) -> None:
    before = listening()

    ssh.connect(sshd.host()).forward(f"127.0.0.1:{web}")

    assert listening() == before


def listening() -> set[int]:
    """Return the ports that processes of this test listen on."""
    mine = [psutil.Process(), *psutil.Process().children(recursive=True)]
    found = [one for process in mine for one in process.net_connections() if one.laddr]
    return {one.laddr.port for one in found if one.status == psutil.CONN_LISTEN}


def test_the_private_key_is_in_no_file_no_command_line_and_no_environment(sshd: Sshd) -> None:
    secret = sshd.key.splitlines()[2]

    connection = ssh.connect(sshd.host())

    assert processes_with(str(connection.folder))
    assert processes_with(secret) == []
    files = [path for path in connection.folder.rglob("*") if path.is_file()]
    assert [path.name for path in files if "PRIVATE KEY" in path.read_text()] == []
    for child in psutil.Process().children(recursive=True):
        if child.status() != psutil.STATUS_ZOMBIE and "ssh" in child.name():
            assert secret not in " ".join(child.environ().values())


def test_without_files_in_memory_the_key_is_removed_as_soon_as_it_was_read(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "memfd_create")

    connection = ssh.connect(sshd.host())

    assert not (connection.folder / "key").exists()


@pytest.mark.parametrize("ending", ["close", "end-of-process", "killed"])
def test_however_it_ends_no_process_and_no_folder_is_left(sshd: Sshd, ending: str) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", OWNER, sshd.url, sshd.host_key],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdin is not None
    assert child.stdout is not None
    folder = child.stdout.readline().strip()
    assert processes_with(folder)
    assert sshd.sessions()

    if ending == "killed":
        child.send_signal(signal.SIGKILL)
        child.wait()
        containers.eventually(lambda: not Path(folder).exists() and not processes_with(folder))
    else:
        child.communicate(f"{ending}\n")
        assert child.returncode == 0

    assert not Path(folder).exists()
    assert processes_with(folder) == []
    containers.eventually(lambda: not sshd.sessions())


OWNER = """\
import sys
from trainshed import hosts, ssh
connection = ssh.connect(hosts.parse(*sys.argv[1:]))
print(connection.folder, flush=True)
if input() == "close":
    connection.close()
    assert not connection.folder.exists()
"""


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_a_host_of_another_key_is_told_nothing(sshd: Sshd, tmp_path: Path, kind: str) -> None:
    other = make_key(tmp_path / "other", kind=kind)

    with pytest.raises(HostKeyDiffers, match="shows another host key") as caught:
        ssh.connect(sshd.host(key=other))

    containers.eventually(lambda: "[preauth]" in sshd.log)
    assert USER_AUTHENTICATION not in sshd.log
    assert f"ssh-keyscan -t {kind} -p {sshd.port} 127.0.0.1" in caught.value.fix
    if kind == "ed25519":
        fingerprint = subprocess.run(
            ["ssh-keygen", "-l", "-f", sshd.folder / "host_key.pub"],
            capture_output=True, text=True, check=True,
        ).stdout.split()[1]  # fmt: skip
        assert f"({fingerprint})" in caught.value.problem


def test_of_several_keys_that_a_host_has_the_pinned_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_program()
    rsa = make_key(tmp_path / "rsa_key", kind="rsa")
    server = Sshd(tmp_path, f"HostKey {tmp_path}/rsa_key")
    monkeypatch.setenv("TRAINSHED_SSH_KEY", server.key)
    try:
        for key in (server.host_key, rsa):
            ssh.connect(server.host(key=key)).close()
    finally:
        server.stop()


def test_what_a_server_logs_tells_whether_it_was_told_anything(sshd: Sshd) -> None:
    ssh.connect(sshd.host())

    assert USER_AUTHENTICATION in sshd.log


def test_a_key_that_the_host_does_not_know_is_refused(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_key(tmp_path / "other")
    monkeypatch.setenv("TRAINSHED_SSH_KEY", (tmp_path / "other").read_text())

    with pytest.raises(HostRefusesTheKey, match="Permission denied") as caught:
        ssh.connect(sshd.host())

    assert f"~{sshd.user}/.ssh/authorized_keys" in caught.value.fix
    assert "TRAINSHED_SSH_KEY" in caught.value.fix


@pytest.mark.parametrize("fault", ["passphrase", "public", "cut-off", "nonsense"])
def test_a_key_that_cannot_be_read_is_told_as_such(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    make_key(tmp_path / "locked", passphrase="secret")
    key = {
        "passphrase": (tmp_path / "locked").read_text(),
        "public": (sshd.folder / "user_key.pub").read_text(),
        "cut-off": sshd.key[:-80],
        "nonsense": "***",
    }[fault]
    monkeypatch.setenv("TRAINSHED_SSH_KEY", key)

    with pytest.raises(PrivateKeyCannotBeRead, match="without a passphrase"):
        ssh.connect(sshd.host())


@pytest.mark.parametrize("ends", ["", "\r\n", "\n\n"])
def test_the_line_ends_that_pasting_made_of_a_key_do_not_matter(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    lines = (ends[:2] or "\n").replace("\n\n", "\n").join(sshd.key.splitlines())
    monkeypatch.setenv("TRAINSHED_SSH_KEY", f"{lines}{ends}")

    assert ssh.connect(sshd.host()).trouble("testing") is None


def test_without_a_key_in_the_environment_a_persons_agent_is_asked(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRAINSHED_SSH_KEY")
    with pytest.raises(HostRefusesTheKey):
        ssh.connect(sshd.host())

    agent = subprocess.Popen(
        ["ssh-agent", "-D", "-a", tmp_path / "agent"], stdout=subprocess.DEVNULL
    )
    try:
        containers.eventually((tmp_path / "agent").exists)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "agent"))
        subprocess.run(["ssh-add", "-q", sshd.folder / "user_key"], check=True)
        assert ssh.connect(sshd.host()).trouble("testing") is None
    finally:
        agent.kill()
        agent.wait()


@pytest.mark.parametrize("where", ["closed-port", "no-such-name"])
def test_a_host_that_is_not_there_is_told_with_what_to_check(sshd: Sshd, where: str) -> None:
    name = {"closed-port": "127.0.0.1", "no-such-name": "nowhere.invalid"}[where]
    nowhere = hosts.parse(f"ssh://deploy@{name}:{free_port()}", sshd.host_key)

    with pytest.raises(HostIsNotReached, match="is not reached: ssh: ") as caught:
        ssh.connect(nowhere)

    assert caught.value.exit_code == 4
    assert "`host:`" in caught.value.fix


def test_what_is_no_ssh_server_is_not_reached(sshd: Sshd, web: int) -> None:
    with pytest.raises(HostIsNotReached):
        ssh.connect(hosts.parse(f"ssh://deploy@127.0.0.1:{web}", sshd.host_key))


def test_a_refused_connection_leaves_nothing(sshd: Sshd, tmp_path: Path) -> None:
    with pytest.raises(HostKeyDiffers):
        ssh.connect(sshd.host(key=make_key(tmp_path / "other")))

    assert processes_with(f"-p {sshd.port}") == []
    assert ssh.trouble("testing") is None


def test_a_lost_connection_is_told_whatever_it_is_asked(sshd: Sshd, web: int) -> None:
    connection = ssh.connect(sshd.host())
    at = connection.forward(f"127.0.0.1:{web}")
    assert http_client.get(at, "/").is_ok

    sshd.hang_up()

    containers.eventually(lambda: http_client.get(at, "/").status == 0)
    with pytest.raises(HostWentAway, match=r"was lost while asking for .*:1"):
        connection.forward("127.0.0.1:1")
    with pytest.raises(HostWentAway, match="was lost while pulling") as caught:  # noqa: SIM117
        with engine.told("pulling"):
            raise ConnectionResetError
    assert "What is live there goes on" in caught.value.fix
    connection.close()
    assert not connection.folder.exists()
    with pytest.raises(EngineIsNotThere), engine.told("pulling"):
        raise ConnectionResetError


def test_a_host_that_falls_silent_counts_as_gone(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody hangs up: a firewall forgot the connection, or the machine stands still."""
    impatient = [one.replace("Interval=5", "Interval=1") for one in ssh._ALWAYS]
    monkeypatch.setattr(ssh, "_ALWAYS", impatient)
    connection = ssh.connect(sshd.host())

    for one in sshd.sessions():
        one.suspend()

    containers.eventually(connection.has_ended)
    assert isinstance(connection.trouble("pulling"), HostWentAway)


def test_a_server_that_forbids_a_port_is_not_taken_for_an_edge_that_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, web: int
) -> None:
    """An edge that is broken is made anew, live or not."""
    require_program()
    server = Sshd(tmp_path, "PermitOpen none")
    monkeypatch.setenv("TRAINSHED_SSH_KEY", server.key)
    connection = ssh.connect(server.host())
    try:
        admin = Admin(at=connection.forward(f"127.0.0.1:{web}"), token="x")

        with pytest.raises(HostForbidsForwarding, match="while asking the edge") as caught:
            admin.state()
    finally:
        connection.close()
        server.stop()

    assert "PermitOpen" in caught.value.fix


def test_without_the_program_it_says_how_to_get_it(
    sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ProgramIsMissing, match="The program ssh") as caught:
        ssh.connect(sshd.host())

    assert "openssh-client" in caught.value.fix
