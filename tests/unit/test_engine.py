from collections.abc import Iterator
from pathlib import Path

import containers
import docker.errors
import pytest
import urllib3.exceptions
from served_project import free_port

from trainshed import engine
from trainshed.engine import Client, EngineIsNotThere, EngineRefused, SomebodyElseIsAtIt
from trainshed.errors import ConfigurationError

pytest_plugins = ["containers"]


@pytest.fixture
def unconnected() -> Iterator[None]:
    """No client is kept from before, and none is kept from here."""
    engine.connect.cache_clear()
    yield
    engine.connect.cache_clear()


@pytest.fixture(params=["closed-port", "no-socket", "not-an-engine", "nonsense"])
def nowhere(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DOCKER_HOST names what is no engine."""
    (tmp_path / "file").write_text("")
    address = {
        "closed-port": f"tcp://127.0.0.1:{free_port()}",
        "no-socket": f"unix://{tmp_path}/nowhere.sock",
        "not-an-engine": f"unix://{tmp_path}/file",
        "nonsense": "carrier-pigeon://coop",
    }[request.param]
    monkeypatch.setenv("DOCKER_HOST", address)


def test_without_an_engine_it_says_how_to_get_one_or_do_without(
    unconnected: None, nowhere: None
) -> None:
    assert not engine.is_there()
    with pytest.raises(EngineIsNotThere, match="No container engine answers") as caught:
        engine.connect()

    assert caught.value.exit_code == 4
    assert "DOCKER_HOST" in caught.value.fix
    assert "target: process" in caught.value.fix


@pytest.mark.engine
def test_an_engine_that_was_not_there_is_looked_for_again(
    unconnected: None, engine_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{free_port()}")
        assert not engine.is_there()

    assert engine.is_there()
    assert engine.connect() is engine.connect()


@pytest.mark.parametrize(
    ("raised", "expected", "said"),
    [
        pytest.param(
            docker.errors.APIError("409 Client Error", explanation="the name is in use"),
            EngineRefused,
            "The engine refused starting churn: the name is in use",
            id="refused",
        ),
        pytest.param(
            docker.errors.DockerException("broken"),
            EngineIsNotThere,
            "The engine went away while starting churn: broken",
            id="the-sdk-gives-up",
        ),
        pytest.param(
            ConnectionResetError("reset"),
            EngineIsNotThere,
            "The engine went away while starting churn: reset",
            id="the-connection-breaks",
        ),
        pytest.param(
            urllib3.exceptions.ProtocolError("cut off"),
            EngineIsNotThere,
            "The engine went away while starting churn: cut off",
            id="cut-off-in-the-middle-of-an-answer",
        ),
    ],
)
def test_the_sdks_errors_are_told_in_our_words(
    raised: Exception, expected: type[Exception], said: str
) -> None:
    with pytest.raises(expected) as caught, engine.told("starting churn"):
        raise raised

    assert caught.value.problem == said
    assert "run the same command again" in caught.value.fix


@pytest.mark.parametrize("raised", [ConfigurationError("mine", fix="mend it"), KeyError("a bug")])
def test_what_is_not_the_engines_passes_through(raised: Exception) -> None:
    with pytest.raises(type(raised)) as caught, engine.told("starting churn"):
        raise raised

    assert caught.value is raised


@pytest.mark.engine
def test_what_is_not_there_is_none_and_what_is_there_is_found(
    engine_client: Client, model: str
) -> None:
    repository = containers.repository_of(model)
    assert engine.container(engine_client, model) is None
    assert engine.image(engine_client, f"{repository}:one") is None

    made = containers.tiny_image(engine_client, repository, "one")

    assert engine.image(engine_client, f"{repository}:one") == made


@pytest.mark.engine
def test_a_name_that_is_taken_meanwhile_is_somebody_elses_doing(
    engine_client: Client, model: str
) -> None:
    made = containers.tiny_image(engine_client, containers.repository_of(model), "one")
    one = engine_client.containers.create(made.id, ["/content"], name=model)
    try:
        with pytest.raises(SomebodyElseIsAtIt, match="already in use") as caught:  # noqa: SIM117
            with engine.told(f"making {model}"):
                engine_client.containers.create(made.id, ["/content"], name=model)
    finally:
        one.remove(force=True)

    assert caught.value.exit_code == 6


@pytest.mark.engine
def test_a_port_that_is_not_published_is_told_with_the_containers_name(
    engine_client: Client, model: str
) -> None:
    made = containers.tiny_image(engine_client, containers.repository_of(model), "one")
    one = engine_client.containers.create(made.id, ["/content"], name=model)
    try:
        with pytest.raises(EngineRefused, match=f"{model} does not publish its port 8000"):
            engine.published_port(one, 8000)
    finally:
        one.remove(force=True)
