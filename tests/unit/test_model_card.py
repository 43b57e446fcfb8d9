import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml
from goldens import Golden
from records import RULES, RUN, manifest
from rendered import tables, tokens

from trainshed import config, model_card, run
from trainshed.manifest import Gate
from trainshed.model_card import Card

SETTINGS = config.Model.model_validate(
    {
        "data": "data/v1/train.csv",
        "target": "churn",
        "train": ["python", "pipelines/train.py", "--data", "{data}", "--out", "{out}"],
        "lock": "requirements/train.txt",
        "metrics": {name: rule.model_dump(exclude_none=True) for name, rule in RULES.items()},
    }
)


def whole() -> Card:
    return card(
        manifest=manifest(image=f"ghcr.io/acme/churn@sha256:{'1f' * 32}"),
        rows=4030,
        repository="https://github.com/acme/churn",
    )


def least() -> Card:
    settings = {
        "data": {"path": "big.parquet", "fetch": ["dvc", "pull"], "sha256": "a1" * 32},
        "train": ["sh", "train.sh"],
        "metrics": {"rmse": {"direction": "minimize"}},
        "serve": "none",
    }
    bare = manifest(metrics={"rmse": 3.0}, gate=Gate(verdict="pass", baseline=None), python=None)
    return Card(manifest=bare, settings=config.Model.model_validate(settings), lock=None, run=None)


def served_without_an_image() -> Card:
    return card()


def further_metrics() -> Card:
    return card(manifest=manifest(metrics={**RUN.metrics, "auc|x": 0.91}))


def card(**changes: Any) -> Card:
    made = Card(manifest=manifest(), settings=SETTINGS, lock="10cc" * 16, run=run.summary(RUN))
    return replace(made, **changes)


@pytest.mark.parametrize("made", [whole, least, served_without_an_image, further_metrics])
def test_cards_read_so(made: Callable[[], Card], golden: Golden) -> None:
    golden(model_card.markdown(made()), f"model_card/{made.__name__}.md")


def test_the_header_is_yaml_whatever_a_metric_is_called() -> None:
    odd = '": [x\n---\nb'
    settings = SETTINGS.model_copy(update={"metrics": {odd: RULES["f1"]}})

    text = model_card.markdown(card(settings=settings))
    header = yaml.safe_load(text.split("\n---\n", 1)[0].removeprefix("---\n"))

    assert header == {"model_name": "churn", "version": "1.4.0", "metrics": [odd]}


def test_what_strangers_wrote_stays_text() -> None:
    odd = "<img src=x> @octocat [a](https://evil.example)"
    report = {**run.summary(RUN), "params": {odd: odd}}
    settings = SETTINGS.model_copy(update={"target": odd, "train": [odd]})

    rendered = model_card.markdown(card(run=report, settings=settings))

    kinds = [token.type for token in tokens(rendered)]
    assert "html_inline" not in kinds
    assert "link_open" not in kinds
    assert "@octocat" not in rendered


def test_every_row_of_a_table_has_as_many_cells_as_its_head() -> None:
    for made in (whole, least, further_metrics):
        for table in tables(model_card.markdown(made())):
            assert len({len(row) for row in table}) == 1


def test_the_card_is_the_same_however_its_run_was_read() -> None:
    again = json.loads(json.dumps(run.summary(RUN)))

    assert model_card.markdown(card(run=again)) == model_card.markdown(card())
