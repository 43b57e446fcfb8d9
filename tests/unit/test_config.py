import pytest
from configurations import BASE, HOST_KEY, SECOND, environment, host, metric, model
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trainshed import config_file
from trainshed.config import Config, Model
from trainshed.hosts import Host


def test_the_smallest_file_has_these_defaults() -> None:
    churn = loaded(BASE)

    assert (churn.seed, churn.timeout) == (0, 3600)
    assert (churn.inputs, churn.lock, churn.out, churn.target) == (None, None, None, None)
    assert churn.metrics["f1"].tolerance == 0
    assert churn.is_served


@given(st.integers(1, 999_999), st.sampled_from([("s", 1), ("m", 60), ("h", 3600)]))
def test_a_duration_is_a_number_and_a_unit(number: int, unit: tuple[str, int]) -> None:
    letter, seconds = unit

    assert loaded(model(timeout=f"{number}{letter}")).timeout == number * seconds
    assert loaded(model(timeout=f"{number} {letter}")).timeout == number * seconds


def test_data_in_short_is_its_path() -> None:
    assert loaded(model(data="data/v1")) == loaded(model(data="{path: data/v1}"))


@pytest.mark.parametrize("key", ["min", "max", "tolerance"])
def test_a_whole_number_is_a_number(key: str) -> None:
    rule = loaded(metric(f"{{direction: maximize, {key}: 1}}")).metrics["f1"]

    assert getattr(rule, key) == 1.0


@pytest.mark.parametrize("part", ["{data}/{out}", "--seed={seed}", '{"json": 1}', "{}", "$HOME"])
def test_a_command_may_hold_its_placeholders_and_any_other_text(part: str) -> None:
    assert loaded(model(train=f"['{part}']")).train == [part]


@pytest.mark.parametrize(
    ("serve", "is_served"),
    [
        pytest.param("none", False, id="none"),
        pytest.param("{}", True, id="by-the-artifact-itself"),
        pytest.param("{predictor: a.b:c}", True, id="by-a-predictor"),
    ],
)
def test_a_model_is_served_unless_it_says_none(serve: str, is_served: bool) -> None:
    assert loaded(model(serve=serve)).is_served is is_served


def test_one_port_is_every_models() -> None:
    configuration = config_file.load(environment("{target: process, port: 8080}"))

    assert configuration.environments["production"].port_of("churn") == 8080


def test_each_of_several_models_has_the_port_that_it_is_given() -> None:
    ports = "{target: process, port: {churn: 8080, fraud: 8081}}"
    production = config_file.load(environment(ports, of=BASE + SECOND)).environments["production"]

    assert [production.port_of(name) for name in ("churn", "fraud")] == [8080, 8081]


def test_a_model_that_is_not_served_needs_no_port() -> None:
    lifetime = f"{SECOND}    serve: none\n"

    assert config_file.load(environment("{target: process, port: 8080}", of=BASE + lifetime))


def test_a_host_is_reached_as_its_url_says_and_known_by_its_key() -> None:
    text = host("ssh://deploy@server:2222", f"{HOST_KEY} root@server")
    found = config_file.load(text).environments["production"].ssh_host

    assert found == Host(user="deploy", name="server", port=2222, key=HOST_KEY)


def test_an_environment_without_a_host_is_on_this_machine() -> None:
    configuration = config_file.load(environment("{target: docker, port: 8080}"))

    assert configuration.environments["production"].ssh_host is None


def test_environments_keep_their_order() -> None:
    places = "".join(f"  {name}: {{target: process, port: 1}}\n" for name in ("b", "a", "c"))
    configuration = config_file.load(f"{BASE}environments:\n{places}")

    assert list(configuration.environments) == ["b", "a", "c"]


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        config_file.load(BASE).models = {}  # type: ignore[misc]


def test_a_number_is_never_read_from_text() -> None:
    with pytest.raises(ValidationError):
        Config.model_validate({"models": {"churn": {"metrics": {"f1": {"min": "0.8"}}}}})


def loaded(text: str) -> Model:
    return config_file.load(text).models["churn"]
