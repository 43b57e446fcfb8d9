import json
import random
from dataclasses import asdict, fields, replace
from typing import Any

import pytest
from goldens import Golden
from hypothesis import given
from hypothesis import strategies as st
from records import INGREDIENTS, RUN, V2

from trainshed import run
from trainshed.run import File, Ingredients

TEXTS = st.text(st.characters(codec="utf-8"))
MAPPINGS = st.dictionaries(TEXTS, TEXTS)
ALL_INGREDIENTS = st.builds(
    Ingredients,
    model=TEXTS,
    code=MAPPINGS,
    dataset=TEXTS,
    command=st.lists(TEXTS).map(tuple),
    params=MAPPINGS,
    lock=st.none() | TEXTS,
    python=TEXTS,
)
OTHERS: dict[str, Any] = {
    "model": "lifetime",
    "code": {"pipelines/": "beef" * 10},
    "dataset": V2,
    "command": ("bash", "train.sh"),
    "params": {"seed": "1", "env.LEVEL": "high"},
    "lock": None,
    "python": "3.12",
}


def test_the_run_id_of_these_ingredients_never_changes() -> None:
    """Every run that anybody ever stored would be trained again."""
    assert INGREDIENTS.run_id == (
        "19a4c4f2157d80e6613e71c16515763fc605706b329778c66b80dbbef8ecc6d7"
    )


@pytest.mark.parametrize("name", [one.name for one in fields(Ingredients)])
def test_the_run_id_changes_with_every_ingredient(name: str) -> None:
    assert replace(INGREDIENTS, **{name: OTHERS[name]}).run_id != INGREDIENTS.run_id


@given(ALL_INGREDIENTS, ALL_INGREDIENTS)
def test_two_runs_have_one_id_when_their_ingredients_are_equal_and_only_then(
    one: Ingredients, other: Ingredients
) -> None:
    assert (one.run_id == other.run_id) == (one == other)
    assert one.run_id == replace(one).run_id


@given(ALL_INGREDIENTS, TEXTS)
def test_an_ingredient_more_or_less_is_another_run(one: Ingredients, text: str) -> None:
    ids = {
        one.run_id,
        replace(one, command=(*one.command, text)).run_id,
        replace(one, code={**one.code, "\0new": text}).run_id,
        replace(one, params={**one.params, "\0new": text}).run_id,
    }

    assert len(ids) == 4


@given(ALL_INGREDIENTS, st.integers())
def test_the_order_of_paths_and_parameters_does_not_matter(one: Ingredients, seed: int) -> None:
    def shuffled(mapping: Any) -> Any:
        items = list(mapping.items())
        random.Random(seed).shuffle(items)
        return dict(items)

    other = replace(one, code=shuffled(one.code), params=shuffled(one.params))

    assert other.run_id == one.run_id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"command": ("a b",)}, {"command": ("a", "b")}, id="how-a-command-is-split"),
        pytest.param({"lock": None}, {"lock": "null"}, id="no-lock-and-a-lock-called-null"),
        pytest.param({"lock": None}, {"lock": ""}, id="no-lock-and-an-empty-one"),
        pytest.param(
            {"params": {"a": "b", "c": "d"}}, {"params": {"a": "b,c=d"}}, id="how-params-are-joined"
        ),
    ],
)
def test_what_only_looks_alike_is_another_run(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert replace(INGREDIENTS, **one).run_id != replace(INGREDIENTS, **other).run_id


def test_a_run_is_the_same_after_json() -> None:
    assert run.from_json(RUN.to_json()) == RUN
    assert run.from_json(RUN.to_json().encode()) == RUN
    assert run.from_json(RUN.to_json()).ingredients.run_id == RUN.run_id


def test_a_run_is_written_to_be_read(golden: Golden) -> None:
    golden(RUN.to_json(), "run/run.json")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({"artifact": {"path": "a"}}, "artifact/digest", id="half-an-artifact"),
        pytest.param({"metrics": None}, "metrics", id="no-metrics"),
        pytest.param({"format": 2}, "format 2; this Trainshed reads up to 1", id="a-newer-format"),
    ],
)
def test_what_is_no_run_is_not_read(changes: dict[str, Any], told: str) -> None:
    text = json.dumps({**asdict(RUN), **changes})

    with pytest.raises(ValueError, match=told):
        run.from_json(text)


def test_the_ledger_keeps_what_a_run_is_but_no_path_of_this_machine() -> None:
    predictions = File(path="predictions/churn.csv", digest="f3" * 32, size=9)

    kept = run.summary(replace(RUN, predictions=predictions))

    assert kept["run_id"] == RUN.run_id
    assert kept["dataset"] == {"path": "data/v1/train.csv", "digest": RUN.dataset.digest}
    assert (kept["artifact"], kept["predictions"], kept["seed"]) == ("f1" * 32, "f3" * 32, "0")
    assert predictions.path not in json.dumps(kept)
    assert RUN.artifact.path not in json.dumps(kept)
