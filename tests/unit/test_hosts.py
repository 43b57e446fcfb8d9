import base64

import pytest

from trainshed import hosts
from trainshed.hosts import Host

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8gFoqo62Nu1aJ4w8bQOfOcRYUqz0mrxgz0NaGZw3rA"


@pytest.mark.parametrize(
    ("url", "user", "name", "port", "shown"),
    [
        ("ssh://deploy@server", "deploy", "server", 22, "deploy@server"),
        ("ssh://deploy@server/", "deploy", "server", 22, "deploy@server"),
        ("ssh://a_b.c-d@10.0.0.1:2222", "a_b.c-d", "10.0.0.1", 2222, "a_b.c-d@10.0.0.1:2222"),
        ("ssh://ci@my-server.example.org:22", "ci", "my-server.example.org", 22, None),
        ("ssh://ci@[fe80::1]:2222", "ci", "fe80::1", 2222, None),
    ],
)
def test_a_url_is_a_user_a_server_and_a_port(
    url: str, user: str, name: str, port: int, shown: str | None
) -> None:
    host = hosts.parse(url, KEY)

    assert host == Host(user=user, name=name, port=port, key=KEY)
    assert shown in {None, str(host)}


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ssh://server", "should name the user there too"),
        ("ssh://deploy:secret@server", "should hold no password"),
        ("deploy@server", "should be a user and a server"),
        ("https://deploy@server", "should be a user and a server"),
        ("ssh://deploy@server/var/run/docker.sock", "should be a user and a server"),
        ("ssh://deploy@server:0", "has a port that there is not"),
        ("ssh://deploy@server:65536", "has a port that there is not"),
        ("ssh://deploy@", "should be a user and a server"),
        ("ssh://deploy@server\n", "should be a user and a server"),
    ],
)
def test_what_is_wrong_with_a_url_is_told(url: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        hosts.parse(url, KEY)


@pytest.mark.parametrize("part", ["-oProxyCommand=touch${IFS}x", "-l", "a b", "$(id)", "`id`"])
def test_no_url_can_pass_for_an_option_of_a_program(part: str) -> None:
    for url in (f"ssh://deploy@{part}", f"ssh://{part}@server", f"ssh://deploy@server:{part}"):
        with pytest.raises(ValueError, match="should"):
            hosts.check_url(url)


def test_a_key_may_have_a_comment_as_in_its_own_file() -> None:
    assert hosts.check_key(f"{KEY} root@server") == KEY


def test_the_command_that_shows_a_hosts_key_names_its_type_and_port() -> None:
    rsa = part(b"ssh-rsa") + part(b"\1\0\1") + part(b"\0" * 256)
    ecdsa = part(b"ecdsa-sha2-nistp256") + part(b"nistp256") + part(b"\4" * 65)

    def command(port: str, key: str) -> str:
        return hosts.parse(f"ssh://deploy@server{port}", key).keyscan

    assert command("", KEY) == "ssh-keyscan -t ed25519 server"
    assert command(":2222", written("ssh-rsa", rsa)) == "ssh-keyscan -t rsa -p 2222 server"
    key = written("ecdsa-sha2-nistp256", ecdsa)
    assert command("", key) == "ssh-keyscan -t ecdsa server"


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        pytest.param(f"server {KEY}", "leave the server's name away", id="a-line-of-keyscan"),
        pytest.param("SHA256:dZkyjmGF5g4", "not its fingerprint", id="a-fingerprint"),
        pytest.param(KEY[:-8], "is mistyped or cut off", id="cut-off"),
        pytest.param(KEY[:-1], "is mistyped or cut off", id="a-letter-short"),
        pytest.param(KEY.replace("ed25519", "rsa"), "is mistyped or cut off", id="another-type"),
        pytest.param("ssh-ed25519", "should be the public key", id="the-type-alone"),
        pytest.param("ssh-dss AAAAB3NzaC1kc3M=", "should be the public key", id="a-type-of-old"),
        pytest.param(f"{KEY}\n{KEY}", "should be the public key", id="two"),
        pytest.param("@cert-authority * x", "should be the public key", id="an-authority"),
    ],
)
def test_what_is_wrong_with_a_key_is_told(key: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        hosts.check_key(key)


def part(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


def written(kind: str, content: bytes) -> str:
    return f"{kind} {base64.b64encode(content).decode()}"
