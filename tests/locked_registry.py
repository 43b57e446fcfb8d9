"""A real registry that lets in only who brings a name and a password."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import containers
import pytest
from served_project import free_port

from trainshed import http_client

USER, PASSWORD = "ada", "s3cret/pass:word"
_HASHED = "$2b$05$Mg3SVj.mG.QPiCRnXTiVvO1RhIfTHOcgbhjoORa.uCXKxhw20nixe"
"""By bcrypt: `htpasswd -nbB ada …` prints it."""


@pytest.fixture
def locked_registry(tmp_path: Path) -> Iterator[str]:
    """Start one; return its host and port."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("there is no docker-registry here: `make engine` installs it")
    address = f"127.0.0.1:{free_port()}"
    folder = tmp_path / "registry"
    folder.mkdir()
    (folder / "htpasswd").write_text(f"{USER}:{_HASHED}\n")
    (folder / "config.yml").write_text(
        "version: 0.1\n"
        "log: {level: warn, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/storage}}}}\n"
        f"auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}\n"
        f'http: {{addr: "{address}"}}\n'
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", folder / "config.yml"], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        containers.eventually(lambda: http_client.get(_at(address), "/v2/").status == 401)
        yield address
    finally:
        process.kill()
        process.wait()


def _at(address: str) -> tuple[str, int]:
    host, _, port = address.partition(":")
    return host, int(port)
