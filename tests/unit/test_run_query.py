from dataclasses import replace
from datetime import UTC, datetime

import pytest
import results
from records import INGREDIENTS, RUN, V1, V2

from trainshed import experiment_record, ledger_runs, run_query
from trainshed.ledger_runs import Known
from trainshed.run import Dataset, Run
from trainshed.run_query import FilterIsNotUnderstood, Query


def known(run_id: str = "1", run: Run = RUN, **changes: object) -> Known:
    """A run of the store; `changes` replace its parts."""
    made = replace(run, run_id=run_id * 64, **changes)  # type: ignore[arg-type]
    [one] = ledger_runs.join([made], [])
    return one


def proposed(head: str = "ab" * 20, **changes: object) -> Known:
    """A run that a pull request alone made."""
    record = experiment_record.of_result(
        results.compared(head=head, **changes), pull_requests=[12], when="2026-01-02T03:04:05"
    )
    return Known(summary=record.run, experiments=(record,))


GOOD = known("1", metrics={"f1": 0.9, "loss": 0.2}, params={"depth": "7", "kind": "tree"})
BAD = known("2", metrics={"f1": 0.7, "loss": 0.3}, params={"depth": "12"})
OTHER = known("3", model="lifetime", metrics={"rmse": 3.5}, params={})
ALL = [GOOD, BAD, OTHER]


def selected(query: Query, among: list[Known] | None = None) -> str:
    """Return the first digits of the runs that a query means, in its order."""
    found = run_query.select(query, ALL if among is None else among)
    return "".join(one.run_id[0] for one in found)


def where(*texts: str) -> Query:
    return Query(conditions=tuple(run_query.condition(text) for text in texts))


@pytest.mark.parametrize(
    ("texts", "ids"),
    [
        (["f1>0.8"], "1"),
        (["f1 >= 0.7"], "12"),
        (["f1<0.9"], "2"),
        (["f1<=0.9"], "12"),
        (["f1=0.70"], "2"),
        (["f1!=0.7"], "1"),
        (["f1>0.5", "loss<0.25"], "1"),
        (["param.depth=7"], "1"),
        (["param.depth>7"], "2"),
        (["param.depth=7.0"], "1"),
        (["param.kind=tree"], "1"),
        (["param.kind!=bush"], "1"),
        (["param.seed=0"], "123"),
        (["param.env.LEVEL=high"], "123"),
    ],
)
def test_conditions_compare_numbers_as_numbers_and_texts_as_texts(
    texts: list[str], ids: str
) -> None:
    assert selected(where(*texts)) == ids


def test_a_run_without_what_is_named_meets_no_condition() -> None:
    assert selected(where("rmse!=1")) == "3"


def test_what_the_trainer_reported_outranks_what_it_was_given() -> None:
    assert GOOD.params["seed"] == "0"
    assert known(params={"seed": "5"}).params["seed"] == "5"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("f1", "not of the form"),
        ("f1>", "not of the form"),
        (">0.8", "not of the form"),
        ("f1=>0.8", "no number"),
        ("f1>high", "no number"),
        ("f1>nan", "no number"),
        ("param.kind<tree", "no number"),
    ],
)
def test_a_condition_that_is_none_is_told_with_an_example(text: str, problem: str) -> None:
    with pytest.raises(FilterIsNotUnderstood, match=problem) as caught:
        run_query.condition(text)
    assert "--where 'f1>0.8'" in caught.value.fix


def test_a_name_that_no_run_has_is_told_with_those_there_are() -> None:
    with pytest.raises(FilterIsNotUnderstood, match=r"metric f2; there are f1, loss, rmse\."):
        selected(where("f2>0.8"))
    with pytest.raises(FilterIsNotUnderstood, match="No run of churn has a metric rmse"):
        selected(Query(model="churn", sort="rmse"))
    with pytest.raises(FilterIsNotUnderstood, match=r"height; there are depth, env\.LEVEL"):
        selected(Query(sort="-param.height"))


def test_among_no_runs_every_name_is_fine() -> None:
    assert selected(where("f2>0.8"), []) == ""


def test_a_list_is_of_one_model() -> None:
    assert selected(Query(model="lifetime")) == "3"


def test_a_commit_is_named_by_its_first_digits_or_those_of_a_pull_requests_head() -> None:
    one = known("4", commit="d2" * 20)

    assert selected(Query(commit="d2d2"), [GOOD, one]) == "4"
    assert selected(Query(commit="D2"), [GOOD, one]) == "4"
    assert selected(Query(commit="abab"), [GOOD, proposed()]) == "1"
    assert run_query.select(Query(commit="ab"), [GOOD, proposed()]) == [proposed()]


def test_data_is_named_by_its_digest_or_its_path() -> None:
    one = known("4", dataset=Dataset(path="data/v2/train.csv", digest=V2))

    assert selected(Query(data=V2[:6]), [GOOD, one]) == "4"
    assert selected(Query(data="data/v2"), [GOOD, one]) == "4"
    assert selected(Query(data=V1), [GOOD, one]) == "1"


def test_days_and_times_bound_the_list_both_inclusive() -> None:
    days = [known(str(day), created=f"2026-01-0{day}T12:00:00+00:00") for day in (1, 2, 3)]
    moment = run_query.moment

    assert selected(Query(since=moment("2026-01-02")), days) == "23"
    assert selected(Query(until=moment("2026-01-02", ends=True)), days) == "12"
    assert selected(Query(until=moment("2026-01-02T11:59", ends=True)), days) == "1"
    assert selected(Query(since=moment("2026-01-02T13:00:00+01:00")), days) == "23"


def test_a_day_without_a_zone_is_of_utc() -> None:
    assert run_query.moment("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize("text", ["yesterday", "31.1.2026", "2026-13-01", ""])
def test_what_is_no_day_is_told_with_an_example(text: str) -> None:
    with pytest.raises(FilterIsNotUnderstood, match="neither a day nor a time") as caught:
        run_query.moment(text)
    assert "2026-01-31" in caught.value.fix


def test_an_order_puts_runs_without_the_metric_last_whichever_way_it_goes() -> None:
    assert selected(Query(sort="f1")) == "213"
    assert selected(Query(sort="-f1")) == "123"


def test_parameters_are_ordered_by_size_and_texts_come_after_numbers() -> None:
    text = known("4", params={"depth": "none"})

    assert selected(Query(sort="param.depth"), [text, *ALL]) == "1243"


def test_a_list_is_in_the_order_of_time_unless_another_is_asked_for() -> None:
    days = [known(str(day), created=f"2026-01-0{day}T12:00:00+00:00") for day in (3, 1, 2)]

    assert selected(Query(), days) == "123"
    assert selected(Query(sort="-created"), days) == "321"


def test_a_limit_keeps_the_newest_or_the_first_of_an_order() -> None:
    days = [known(str(day), created=f"2026-01-0{day}T12:00:00+00:00") for day in (3, 1, 2)]

    assert selected(Query(limit=2), days) == "23"
    assert selected(Query(limit=9), days) == "123"
    assert selected(Query(limit=2, sort="created"), days) == "12"


def test_a_query_names_the_metrics_that_its_reader_wants_to_see() -> None:
    query = replace(where("f1>0.8", "param.depth=7", "f1<1"), sort="-loss")

    assert query.names == ("f1", "loss")
    assert INGREDIENTS.params["seed"] == "0"
