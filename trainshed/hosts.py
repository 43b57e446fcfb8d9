"""A production host: how trainshed.yml names it, and the key by which it is known."""

import base64
import binascii
import re
from dataclasses import dataclass

URL = (
    r"^ssh://([A-Za-z_][A-Za-z0-9._-]*)"
    r"@([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])"
    r"(?::([0-9]{1,5}))?/?$"
)
KEY = r"^(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) [A-Za-z0-9+/]+={0,2}( .*)?$"
_PORT = 22
_LENGTH = 4
"""Bytes before each part of a key, which tell the part's length."""


@dataclass(frozen=True, kw_only=True)
class Host:
    user: str
    name: str
    """As in the URL, without the brackets of an IPv6 address."""
    port: int
    key: str
    """The public half of its host key: type and base64."""

    def __str__(self) -> str:
        return f"{self.user}@{self.name}" + ("" if self.port == _PORT else f":{self.port}")

    @property
    def keyscan(self) -> str:
        """The command that prints which key it shows."""
        port = "" if self.port == _PORT else f"-p {self.port} "
        return f"ssh-keyscan -t {_kind(self.key)} {port}{self.name}"


def parse(url: str, key: str) -> Host:
    """Return the host of a URL, `ssh://deploy@server[:port]`, that shows this key.

    Raises:
        ValueError: says what is wrong with either.
    """
    found = re.fullmatch(URL, check_url(url))
    assert found is not None
    user, name, port = found.groups()
    return Host(user=user, name=name.strip("[]"), port=int(port or _PORT), key=check_key(key))


def check_url(url: str) -> str:
    """Return a host's URL when it is one; raise ValueError when not."""
    found = re.fullmatch(URL, url)
    if found is None:
        if re.match(r"ssh://[^@/]*:[^@/]*@", url):
            raise ValueError("should hold no password: a private key comes from TRAINSHED_SSH_KEY")
        if url.startswith("ssh://") and "@" not in url:
            raise ValueError("should name the user there too")
        raise ValueError("should be a user and a server")
    if not 1 <= int(found[3] or _PORT) <= 65535:
        raise ValueError("has a port that there is not")
    return url


def check_key(text: str) -> str:
    """Return a public host key, without its comment, when it is one; raise ValueError when not."""
    if re.fullmatch(KEY, text) is None:
        if text.startswith(("SHA256:", "MD5:")):
            raise ValueError("should be the key itself, not its fingerprint")
        if re.search(r" (ssh|ecdsa)-\S+ AAAA", text):
            raise ValueError("should begin with the key's type: leave the server's name away")
        raise ValueError("should be the public key that the host shows")
    kind, content = text.split()[:2]
    if not _is_whole(kind, content):
        raise ValueError("is mistyped or cut off: it is no whole key")
    return f"{kind} {content}"


def _is_whole(kind: str, content: str) -> bool:
    """Tell whether base64 holds a key: parts, each after its length; the first names the type."""
    try:
        left = base64.b64decode(content, validate=True)
    except binascii.Error:
        return False
    parts = []
    while left:
        size = int.from_bytes(left[:_LENGTH], "big")
        parts.append(left[_LENGTH : _LENGTH + size])
        if len(parts[-1]) != size:
            return False
        left = left[_LENGTH + size :]
    return len(parts) > 1 and parts[0] == kind.encode()


def _kind(key: str) -> str:
    """Return a key's type as `ssh-keyscan -t` calls it."""
    return key.removeprefix("ssh-").partition("-")[0].partition(" ")[0]
