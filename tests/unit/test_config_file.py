import re
from pathlib import Path
from typing import Any

import json_schema
import pytest
import yaml
from configurations import BASE, DESIGN, MISTAKES, SECOND, WRONG, environment, metric, model
from goldens import Golden
from hypothesis import example, given
from hypothesis import strategies as st

from trainshed import config_file
from trainshed.config import Config, Data, Metric, Serve
from trainshed.config_file import ConfigIsMalformed, ModelIsUnknown

ROOT = Path(__file__).parents[2]


def test_every_mistake_is_told_with_its_place_and_its_fix(golden: Golden) -> None:
    told = []
    for name, text in MISTAKES.items():
        with pytest.raises(ConfigIsMalformed) as raised:
            config_file.load(text)
        told.append(f"{name}\n    {raised.value.problem}\n    {raised.value.fix}\n")

    golden("\n".join(told), "config/mistakes.txt")


def test_a_mistake_is_told_as_the_design_has_it() -> None:
    with pytest.raises(ConfigIsMalformed) as raised:
        config_file.load(metric("{direction: maximize, min: high}"))

    assert str(raised.value) == (
        'trainshed.yml: models/churn/metrics/f1/min: should be a number, got "high".\n'
        "Write a value such as 0.80."
    )


@pytest.mark.parametrize("target", ["process", "docker"])
def test_the_designs_example_loads(target: str) -> None:
    loaded = config_file.load(DESIGN.replace("target: docker", f"target: {target}"))

    churn, lifetime = loaded.models["churn"], loaded.models["lifetime"]
    assert churn.data == Data(path="data/v1/train.csv")
    assert churn.train[-1] == "{out}"
    assert (churn.timeout, churn.env) == (1800, {"SEED": "{seed}"})
    assert churn.metrics["f1"] == Metric(direction="maximize", min=0.80, tolerance=0.01)
    assert churn.serve == Serve(predictor="pipelines.predict:predict", include=["pipelines/"])
    assert lifetime.data.fetch == ["dvc", "pull", "data/big.parquet"]
    assert (churn.is_served, lifetime.is_served) == (True, False)
    assert loaded.environments["production"].target == target
    assert loaded.environments["production"].port_of("churn") == 8080


def test_the_repositorys_own_file_loads() -> None:
    assert "churn" in config_file.load((ROOT / "trainshed.yml").read_bytes()).models


def test_bytes_and_text_load_the_same_whatever_their_line_ends() -> None:
    loaded = config_file.load(DESIGN)

    assert config_file.load(DESIGN.encode()) == loaded
    assert config_file.load(DESIGN.replace("\n", "\r\n").encode("utf-8-sig")) == loaded


def test_a_merge_key_is_understood_and_a_key_of_its_own_wins() -> None:
    text = model(metrics="{f1: &a {direction: maximize, min: 0.5}, auc: {<<: *a, min: 1}}")

    metrics = config_file.load(text).models["churn"].metrics

    assert metrics["auc"] == Metric(direction="maximize", min=1.0)


def test_where_the_text_comes_from_is_named() -> None:
    with pytest.raises(ConfigIsMalformed, match=r"^shop/trainshed\.yml: models: is missing"):
        config_file.load("{}", where="shop/trainshed.yml")


@given(st.text() | st.binary())
@example("a: !!bool perhaps")
@example("a: !!timestamp x")
@example("{a: &a [*a]}")
@example("? {a: b}\n: c")
@example("<<: 1")
def test_no_text_does_anything_but_load_or_be_malformed(text: str | bytes) -> None:
    error = mistake_in(text)

    assert error is None or (error.problem.startswith("trainshed.yml: ") and error.fix)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=5,
)
PLACES = [
    *((key,) for key in Config.model_fields),
    *(("models", "churn", key) for key in ("data", "train", "env", "metrics", "serve", "seed")),
    ("models", "churn", "metrics", "f1"),
    ("environments", "production", "port"),
]


@given(place=st.sampled_from(PLACES), value=JSON_VALUES)
def test_a_wrong_value_is_told_at_its_place_or_below(place: tuple[str, ...], value: Any) -> None:
    content = yaml.safe_load(environment("{target: process, port: 8080}"))
    holder = content
    for part in place[:-1]:
        holder = holder[part]
    holder[place[-1]] = value

    error = mistake_in(yaml.safe_dump(content, allow_unicode=True))

    if error is not None:
        path = error.problem.removeprefix("trainshed.yml: ")
        # Another model may have no port in the environment: that is told at the port.
        assert path.startswith(("/".join(place), "environments/production/port"))
        assert error.fix


SCHEMA = config_file.json_schema()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BASE, id="the-smallest"),
        pytest.param(DESIGN, id="the-designs"),
        pytest.param((ROOT / "trainshed.yml").read_text(), id="the-repositorys-own"),
    ],
)
def test_the_schema_accepts_what_loads(text: str) -> None:
    assert config_file.load(text)
    assert json_schema.accepts(SCHEMA, yaml.safe_load(text))


@pytest.mark.parametrize("name", WRONG)
def test_the_schema_refuses_what_does_not_load(name: str) -> None:
    assert not json_schema.accepts(SCHEMA, yaml.safe_load(WRONG[name]))


def test_the_only_model_is_meant_when_none_is_named() -> None:
    assert config_file.model_of(config_file.load(BASE), None) == "churn"


def test_a_named_model_is_the_one_that_is_meant() -> None:
    assert config_file.model_of(config_file.load(BASE + SECOND), "fraud") == "fraud"


@pytest.mark.parametrize(
    ("text", "name", "told"),
    [
        pytest.param(
            BASE + SECOND,
            None,
            "trainshed.yml has 2 models: churn, fraud.\nSay which one with --model.",
            id="none-is-named-of-several",
        ),
        pytest.param(
            BASE,
            "chrun",
            'trainshed.yml has no model "chrun"; it has: churn.\nDid you mean "churn"?',
            id="misspelt",
        ),
        pytest.param(
            BASE,
            "lifetime",
            'trainshed.yml has no model "lifetime"; it has: churn.\n'
            "Add it, or name a model it has.",
            id="unknown",
        ),
    ],
)
def test_an_unknown_model_is_told_with_those_there_are(
    text: str, name: str | None, told: str
) -> None:
    with pytest.raises(ModelIsUnknown, match=f"^{re.escape(told)}$"):
        config_file.model_of(config_file.load(text), name)


def test_every_environment_is_meant_when_none_is_named() -> None:
    both = "{target: process, port: 1}, staging: {target: process, port: 2}"
    loaded = config_file.load(environment(both))

    assert config_file.environments_of(loaded, None) == ["production", "staging"]
    assert config_file.environments_of(loaded, "staging") == ["staging"]
    with pytest.raises(ModelIsUnknown, match=r'no environment "stage".*\nDid you mean "staging"'):
        config_file.environments_of(loaded, "stage")


def mistake_in(text: str | bytes) -> ConfigIsMalformed | None:
    try:
        config_file.load(text)
    except ConfigIsMalformed as error:
        return error
    return None
