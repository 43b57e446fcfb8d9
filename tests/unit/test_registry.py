"""The registry through the engine: the real one, and one in front of it that fails on demand."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import containers
import docker
import pytest
from faulty_registry import MANIFEST_PUSHES, MANIFESTS, FaultyRegistry
from served_project import free_port

from trainshed import registry
from trainshed.engine import Client, EngineIsNotThere
from trainshed.registry import ImageIsGone, RegistryFailed

pytest_plugins = ["containers"]
pytestmark = pytest.mark.engine

WAITS = list(registry._WAITS)
NEVER_ANSWERS = r" /v2/.*/manifests/"
LAYERS = r"^GET .*/blobs/"
USER, PASSWORD = "ada", "s3cret/pass:word"


@dataclass(frozen=True)
class Shelf:
    """An image under the tag `one` in a repository of the registry that can fail."""

    client: Client
    registry: FaultyRegistry
    repository: str
    digest: str
    image_id: str

    def look(self, tag: str = "one", *, client: Client | None = None) -> str | None:
        return registry.digest_of(client or self.client, f"{self.repository}:{tag}")

    def push(self, tag: str = "one", *, client: Client | None = None) -> str:
        return registry.push(client or self.client, self.repository, tag, tell=quiet)

    def pull(self, digest: str | None = None, *, client: Client | None = None) -> Any:
        """Pull an image that this engine has forgotten."""
        self.client.images.remove(self.image_id, force=True)
        reference = f"{self.repository}@{digest or self.digest}"
        return registry.pull(client or self.client, reference, tell=quiet)

    def does(self, what: str, client: Client) -> Any:
        return {"look": self.look, "push": self.push, "pull": self.pull}[what](client=client)


@pytest.fixture
def shelf(engine_client: Client, faulty_registry: FaultyRegistry, model: str) -> Shelf:
    repository = containers.repository_of(model, registry=faulty_registry.address)
    made = containers.tiny_image(engine_client, repository, "one")
    digest = registry.push(engine_client, repository, "one", tell=quiet)
    return Shelf(engine_client, faulty_registry, repository, digest, made.id)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited between tries, though nobody did."""
    waited: list[float] = []
    monkeypatch.setattr(registry.time, "sleep", waited.append)
    return waited


def test_what_is_pushed_is_found_by_its_tag_and_pulled_by_its_digest(shelf: Shelf) -> None:
    assert shelf.digest.startswith("sha256:")
    assert shelf.look() == shelf.digest
    reference = f"{shelf.repository}@{shelf.digest}"
    assert registry.digest_of(shelf.client, reference) == shelf.digest
    shelf.client.images.remove(shelf.image_id, force=True)

    told: list[str] = []
    pulled = registry.pull(shelf.client, reference, tell=told.append)

    assert pulled.id == shelf.image_id
    assert told == [f"pulling {reference}"]


def test_an_image_that_is_here_is_not_pulled(shelf: Shelf) -> None:
    with shelf.registry.gone():
        here = registry.pull(shelf.client, f"{shelf.repository}@{shelf.digest}", tell=quiet)

    assert here.id == shelf.image_id


def test_the_same_image_has_the_same_digest_under_every_tag(shelf: Shelf) -> None:
    shelf.client.images.get(shelf.image_id).tag(shelf.repository, "other")

    assert shelf.push("other") == shelf.digest


def test_a_tag_moves_to_what_is_pushed_last(shelf: Shelf) -> None:
    containers.tiny_image(shelf.client, shelf.repository, "one")

    again = shelf.push()

    assert again != shelf.digest
    assert shelf.look() == again


def test_a_tag_that_is_not_there_has_no_digest(shelf: Shelf) -> None:
    assert shelf.look("other") is None
    assert registry.digest_of(shelf.client, f"{shelf.repository}-of-nobody:one") is None


@pytest.mark.parametrize("code", ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"])
def test_registries_say_in_several_ways_that_a_tag_is_not_there(shelf: Shelf, code: str) -> None:
    with shelf.registry.failing(404, on=MANIFESTS, code=code):
        assert shelf.look() is None


def test_an_image_whose_digest_the_registry_lacks_is_gone(shelf: Shelf, waits: list[float]) -> None:
    with pytest.raises(ImageIsGone, match="has no image") as caught:
        shelf.pull(f"sha256:{'0' * 64}")

    assert caught.value.exit_code == 5
    assert "scripts/release.py" in caught.value.fix
    assert waits == []


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_what_fails_for_a_moment_is_tried_again_after_longer_and_longer_waits(
    shelf: Shelf, waits: list[float], status: int
) -> None:
    with shelf.registry.failing(status, on=MANIFEST_PUSHES, code="TOOMANYREQUESTS", times=2):
        again = shelf.push()

    assert again == shelf.digest
    assert waits == WAITS[:2]
    assert waits == sorted(set(waits))


@pytest.mark.parametrize(
    ("what", "waited"),
    [
        # The engine asks for a tag twice before it gives up, with HEAD and GET; for a digest once.
        pytest.param("look", WAITS[:1], id="look"),
        pytest.param("pull", WAITS[:2], id="pull"),
    ],
)
def test_a_question_that_fails_for_a_moment_is_asked_again(
    shelf: Shelf, waits: list[float], what: str, waited: list[float]
) -> None:
    with shelf.registry.failing(503, on=MANIFESTS, times=2) as fault:
        assert shelf.does(what, shelf.client)

    assert (fault.count, waits) == (2, waited)


def test_an_image_whose_layers_cannot_be_had_is_not_told_to_be_gone(shelf: Shelf) -> None:
    with (
        shelf.registry.failing(403, on=LAYERS, code="DENIED"),
        pytest.raises(RegistryFailed, match="denied"),
    ):
        shelf.pull()


def test_what_goes_on_failing_is_told_with_what_to_do(shelf: Shelf, waits: list[float]) -> None:
    with (
        shelf.registry.failing(503, on=MANIFEST_PUSHES) as fault,
        pytest.raises(RegistryFailed, match="503 Service Unavailable") as caught,
    ):
        shelf.push()

    assert (fault.count, waits) == (1 + len(WAITS), WAITS)
    assert caught.value.exit_code == 4
    assert f"pushing {shelf.repository}:one" in caught.value.problem
    assert "run the same command again" in caught.value.fix


@pytest.mark.parametrize("what", ["look", "push", "pull"])
def test_a_registry_that_is_gone_is_waited_for_then_told(
    shelf: Shelf, waits: list[float], what: str
) -> None:
    with (
        shelf.registry.gone(),
        pytest.raises(RegistryFailed, match="connection refused") as caught,
    ):
        shelf.does(what, shelf.client)

    assert waits == WAITS
    assert "Check that it runs" in caught.value.fix


def test_a_registry_that_comes_back_is_used(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.registry.close()
    monkeypatch.setattr(registry.time, "sleep", lambda _: shelf.registry.open())

    assert shelf.push() == shelf.digest


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        pytest.param(401, "UNAUTHORIZED", "unauthorized", id="unknown"),
        pytest.param(403, "DENIED", "denied", id="denied"),
        pytest.param(405, "UNSUPPORTED", "unsupported", id="read-only"),
        pytest.param(413, "SIZE_INVALID", "size", id="too-large"),
        pytest.param(507, "UNKNOWN", "507 Insufficient Storage", id="full"),
    ],
)
def test_what_would_fail_again_is_not_tried_again(
    shelf: Shelf, waits: list[float], status: int, code: str, said: str
) -> None:
    with (
        shelf.registry.failing(status, on=MANIFEST_PUSHES, code=code) as fault,
        pytest.raises(RegistryFailed, match=said) as caught,
    ):
        shelf.push()

    assert (fault.count, waits) == (1, [])
    assert "has space, and lets you push there" in caught.value.fix


def test_a_try_that_the_engine_itself_drew_out_is_the_last(
    shelf: Shelf, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "_PATIENCE_SECONDS", 0.0)

    with (
        shelf.registry.failing(503, on=MANIFEST_PUSHES) as fault,
        pytest.raises(RegistryFailed, match="503"),
    ):
        shelf.push()

    assert (fault.count, waits) == (1, [])


@pytest.mark.parametrize("what", ["look", "push", "pull"])
def test_a_registry_that_never_answers_is_given_up(
    shelf: Shelf, waits: list[float], monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(registry, "_WAITS", (0.25,))

    with (
        closing(docker.from_env(timeout=0.3)) as impatient,
        shelf.registry.hanging(on=NEVER_ANSWERS),
        pytest.raises(RegistryFailed, match="timed out"),
    ):
        shelf.does(what, impatient)

    assert waits == [0.25]


def test_an_engine_that_is_gone_is_not_the_registrys_fault(
    shelf: Shelf, waits: list[float]
) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"

    with (
        closing(docker.DockerClient(base_url=address, version="1.41")) as nobody,
        pytest.raises(EngineIsNotThere, match="went away while looking for"),
    ):
        shelf.look(client=nobody)

    assert waits == []


@pytest.fixture
def locked(shelf: Shelf) -> Iterator[Shelf]:
    """The registry lets in only Ada, by her password."""
    with shelf.registry.locked(USER, PASSWORD):
        yield shelf


@pytest.fixture
def logged_in(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client that finds what `docker login` left."""
    token = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    left = {"auths": {shelf.registry.address: {"auth": token}}}
    (tmp_path / "config.json").write_text(json.dumps(left))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with closing(docker.from_env()) as client:
        yield client


@pytest.mark.parametrize("what", ["look", "push", "pull"])
def test_who_brings_no_credentials_is_told_how_to(
    locked: Shelf, waits: list[float], what: str
) -> None:
    with pytest.raises(RegistryFailed, match="no basic auth credentials") as caught:
        locked.does(what, locked.client)

    assert "docker login" in caught.value.fix
    assert "TRAINSHED_REGISTRY_PASSWORD" in caught.value.fix
    assert waits == []


@pytest.mark.parametrize("what", ["look", "push", "pull"])
def test_credentials_come_from_docker_login(locked: Shelf, logged_in: Client, what: str) -> None:
    assert locked.does(what, logged_in)


@pytest.mark.parametrize("what", ["look", "push", "pull"])
def test_credentials_come_from_the_environment(
    locked: Shelf, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setenv("TRAINSHED_REGISTRY_USER", USER)
    monkeypatch.setenv("TRAINSHED_REGISTRY_PASSWORD", PASSWORD)

    assert locked.does(what, locked.client)


def test_the_environments_credentials_count_more_than_docker_login(
    locked: Shelf, logged_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSHED_REGISTRY_USER", USER)
    monkeypatch.setenv("TRAINSHED_REGISTRY_PASSWORD", "a wrong one")

    with pytest.raises(RegistryFailed, match="unauthorized") as caught:
        locked.push(client=logged_in)

    assert "a wrong one" not in str(caught.value)


def test_a_user_without_a_password_leaves_it_to_docker_login(
    locked: Shelf, logged_in: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAINSHED_REGISTRY_USER", "octocat")
    monkeypatch.setenv("TRAINSHED_REGISTRY_PASSWORD", "")

    assert locked.push(client=logged_in) == locked.digest


def quiet(line: str) -> None:
    """Swallow a line."""
