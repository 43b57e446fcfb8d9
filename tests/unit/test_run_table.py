import json
import re
from dataclasses import replace

from goldens import Golden
from records import INGREDIENTS, RUN, V2

from trainshed import run_table
from trainshed.run import Dataset

OTHER_INGREDIENTS = replace(
    INGREDIENTS, dataset=V2, params={"seed": "1"}, lock=None, code={"pipelines/": "beef" * 10}
)
OTHER = replace(
    RUN,
    run_id=OTHER_INGREDIENTS.run_id,
    model="life-time",
    dataset=Dataset(path="data/v2/train.csv", digest=V2),
    ingredients=OTHER_INGREDIENTS,
    metrics={"f1": 0.8501, "log_loss": 0.231, "auc": 0.931},
    commit="d2" * 20,
)
MANY = replace(RUN, metrics={f"metric-{number}": float(number) for number in range(9)})


def test_a_listing_has_a_line_per_run_and_a_few_metrics(golden: Golden) -> None:
    golden(run_table.listing([RUN, OTHER, MANY]), "run_table/listing.txt")


def test_an_empty_store_says_how_to_fill_it() -> None:
    assert run_table.listing([]) == "The run store is empty: scripts/train.py makes a run.\n"


def test_details_tell_all_that_made_a_run(golden: Golden) -> None:
    golden(run_table.details(RUN), "run_table/details.txt")


def test_details_of_a_run_without_a_lock_say_so() -> None:
    assert re.search(r"^lock +none$", run_table.details(OTHER), re.MULTILINE)


def test_a_comparison_tells_what_differs_then_metric_by_metric(golden: Golden) -> None:
    golden(run_table.comparison(RUN, OTHER), "run_table/comparison.txt")


def test_a_command_is_compared_only_where_it_differs() -> None:
    command = replace(INGREDIENTS, command=("bash", "train.sh"))

    text = run_table.comparison(RUN, replace(RUN, ingredients=command))

    assert re.search(r"^command +python pipelines/train.py .* +bash train.sh +differs$", text, re.M)


def test_a_run_compared_with_itself_is_the_same_throughout() -> None:
    assert "differs" not in run_table.comparison(RUN, RUN)


def test_no_line_ends_with_spaces() -> None:
    for text in (run_table.listing([RUN, OTHER]), run_table.comparison(RUN, OTHER)):
        assert all(line == line.rstrip() for line in text.splitlines())


def test_as_json_holds_every_run_whole() -> None:
    first, second = json.loads(run_table.as_json(iter([RUN, OTHER])))

    assert (first["run_id"], second["run_id"]) == (RUN.run_id, OTHER.run_id)
    assert first["ingredients"]["params"] == {"seed": "0", "env.LEVEL": "high"}
